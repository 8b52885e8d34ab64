import API
import ArgumentParser

/// A role by its name.
struct RoleArgument: ExpressibleByArgument, Equatable, Sendable {
  let role: Role

  init?(argument: String) {
    guard let role = Role(protoName: "ROLE_" + argument.uppercased()), role != .unspecified else {
      return nil
    }
    self.role = role
  }

  static let allValueStrings = ["viewer", "operator", "reviewer", "admin", "enrollment", "device"]
}

/// "staging" or "production".
struct EnvironmentArgument: ExpressibleByArgument, Equatable, Sendable {
  let environment: Environment

  init?(argument: String) {
    switch argument {
    case "staging": environment = .staging
    case "production": environment = .production
    default: return nil
    }
  }

  static let allValueStrings = ["staging", "production"]
}

/// A platform by its name: "ios", "android", "linux" …
struct PlatformArgument: ExpressibleByArgument, Equatable, Sendable {
  let platform: Platform

  init?(argument: String) {
    guard let platform = Platform(protoName: "PLATFORM_" + argument.uppercased()),
      platform != .unspecified
    else { return nil }
    self.platform = platform
  }

  static let allValueStrings = [
    "ios", "android", "macos", "windows", "linux", "browser", "embedded",
  ]
}

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
