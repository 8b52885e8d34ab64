extension JSONReader {
  /// Enters the object of a message.
  public mutating func beginObject() throws(JSONDecodingError) -> JSONObject {
    guard try peek() == UInt8(ascii: "{") else { throw unexpected("an object") }
    let object = JSONObject(hasType: position == typedObject)
    position += 1
    try descend()
    return object
  }

  /// The number of the next field, whose value is next; `nil` after the last one.
  ///
  /// A `null` that only means absence is consumed here, and so are unknown fields when they are
  /// ignored.
  /// - Throws: for an unknown field, a field that was there before, the second member of a oneof.
  public mutating func nextField(_ object: inout JSONObject, of table: JSONFields)
    throws(JSONDecodingError) -> Int32?
  {
    while try nextEntry(&object.isFirst) {
      let place = position
      let name = try scanString()
      guard let index = table.index(of: name, guess: object.last + 1) else {
        try unknownField(name, at: place, object, table)
        continue
      }
      let field = table.fields[index]
      object.last = index
      guard object.insert(index) else {
        throw fail(.duplicateField("\(field.protoName)"), at: place)
      }
      try colon()
      if try peek() == UInt8(ascii: "n"), !field.takesNull {
        try literal("null")
        continue
      }
      if field.oneof >= 0, !object.insert(table.fields.count + field.oneof) {
        throw fail(.oneofSetTwice("\(field.protoName)"), at: place)
      }
      return field.number
    }
    return nil
  }

  @inline(never) private mutating func unknownField(
    _ name: UnsafeBufferPointer<UInt8>, at place: UnsafePointer<UInt8>, _ object: JSONObject,
    _ table: JSONFields
  ) throws(JSONDecodingError) {
    guard options.ignoreUnknownFields || object.hasType && JSONNumber.matches(name, "@type") else {
      throw fail(.unknownField(JSONPath.excerpt(name), message: table.message), at: place)
    }
    try colon()
    try skipValue()
  }

  // MARK: Values of fields

  /// The value of a field; `nil` for an enum name that is unknown and ignored.
  @inlinable public mutating func value<V: JSONValue>(_: V.Type) throws(JSONDecodingError) -> V? {
    try V.readJSON(from: &self)
  }

  /// Reads a field without presence.
  @inlinable public mutating func singular<V: JSONValue>(_ field: inout V) throws(JSONDecodingError)
  {
    if let value = try V.readJSON(from: &self) { field = value }
  }

  /// Reads an `optional` field.
  @inlinable public mutating func optional<V: JSONValue>(_ field: inout V?)
    throws(JSONDecodingError)
  {
    if let value = try V.readJSON(from: &self) { field = value }
  }

  /// Merges into a sub-message.
  @inlinable public mutating func optional<M: Message>(_ field: inout M?) throws(JSONDecodingError)
  {
    var message = field.take() ?? M()
    try message.mergeJSON(from: &self)
    field = message
  }

  /// Appends the elements of a list. `null` is no element, unless it is a value of the type.
  @inlinable public mutating func repeated<V: JSONValue>(_ field: inout [V])
    throws(JSONDecodingError)
  {
    try beginList()
    var isFirst = true
    while try nextElement(&isFirst) {
      if V.elementCharge > 0 { try charge(V.elementCharge) }
      if let value = try V.readJSON(from: &self) { field.append(value) }
    }
  }

  /// Reads the entries of a map. `null` is no value, unless it is one of the type.
  /// - Throws: also for a key that the object has twice.
  @inlinable public mutating func map<K: JSONMapKey, V: JSONValue>(_ field: inout [K: V])
    throws(JSONDecodingError)
  {
    try beginMap()
    var isFirst = true
    // Into an empty map, which is the rule, a key that is already there is a duplicate.
    var seen: Set<K>? = field.isEmpty ? nil : []
    while try nextEntry(&isFirst) {
      let place = mark
      let key = try K.readJSONKey(from: &self)
      try colon()
      if V.elementCharge > 0 { try charge(V.elementCharge &* 2) }
      if seen != nil, !seen!.insert(key).inserted { throw duplicateKey("\(key)", at: place) }
      guard let value = try V.readJSON(from: &self) else { continue }
      let previous = field.updateValue(value, forKey: key)
      if seen == nil, previous != nil { throw duplicateKey("\(key)", at: place) }
    }
  }

  @usableFromInline var mark: Int { position - start }

  @usableFromInline @inline(never) func duplicateKey(_ key: String, at offset: Int)
    -> JSONDecodingError
  {
    fail(.duplicateKey(String(key.prefix(64))), at: start + offset)
  }
}
