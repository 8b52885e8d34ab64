/// The number grammar of JSON and the conversions from it. All functions take the number's own
/// bytes.
enum JSONNumber {
  /// How many bytes at the start of the text are one number (RFC 8259 §6); `nil` if none are.
  static func length(_ text: UnsafeBufferPointer<UInt8>) -> Int? {
    var i = 0
    func digits() -> Bool {
      let first = i
      while i < text.count, text[i] &- UInt8(ascii: "0") < 10 { i += 1 }
      return i > first
    }
    if i < text.count, text[i] == UInt8(ascii: "-") { i += 1 }
    if i < text.count, text[i] == UInt8(ascii: "0") {
      i += 1
    } else if !digits() {
      return nil
    }
    if i < text.count, text[i] == UInt8(ascii: ".") {
      i += 1
      if !digits() { return nil }
    }
    if i < text.count, text[i] | 0x20 == UInt8(ascii: "e") {
      i += 1
      if i < text.count, text[i] == UInt8(ascii: "+") || text[i] == UInt8(ascii: "-") { i += 1 }
      if !digits() { return nil }
    }
    return i
  }

  enum Integer {
    case value(isNegative: Bool, magnitude: UInt64)
    /// Not integral.
    case fraction
    /// Integral, but beyond 64 bits.
    case tooLarge
  }

  /// The exact value of a well-formed number, if it is an integer.
  static func integer(_ text: UnsafeBufferPointer<UInt8>) -> Integer {
    let isNegative = text[0] == UInt8(ascii: "-")
    let first = isNegative ? 1 : 0
    guard text.count - first <= 18 else { return exactInteger(text, isNegative, first) }
    var magnitude: UInt64 = 0
    for i in first..<text.count {
      let digit = text[i] &- UInt8(ascii: "0")
      guard digit < 10 else { return exactInteger(text, isNegative, first) }
      magnitude = magnitude &* 10 &+ UInt64(digit)
    }
    return .value(isNegative: isNegative, magnitude: magnitude)
  }

  /// Any length, point and exponent. The digits from the first to the last that is not 0 stand for
  /// `digits × 10^exponent`; it is an integer if that exponent is not negative.
  @inline(never) private static func exactInteger(
    _ text: UnsafeBufferPointer<UInt8>, _ isNegative: Bool, _ first: Int
  ) -> Integer {
    let decimal = Decimal(text, from: first)
    guard decimal.significant > 0 else { return .value(isNegative: isNegative, magnitude: 0) }
    guard decimal.exponent >= 0 else { return .fraction }
    guard decimal.significant + decimal.exponent <= 20, !decimal.isTruncated else {
      return .tooLarge
    }
    var magnitude = decimal.mantissa
    for _ in 0..<decimal.exponent {
      let (product, overflow) = magnitude.multipliedReportingOverflow(by: 10)
      if overflow { return .tooLarge }
      magnitude = product
    }
    return .value(isNegative: isNegative, magnitude: magnitude)
  }

  /// A decimal number: `mantissa × 10^exponent`, trailing zeros moved to the exponent.
  private struct Decimal {
    /// The significant digits as far as 64 bits hold them.
    var mantissa: UInt64 = 0
    /// How many digits the mantissa should have.
    var significant = 0
    /// Saturated far beyond every type's range.
    var exponent = 0
    /// The mantissa did not fit.
    var isTruncated = false

    init(_ text: UnsafeBufferPointer<UInt8>, from first: Int) {
      var i = first
      var zeros = 0
      var fraction = 0
      var seenPoint = false
      while i < text.count {
        let digit = text[i] &- UInt8(ascii: "0")
        if digit < 10 {
          if seenPoint { fraction += 1 }
          if digit != 0 {
            append(zeros: significant == 0 ? 0 : zeros, digit)
            zeros = 0
          } else if significant > 0 {
            zeros += 1
          }
        } else if text[i] == UInt8(ascii: ".") {
          seenPoint = true
        } else {
          break
        }
        i += 1
      }
      var power = 0
      if i < text.count {
        i += 1
        let isNegative = text[i] == UInt8(ascii: "-")
        if isNegative || text[i] == UInt8(ascii: "+") { i += 1 }
        while i < text.count {
          power = min(power * 10 + Int(text[i] - UInt8(ascii: "0")), 1 << 40)
          i += 1
        }
        if isNegative { power = -power }
      }
      exponent = power + zeros - fraction
    }

    private mutating func append(zeros: Int, _ digit: UInt8) {
      significant += zeros + 1
      guard significant <= 20, !isTruncated else {
        isTruncated = true
        return
      }
      for _ in 0..<zeros { mantissa &*= 10 }
      let (product, overflow) = mantissa.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.addingReportingOverflow(UInt64(digit))
      mantissa = sum
      if overflow || carry { isTruncated = true }
    }
  }

  /// The nearest value of a well-formed number; infinity when it is too large.
  ///
  /// Exact without a long conversion when the digits and the power of ten are both exact in the
  /// type (Clinger's fast path): one multiplication or division rounds once.
  static func floatingPoint<T: BinaryFloatingPoint & LosslessStringConvertible>(
    _ text: UnsafeBufferPointer<UInt8>
  ) -> T {
    let isNegative = text[0] == UInt8(ascii: "-")
    let decimal = Decimal(text, from: isNegative ? 1 : 0)
    if decimal.significant == 0 { return isNegative ? -0.0 : 0 }
    let largestPower = T.significandBitCount == 52 ? 22 : 10
    if !decimal.isTruncated, decimal.mantissa >> UInt64(T.significandBitCount + 1) == 0,
      abs(decimal.exponent) <= largestPower
    {
      var power: T = 1
      for _ in 0..<abs(decimal.exponent) { power *= 10 }
      let value = decimal.exponent < 0 ? T(decimal.mantissa) / power : T(decimal.mantissa) * power
      return isNegative ? -value : value
    }
    // Correctly rounded for any number of digits; nil cannot happen, the grammar is a subset.
    return T(String(decoding: text, as: UTF8.self)) ?? .infinity
  }

  static func matches(_ text: UnsafeBufferPointer<UInt8>, _ other: StaticString) -> Bool {
    guard text.count == other.utf8CodeUnitCount, let start = text.baseAddress else {
      return text.isEmpty && other.utf8CodeUnitCount == 0
    }
    var i = 0
    while text.count &- i >= 8 {
      let left = UnsafeRawPointer(start + i).loadUnaligned(as: UInt64.self)
      let right = UnsafeRawPointer(other.utf8Start + i).loadUnaligned(as: UInt64.self)
      if left != right { return false }
      i &+= 8
    }
    while i < text.count {
      if start[i] != other.utf8Start[i] { return false }
      i &+= 1
    }
    return true
  }
}
