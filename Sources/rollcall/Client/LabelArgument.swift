import ArgumentParser

/// One label: "region=eu".
struct LabelArgument: ExpressibleByArgument, Equatable, Sendable {
  let key: String
  let value: String

  init?(argument: String) {
    guard let equals = argument.firstIndex(of: "="), equals > argument.startIndex else {
      return nil
    }
    key = String(argument[..<equals])
    value = String(argument[argument.index(after: equals)...])
  }

  /// The labels as a map; of a key given twice the last value counts.
  static func map(_ labels: [LabelArgument]) -> [String: String] {
    Dictionary(labels.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
  }
}
