/// Page sizes: 50 by default, at most 200; a larger one is reduced, a negative one refused.
public enum PageSize {
  public static let standard = 50
  public static let maximum = 200

  /// The size to use for a requested one; nil when it is negative (INVALID_ARGUMENT).
  ///
  /// 0 → 50, 1 → 1, 200 → 200, 201 → 200, −1 → nil.
  public static func effective(_ requested: Int32) -> Int? {
    if requested < 0 { return nil }
    return requested == 0 ? standard : min(Int(requested), maximum)
  }
}
