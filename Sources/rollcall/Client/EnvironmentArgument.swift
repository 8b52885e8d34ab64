import API
import ArgumentParser

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
