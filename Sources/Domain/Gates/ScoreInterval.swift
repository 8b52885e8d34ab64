/// How sure an interval is, two-sided.
///
/// A closed set: the normal quantiles are constants (SciPy `norm.ppf(1 - (1 - level) / 2)`), not an approximation of ours.
public enum Confidence: Int32, CaseIterable, Hashable, Sendable {
  case percent80 = 800_000
  case percent90 = 900_000
  case percent95 = 950_000
  case percent99 = 990_000
  case percent999 = 999_000

  /// The level in millionths: 950_000 is 95 %.
  public var millionths: Int32 { rawValue }

  /// The standard normal quantile z with P(|Z| ≤ z) = level.
  public var quantile: Double {
    switch self {
    case .percent80: 1.2815515655446004
    case .percent90: 1.6448536269514722
    case .percent95: 1.959963984540054
    case .percent99: 2.5758293035489004
    case .percent999: 3.290526731491926
    }
  }
}

/// A share and the interval that holds it, each 0...1 for a proportion, -1...1 for a difference.
public struct ScoreInterval: Hashable, Sendable {
  public let estimate: Double
  public let lower: Double
  public let upper: Double

  /// Wilson's score interval of a proportion x / n.
  ///
  /// ```
  /// p = x / n
  /// bounds = (2np + z² ∓ z √(z² + 4np(1 − p))) / (2(n + z²))
  /// ```
  ///
  /// Source: Wilson 1927; formula and examples of Newcombe, Statistics in Medicine 17 (1998) 857–872, table I, method 3.
  /// At 95 %:
  /// - 81 / 263 → 0.3080, 0.2553...0.3662
  /// - 15 / 148 → 0.1014, 0.0624...0.1605
  /// - 0 / 20 → 0, 0...0.1611
  /// - 1 / 29 → 0.0345, 0.0061...0.1718
  ///
  /// Nil when `total` is not positive or `count` is outside 0...total.
  public init?(count: Int, of total: Int, confidence: Confidence) {
    guard total > 0, (0...total).contains(count) else { return nil }
    let z = confidence.quantile
    let n = Double(total)
    let p = Double(count) / n
    let centre = 2 * n * p + z * z
    let reach = z * (z * z + 4 * n * p * (1 - p)).squareRoot()
    let scale = 2 * (n + z * z)
    estimate = p
    // At the ends the bound is exact; the formula would leave rounding dust.
    lower = count == 0 ? 0 : max(0, (centre - reach) / scale)
    upper = count == total ? 1 : min(1, (centre + reach) / scale)
  }

  /// Newcombe's hybrid score interval of the difference of two independent proportions, `first − second`.
  ///
  /// ```
  /// d = p1 − p2
  /// lower = d − √((p1 − l1)² + (u2 − p2)²)
  /// upper = d + √((u1 − p1)² + (p2 − l2)²)          l, u: the Wilson bounds of each
  /// ```
  ///
  /// Source: Newcombe, Statistics in Medicine 17 (1998) 873–890, table II, method 10. At 95 %:
  /// - 56/70 − 48/80 → 0.2, 0.0524...0.3339
  /// - 9/10 − 3/10 → 0.6, 0.1705...0.8090
  /// - 10/10 − 0/10 → 1, 0.6075...1
  public init(difference first: ScoreInterval, minus second: ScoreInterval) {
    func hypotenuse(_ a: Double, _ b: Double) -> Double { (a * a + b * b).squareRoot() }
    estimate = first.estimate - second.estimate
    lower = max(
      -1,
      estimate - hypotenuse(first.estimate - first.lower, second.upper - second.estimate))
    upper = min(
      1, estimate + hypotenuse(first.upper - first.estimate, second.estimate - second.lower))
  }
}
