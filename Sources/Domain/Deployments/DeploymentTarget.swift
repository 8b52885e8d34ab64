/// What a deployment is deployed to. Its kind never changes.
public enum DeploymentTarget: Hashable, Sendable {
  /// The devices that a selector addresses.
  case fleet(FleetTarget)
}

/// A version of a model variant, kept on the devices that a selector addresses.
public struct FleetTarget: Hashable, Sendable {
  public let model: ModelID
  public let variant: VariantID
  /// What every addressed device shall run in the end; nil in a draft that does not know yet.
  public var desiredVersion: VersionID?
  /// What devices outside a rollout's cohort run: the last known good; nil before the first version.
  public var activeVersion: VersionID?
  /// What devices ran before the active version, when that became it at once, without a rollout: where a rollback goes. Nil
  /// when the active version came by a rollout, or nothing ran before.
  public var replacedVersion: VersionID?
  /// Versions that were rolled back or given up and are not wanted again since, newest last: who runs one is brought back, targeted or not.
  public var withdrawnVersions: [VersionID]
  public var selector: Selector

  public init(
    model: ModelID, variant: VariantID, desiredVersion: VersionID? = nil,
    activeVersion: VersionID? = nil, replacedVersion: VersionID? = nil,
    withdrawnVersions: [VersionID] = [], selector: Selector = .everything
  ) {
    self.model = model
    self.variant = variant
    self.desiredVersion = desiredVersion
    self.activeVersion = activeVersion
    self.replacedVersion = replacedVersion
    self.withdrawnVersions = withdrawnVersions
    self.selector = selector
  }

  /// How many withdrawn versions are remembered.
  public static let maximumWithdrawn = 64

  /// Remembers a version as rolled back; beyond ``maximumWithdrawn`` the oldest is forgotten.
  mutating func withdraw(_ version: VersionID) {
    withdrawnVersions.removeAll { $0 == version }
    withdrawnVersions.append(version)
    withdrawnVersions.removeFirst(max(0, withdrawnVersions.count - Self.maximumWithdrawn))
  }

  /// A version is wanted again, whatever was said of it before.
  mutating func readmit(_ version: VersionID?) {
    withdrawnVersions.removeAll { $0 == version }
  }
}

extension DeploymentTarget {
  /// The fleet, as rules and repositories of fleets see it. A second kind makes this optional, and the compiler names who asks.
  public var fleet: FleetTarget {
    get {
      switch self {
      case .fleet(let fleet): fleet
      }
    }
    set { self = .fleet(newValue) }
  }
}

/// What rules of fleets read and change of a deployment.
extension Deployment {
  public var model: ModelID { target.fleet.model }
  public var variant: VariantID { target.fleet.variant }

  public var desiredVersion: VersionID? {
    get { target.fleet.desiredVersion }
    set { target.fleet.desiredVersion = newValue }
  }

  public var activeVersion: VersionID? {
    get { target.fleet.activeVersion }
    set { target.fleet.activeVersion = newValue }
  }

  public var replacedVersion: VersionID? {
    get { target.fleet.replacedVersion }
    set { target.fleet.replacedVersion = newValue }
  }

  public var withdrawnVersions: [VersionID] { target.fleet.withdrawnVersions }

  public var selector: Selector {
    get { target.fleet.selector }
    set { target.fleet.selector = newValue }
  }
}
