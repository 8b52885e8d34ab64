/// Why a rule refused.
public enum DomainError: Error, Hashable, Sendable, CustomStringConvertible {
  /// A value breaks its own rules; `field` is the path of the offender, `message` names it and the limit.
  case invalid(field: String, message: String)
  /// The state machine knows no such transition: what was asked, the current state and those it needs.
  case illegalTransition(resource: String, event: String, current: String, required: [String])
  /// Exposure would shrink although the caller did not allow it.
  case regression(current: Exposure, requested: Exposure)
  /// What devices run came neither by the newest rollout nor in place of another version.
  case nothingToRollBack(active: VersionID?)

  public var description: String {
    switch self {
    case .invalid(let field, let message):
      "\(field): \(message)"
    case .illegalTransition(let resource, let event, let current, let required):
      "cannot \(event) a \(resource) that is \(current); it must be "
        + required.joined(separator: " or ")
    case .regression(let current, let requested):
      "exposure \(requested.millionths) is below the current \(current.millionths);"
        + " devices would go back: allow_regression says you mean it"
    case .nothingToRollBack(let active):
      "there is nothing to roll back: "
        + (active == nil
          ? "no version is active"
          : "the active version came by no rollout that lasts and replaced none")
    }
  }
}
