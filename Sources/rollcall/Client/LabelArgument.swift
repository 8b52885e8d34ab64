import API
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

  /// What devices must have to be meant: of each key, in the order of its first mention, one of the values given.
  static func requirements(_ labels: [LabelArgument]) -> [LabelRequirement] {
    var requirements: [LabelRequirement] = []
    for label in labels {
      if let index = requirements.firstIndex(where: { $0.key == label.key }) {
        if !requirements[index].values.contains(label.value) {
          requirements[index].values.append(label.value)
        }
        continue
      }
      var requirement = LabelRequirement()
      requirement.key = label.key
      requirement.operation = .in
      requirement.values = [label.value]
      requirements.append(requirement)
    }
    return requirements
  }

  /// The labels as a map; of a key given twice the last value counts.
  static func map(_ labels: [LabelArgument]) -> [String: String] {
    Dictionary(labels.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
  }
}
