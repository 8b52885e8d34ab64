/// Numbers as people read them.
enum Figures {
  /// 50000 → "5 %", 125000 → "12.5 %", 1 → "0.0001 %": as many decimals as the value has, at most four.
  static func percent(millionths: Int) -> String {
    let (sign, value) = (millionths < 0 ? "-" : "", abs(millionths))
    var fraction = String(value % 10_000)
    fraction = String(repeating: "0", count: 4 - fraction.count) + fraction
    while fraction.last == "0" { fraction.removeLast() }
    return sign + String(value / 10_000) + (fraction.isEmpty ? "" : "." + fraction) + " %"
  }

  /// 1234567 → "1,234,567".
  static func grouped(_ number: Int64) -> String {
    let digits = String(number.magnitude)
    var text = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { text.append(",") }
      text.append(digit)
    }
    return (number < 0 ? "-" : "") + text
  }

  /// 900 → "900 B", 33000 → "32.2 KiB": binary units with one decimal.
  static func bytes(_ count: Int64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"]
    guard count >= 1024 else { return "\(count) B" }
    var tenths = count * 10 / 1024
    var unit = 0
    while tenths >= 10240, unit + 1 < units.count {
      tenths /= 1024
      unit += 1
    }
    return "\(tenths / 10).\(tenths % 10) \(units[unit])"
  }

  /// Whole seconds as the two largest units: 59 → "59 s", 61 → "1 m 1 s", 90000 → "1 d 1 h".
  static func span(seconds: Int64) -> String {
    let units: [(Int64, String)] = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")]
    guard seconds > 0 else { return "0 s" }
    var rest = seconds
    var parts: [String] = []
    for (size, name) in units where rest >= size && parts.count < 2 {
      parts.append("\(rest / size) \(name)")
      rest %= size
    }
    return parts.joined(separator: " ")
  }

  /// Microseconds with a unit that keeps it short: 870 → "870 µs", 1500 → "1.5 ms".
  static func latency(microseconds: Double) -> String {
    guard microseconds.isFinite, microseconds > 0 else { return "-" }
    if microseconds < 1_000 { return "\(Int(microseconds.rounded())) µs" }
    let tenths = Int((microseconds / 100).rounded())
    return "\(tenths / 10).\(tenths % 10) ms"
  }
}
