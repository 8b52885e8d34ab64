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
