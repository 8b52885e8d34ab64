/// Yes or no, as an environment says it.
enum BooleanText {
  /// "1", "true", "yes", "on" and "0", "false", "no", "off", in capitals or not. Nil for anything else.
  static func value(_ text: String) -> Bool? {
    switch text.trimmingBlanks().lowercased() {
    case "1", "true", "yes", "on": true
    case "0", "false", "no", "off": false
    default: nil
    }
  }
}
