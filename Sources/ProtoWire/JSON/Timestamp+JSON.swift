/// RFC 3339 in UTC: `1972-01-01T10:00:20.021Z`.
extension Google_Protobuf_Timestamp: JSONWellKnown {
  public mutating func mergeJSON(from reader: inout JSONReader) throws(JSONDecodingError) {
    let place = reader.position
    let text = try reader.scanString()
    guard let (seconds, nanos) = Self.parse(text) else {
      throw reader.malformed(text, "google.protobuf.Timestamp", at: place)
    }
    self.seconds = seconds
    self.nanos = nanos
  }

  public func writeJSON(to writer: inout JSONWriter) throws(JSONEncodingError) {
    guard isInRange else { throw .timestampOutOfRange(seconds: seconds, nanos: nanos) }
    let days = (seconds - Self.secondsRange.lowerBound) / 86_400
    let time = Int(seconds - Self.secondsRange.lowerBound) % 86_400
    let date = CivilDate(daysSinceYearOne: Int(days))
    writer.put("\"")
    writer.decimal(date.year, width: 4)
    writer.put("-")
    writer.decimal(date.month, width: 2)
    writer.put("-")
    writer.decimal(date.day, width: 2)
    writer.put("T")
    writer.decimal(time / 3600, width: 2)
    writer.put(":")
    writer.decimal(time / 60 % 60, width: 2)
    writer.put(":")
    writer.decimal(time % 60, width: 2)
    writer.fraction(nanos)
    writer.put("Z\"")
  }

  /// `nil` unless the text is an RFC 3339 time with upper-case `T` and `Z` (or an offset), at most
  /// nine digits of fraction, and inside the range after the offset is applied.
  static func parse(_ text: UnsafeBufferPointer<UInt8>) -> (seconds: Int64, nanos: Int32)? {
    var scanner = FixedScanner(text)
    guard let year = scanner.digits(4), scanner.take("-"), let month = scanner.digits(2),
      scanner.take("-"), let day = scanner.digits(2), scanner.take("T"),
      let hour = scanner.digits(2), scanner.take(":"), let minute = scanner.digits(2),
      scanner.take(":"), let second = scanner.digits(2), let nanos = scanner.fraction(),
      let date = CivilDate(year: year, month: month, day: day),
      hour < 24, minute < 60, second < 60
    else { return nil }
    var offset = 0
    if !scanner.take("Z") {
      let isEast = scanner.take("+")
      guard isEast || scanner.take("-"), let hours = scanner.digits(2), scanner.take(":"),
        let minutes = scanner.digits(2), hours < 24, minutes < 60
      else { return nil }
      offset = (hours * 60 + minutes) * (isEast ? 60 : -60)
    }
    guard scanner.atEnd else { return nil }
    let time = date.daysSinceYearOne * 86_400 + hour * 3600 + minute * 60 + second - offset
    let seconds = Int64(time) + secondsRange.lowerBound
    guard secondsRange.contains(seconds) else { return nil }
    return (seconds, nanos)
  }
}

/// A day of the proleptic Gregorian calendar, years 1…9999.
struct CivilDate: Hashable {
  var year: Int
  var month: Int
  var day: Int

  /// Days before each month of a common year.
  private static let before = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365]

  /// `nil` for a day that the calendar does not have.
  init?(year: Int, month: Int, day: Int) {
    guard (1...9999).contains(year), (1...12).contains(month), day >= 1 else { return nil }
    let length =
      Self.before[month] - Self.before[month - 1] + (month == 2 && Self.isLeap(year) ? 1 : 0)
    guard day <= length else { return nil }
    self.year = year
    self.month = month
    self.day = day
  }

  /// - Parameter days: 0 is 0001-01-01.
  init(daysSinceYearOne days: Int) {
    // 400 years have 146,097 days, a century 36,524 (+1 in the fourth), four years 1,461 (−1 in a
    // century's last), a year 365 (+1).
    let era = days / 146_097
    var rest = days % 146_097
    let century = min(rest / 36_524, 3)
    rest -= century * 36_524
    let four = rest / 1461
    rest -= four * 1461
    let single = min(rest / 365, 3)
    rest -= single * 365
    year = era * 400 + century * 100 + four * 4 + single + 1
    var month = 12
    while month > 1, rest < Self.daysBefore(month, in: year) { month -= 1 }
    self.month = month
    day = rest - Self.daysBefore(month, in: year) + 1
  }

  var daysSinceYearOne: Int {
    let past = year - 1
    return past * 365 + past / 4 - past / 100 + past / 400 + Self.daysBefore(month, in: year) + day
      - 1
  }

  private static func daysBefore(_ month: Int, in year: Int) -> Int {
    before[month - 1] + (month > 2 && isLeap(year) ? 1 : 0)
  }

  private static func isLeap(_ year: Int) -> Bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
  }
}
