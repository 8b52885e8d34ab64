/// A span of time written by a person: "90", "90s", "10m", "2h", "1d", "500ms".
enum SpanText {
  /// Milliseconds; nil for what is no span, is negative or does not fit.
  static func milliseconds(_ text: String) -> Int64? {
    let units: [(String, Int64)] = [
      ("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000),
    ]
    let (suffix, size) = units.first { text.hasSuffix($0.0) } ?? ("", 1_000)
    let digits = text.dropLast(suffix.count)
    guard !digits.isEmpty, digits.allSatisfy({ $0.isASCII && $0.isNumber }),
      let count = Int64(digits)
    else { return nil }
    let (value, overflow) = count.multipliedReportingOverflow(by: size)
    return overflow ? nil : value
  }
}
