/// The names of a message's fields in JSON: what generated code looks a key up in.
///
/// One per message type, made on first use, immutable afterwards.
public final class JSONFields: Sendable {
  /// One field of a message.
  public struct Field: Sendable {
    let number: Int32
    let jsonName: StaticString
    let protoName: StaticString
    let hasTwoNames: Bool
    let oneof: Int
    let takesNull: Bool

    /// - Parameters:
    ///   - protoName: the schema's name, where it differs from the JSON name.
    ///   - oneof: the index of the oneof that the field is a member of; two members exclude each
    ///     other.
    ///   - takesNull: `null` is a value of the field (`google.protobuf.Value`, `NullValue`) and not
    ///     its absence.
    public init(
      _ number: Int32, _ jsonName: StaticString, _ protoName: StaticString? = nil,
      oneof: Int = -1, takesNull: Bool = false
    ) {
      self.number = number
      self.jsonName = jsonName
      self.protoName = protoName ?? jsonName
      hasTwoNames = protoName != nil
      self.oneof = oneof
      self.takesNull = takesNull
    }
  }

  let message: String
  let fields: [Field]
  /// Open addressing over both names of each field: a field's index + 1, or 0 for an empty place.
  private let places: [UInt16]

  /// - Parameters:
  ///   - message: the message's full name, for errors.
  ///   - fields: in the order of the schema, which is the order that most writers keep.
  /// - Precondition: fewer than 65,535 fields (protobuf's own limit).
  public init(_ message: String, _ fields: [Field]) {
    precondition(fields.count < 65_535, "\(message) has \(fields.count) fields")
    self.message = message
    self.fields = fields
    var capacity = 4
    while capacity < fields.count * 4 { capacity *= 2 }
    var places = [UInt16](repeating: 0, count: capacity)
    func insert(_ name: StaticString, _ index: Int) {
      var place = Int(truncatingIfNeeded: Self.hash(Self.bytes(name))) & (capacity - 1)
      while places[place] != 0 { place = (place + 1) & (capacity - 1) }
      places[place] = UInt16(index + 1)
    }
    // One field's name may be another's JSON name, and the JSON names come first.
    for (index, field) in fields.enumerated() { insert(field.jsonName, index) }
    for (index, field) in fields.enumerated() where field.hasTwoNames {
      insert(field.protoName, index)
    }
    self.places = places
  }

  private static func bytes(_ name: StaticString) -> UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
  }

  private static func hash(_ name: UnsafeBufferPointer<UInt8>) -> UInt64 {
    // FNV-1a: the names are the schema's, so nobody can choose them to collide.
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in name { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return hash ^ hash >> 32
  }

  /// The field of that name. `guess` is tried first: the one after the last.
  @inline(__always)
  func index(of name: UnsafeBufferPointer<UInt8>, guess: Int) -> Int? {
    if guess < fields.count, JSONNumber.matches(name, fields[guess].jsonName) { return guess }
    return search(name)
  }

  @inline(never) private func search(_ name: UnsafeBufferPointer<UInt8>) -> Int? {
    var place = Int(truncatingIfNeeded: Self.hash(name)) & (places.count - 1)
    var byProtoName: Int?
    while places[place] != 0 {
      let index = Int(places[place]) - 1
      if JSONNumber.matches(name, fields[index].jsonName) { return index }
      if byProtoName == nil, JSONNumber.matches(name, fields[index].protoName) {
        byProtoName = index
      }
      place = (place + 1) & (places.count - 1)
    }
    return byProtoName
  }
}

/// The state of one object while its fields are read: which fields and oneofs it has had.
public struct JSONObject {
  var isFirst = true
  /// The object is a `google.protobuf.Any`'s, whose `@type` stands among the fields.
  let isAnyContent: Bool
  /// That `@type` was passed.
  var hasType = false
  /// The index of the last field.
  var last = -1
  private var low: UInt64 = 0
  private var high: [UInt64] = []

  init(isAnyContent: Bool) { self.isAnyContent = isAnyContent }

  /// Takes an `insert` back.
  mutating func remove(_ bit: Int) {
    if bit < 64 {
      low &= ~(1 &<< UInt64(bit))
    } else {
      high[(bit - 64) >> 6] &= ~(1 &<< UInt64((bit - 64) & 63))
    }
  }

  /// Whether the bit was clear; sets it. Fields first, then oneofs.
  @inline(__always) mutating func insert(_ bit: Int) -> Bool {
    if bit < 64 {
      let mask = 1 as UInt64 &<< UInt64(bit)
      defer { low |= mask }
      return low & mask == 0
    }
    return insertHigh(bit - 64)
  }

  private mutating func insertHigh(_ bit: Int) -> Bool {
    let word = bit >> 6
    while high.count <= word { high.append(0) }
    let mask = 1 as UInt64 &<< UInt64(bit & 63)
    defer { high[word] |= mask }
    return high[word] & mask == 0
  }
}
