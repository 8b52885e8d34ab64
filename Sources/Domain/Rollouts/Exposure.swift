/// The share of a fleet that a rollout reaches, in millionths: 0...1_000_000.
///
/// An integer, so that a bucket compares with it exactly and no rounding ever moves a device.
public struct Exposure: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// Millionths of the fleet: 1_000_000 is everybody.
  public let millionths: Int32

  /// Nobody.
  public static let zero = Exposure(trusted: 0)
  /// Everybody.
  public static let full = Exposure(trusted: 1_000_000)

  private init(trusted: Int32) { millionths = trusted }

  /// Takes millionths, or refuses what is outside 0...1_000_000.
  ///
  /// - `50_000` → 5 %
  /// - `1_000_000` → 100 %
  /// - `1_200_000` → error "exposure 1200000 exceeds 1000000"
  /// - `-1` → error "exposure -1 is below 0"
  public init(millionths: Int64, field: String = "exposure") throws(DomainError) {
    guard millionths <= 1_000_000 else {
      throw .invalid(field: field, message: "exposure \(millionths) exceeds 1000000")
    }
    guard millionths >= 0 else {
      throw .invalid(field: field, message: "exposure \(millionths) is below 0")
    }
    self.millionths = Int32(millionths)
  }

  /// The percentage, exact, without trailing zeros.
  ///
  /// - 50_000 → `"5%"`
  /// - 125_000 → `"12.5%"`
  /// - 1 → `"0.0001%"`
  /// - 1_000_000 → `"100%"`
  public var percent: String {
    let (whole, rest) = millionths.quotientAndRemainder(dividingBy: 10_000)
    guard rest != 0 else { return "\(whole)%" }
    var decimals = String(rest)
    decimals = String(repeating: "0", count: 4 - decimals.count) + decimals
    while decimals.last == "0" { decimals.removeLast() }
    return "\(whole).\(decimals)%"
  }

  public var description: String { percent }

  @inlinable
  public static func < (left: Self, right: Self) -> Bool { left.millionths < right.millionths }
}
