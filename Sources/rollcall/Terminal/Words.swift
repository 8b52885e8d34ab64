import ProtoWire

/// Values of the schema as words.
enum Words {
  /// `STATE_ROLLED_BACK` of `Rollout.State` → "ROLLED_BACK"; a number this program does not know → its digits.
  static func state<E: ProtoEnum>(_ value: E) -> String {
    guard let name = value.protoName else { return String(value.rawValue) }
    let type = E.fullName.split(separator: ".").last.map(String.init) ?? ""
    var prefix = ""
    for character in type {
      if character.isUppercase, !prefix.isEmpty, prefix.last?.isUppercase == false { prefix += "_" }
      prefix.append(character)
    }
    prefix = prefix.uppercased() + "_"
    return name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : name
  }

  /// The same in small letters: "rolled back"; the unspecified value is empty.
  static func text<E: ProtoEnum>(_ value: E) -> String {
    if value.rawValue == 0 { return "" }
    return state(value).lowercased().replacing("_", with: " ")
  }

  /// "2026-11-21 13:00:05" in UTC; empty without a time.
  static func time(_ time: Google_Protobuf_Timestamp?) -> String {
    guard let time else { return "" }
    let (days, rest) = time.seconds.quotientAndRemainder(dividingBy: 86_400)
    let (day, second) = rest < 0 ? (days - 1, rest + 86_400) : (days, rest)
    let date = civil(day: day)
    func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return "\(date.year)-\(two(date.month))-\(two(date.day)) "
      + "\(two(second / 3_600)):\(two(second / 60 % 60)):\(two(second % 60))"
  }

  /// Days since 1970-01-01 as a date of the proleptic Gregorian calendar.
  ///
  /// Years begin in March here, so that the leap day is the last one of its year, and repeat every 400 of them.
  private static func civil(day: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let shifted = day + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra =
      (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    return (
      yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month,
      dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    )
  }

  /// Labels by key: "region=eu site=lab".
  static func labels(_ labels: [String: String]) -> String {
    labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
  }
}
