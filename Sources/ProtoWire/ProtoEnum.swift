/// A generated enum. It is open: a number without a name is kept as `.unrecognized(number)`.
///
/// `init(rawValue:)` always prefers the named case; build values through it or through the cases, and
/// never as `.unrecognized` with the number of a named case, which would compare unequal to it.
public protocol ProtoEnum: RawRepresentable, JSONScalar, Hashable, Sendable
where RawValue == Int32 {
  /// The schema's name, such as `rollcall.v1.Rollout.State`.
  static var fullName: String { get }
  /// The value with the number 0, a field's default.
  init()
  init(rawValue: Int32)
  /// The value's name as the schema spells it; `nil` for an unrecognized number.
  var protoName: String? { get }
  /// The value of that name (aliases included), or `nil`.
  init?(protoName: String)
}
