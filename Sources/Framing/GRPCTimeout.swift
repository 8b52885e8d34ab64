/// The value of a `grpc-timeout` header: one to eight digits and a unit.
///
/// Source: "gRPC over HTTP/2", Timeout.
public enum GRPCTimeout {
  /// Nanoseconds of `text`, or nil when it is no timeout.
  ///
  /// A value beyond 64 bits of nanoseconds (from about 292 years; `99999999H` is legal) becomes
  /// `Int64.max`. `0` is accepted and has expired already.
  public static func parse(_ text: UnsafeRawBufferPointer) -> Int64? {
    guard text.count >= 2, text.count <= 9 else { return nil }
    var value: Int64 = 0
    for byte in text.dropLast() {
      guard byte >= 0x30, byte <= 0x39 else { return nil }
      value = value * 10 + Int64(byte - 0x30)
    }
    guard let unit = nanoseconds(ofUnit: text[text.count - 1]) else { return nil }
    let (product, overflow) = value.multipliedReportingOverflow(by: unit)
    return overflow ? .max : product
  }

  /// The shortest header value that lasts at least `nanoseconds`.
  ///
  /// The finest unit whose value fits eight digits is taken, rounding up: the peer must not give up
  /// before this side does. Zero and less is `0n`.
  /// - 1_500_000_000 → `1500000u`
  /// - 99_999_999 → `99999999n`, 100_000_000 → `100000u`
  /// - `Int64.max` → `2562048H`
  public static func format(nanoseconds: Int64) -> [UInt8] {
    guard nanoseconds > 0 else { return [0x30, UInt8(ascii: "n")] }
    var result: [UInt8] = []
    for unit in units {
      let whole = nanoseconds / unit.nanoseconds
      let value = nanoseconds % unit.nanoseconds == 0 ? whole : whole + 1
      guard value <= 99_999_999 else { continue }
      result.append(contentsOf: String(value).utf8)
      result.append(unit.symbol)
      break
    }
    return result
  }

  private static let units: [(symbol: UInt8, nanoseconds: Int64)] = [
    (UInt8(ascii: "n"), 1),
    (UInt8(ascii: "u"), 1000),
    (UInt8(ascii: "m"), 1_000_000),
    (UInt8(ascii: "S"), 1_000_000_000),
    (UInt8(ascii: "M"), 60_000_000_000),
    (UInt8(ascii: "H"), 3_600_000_000_000),
  ]

  private static func nanoseconds(ofUnit symbol: UInt8) -> Int64? {
    switch symbol {
    case UInt8(ascii: "n"): 1
    case UInt8(ascii: "u"): 1000
    case UInt8(ascii: "m"): 1_000_000
    case UInt8(ascii: "S"): 1_000_000_000
    case UInt8(ascii: "M"): 60_000_000_000
    case UInt8(ascii: "H"): 3_600_000_000_000
    default: nil
    }
  }
}
