/// A generated enum. It is open: a number without a name is kept as `.unrecognized(number)`.
///
/// `init(rawValue:)` always prefers the named case; build values through it or through the cases, and
/// never as `.unrecognized` with the number of a named case, which would compare unequal to it.
public protocol ProtoEnum: RawRepresentable, JSONScalar, Hashable, Sendable
where RawValue == Int32 {
  /// The names that the schema spells.
  static var protoNames: ProtoEnumNames { get }
  /// The value with the number 0, a field's default.
  init()
  init(rawValue: Int32)
}

extension ProtoEnum {
  /// The schema's name, such as `rollcall.v1.Rollout.State`.
  public static var fullName: String { protoNames.fullName }

  /// The value's name as the schema spells it; `nil` for an unrecognized number.
  public var protoName: String? { Self.protoNames.name(of: rawValue).map { "\($0)" } }

  /// The value of that name (aliases included), or `nil`.
  public init?(protoName: String) {
    var name = protoName
    guard let number = name.withUTF8({ Self.protoNames.number(of: $0) }) else { return nil }
    self.init(rawValue: number)
  }
}

/// The names of an enum's values. Looked up by bytes: a peer's text is neither hashed nor normalized.
///
/// One per enum, made on first use, immutable afterwards.
public final class ProtoEnumNames: Sendable {
  /// The schema's name of the enum.
  public let fullName: String
  private let values: [(number: Int32, name: StaticString)]
  /// Indices of `values` in the order of their names' bytes.
  private let byName: [Int]
  /// Indices of the first name of each number, in the order of numbers.
  private let byNumber: [Int]

  /// - Parameter values: in the order of the schema; the first name of a number is the one written.
  public init(_ fullName: String, _ values: [(Int32, StaticString)]) {
    self.fullName = fullName
    let values = values.map { (number: $0.0, name: $0.1) }
    self.values = values
    byName = values.indices.sorted {
      Self.order(Self.bytes(values[$0].name), Self.bytes(values[$1].name)) < 0
    }
    var byNumber: [Int] = []
    for index in values.indices.sorted(by: { (values[$0].number, $0) < (values[$1].number, $1) })
    where byNumber.last.map({ values[$0].number != values[index].number }) ?? true {
      byNumber.append(index)
    }
    self.byNumber = byNumber
  }

  /// The number of that name; `nil` when the enum has no such name.
  func number(of name: UnsafeBufferPointer<UInt8>) -> Int32? {
    var range = byName.indices
    while !range.isEmpty {
      let middle = (range.lowerBound + range.upperBound) / 2
      let value = values[byName[middle]]
      let order = Self.order(name, Self.bytes(value.name))
      if order == 0 { return value.number }
      range = order < 0 ? range.lowerBound..<middle : middle + 1..<range.upperBound
    }
    return nil
  }

  /// The first name of that number; `nil` for a number without one.
  func name(of number: Int32) -> StaticString? {
    // Most enums count from 0 on.
    let place = Int(number)
    if byNumber.indices.contains(place), values[byNumber[place]].number == number {
      return values[byNumber[place]].name
    }
    var range = byNumber.indices
    while !range.isEmpty {
      let middle = (range.lowerBound + range.upperBound) / 2
      let value = values[byNumber[middle]]
      if value.number == number { return value.name }
      range = number < value.number ? range.lowerBound..<middle : middle + 1..<range.upperBound
    }
    return nil
  }

  private static func bytes(_ name: StaticString) -> UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
  }

  /// Negative, zero or positive as `left` sorts before, equal to or after `right`.
  private static func order(
    _ left: UnsafeBufferPointer<UInt8>, _ right: UnsafeBufferPointer<UInt8>
  ) -> Int {
    for index in 0..<min(left.count, right.count) where left[index] != right[index] {
      return Int(left[index]) - Int(right[index])
    }
    return left.count - right.count
  }
}
