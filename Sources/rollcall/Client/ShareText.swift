import ArgumentParser

/// A share written by a person: "5%", "5 %", "0.05" are the same thing in millionths.
enum ShareText {
  /// What is said of a share that is none.
  static func refusal(_ text: String) -> String {
    let isPlain = !text.contains("%") && text.contains(where: { ("1"..."9").contains($0) })
    return "\"\(text)\" is not a share such as 12.5% or 0.125"
      + (isPlain ? ": write \"\(text)%\", or \"100%\" for everybody" : "")
  }

  /// The millionths of an argument.
  static func parsed(_ text: String) throws(ValidationError) -> Int64 {
    guard let millionths = millionths(text) else { throw ValidationError(refusal(text)) }
    return millionths
  }

  /// "5%" → 50000, "0.05" → 50000, "100%" → 1000000, "0.0001%" → 1. Nil for what is no share, is
  /// finer than a millionth or exceeds `limit`; and for a plain number of 1 and more: "1" may be meant
  /// as 1 % or as everybody.
  static func millionths(_ text: String, limit: Int64 = 1_000_000) -> Int64? {
    var digits = text.filter { $0 != " " }
    // 1 % are 10^4 millionths, a plain 1 is 10^6.
    var scale = 6
    if digits.hasSuffix("%") {
      digits.removeLast()
      scale = 4
    }
    let parts = digits.split(separator: ".", omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count), !parts[0].isEmpty,
      parts.allSatisfy({ $0.allSatisfy { $0.isASCII && $0.isNumber } })
    else { return nil }
    var fraction = parts.count == 2 ? String(parts[1]) : ""
    if parts.count == 2, fraction.isEmpty { return nil }
    while fraction.last == "0" { fraction.removeLast() }
    guard fraction.count <= scale else { return nil }
    fraction += String(repeating: "0", count: scale - fraction.count)
    guard let value = Int64(parts[0] + fraction), value <= limit,
      scale == 4 || value < 1_000_000
    else { return nil }
    return value
  }
}
