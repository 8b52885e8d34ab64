public import Domain
internal import Synchronization

/// The deployments that govern the devices of an org, with what is needed to say what a device gets. Immutable.
public struct DeploymentIndex: Sendable {
  /// One governing deployment.
  public struct Entry: Sendable {
    public let deployment: Deployment
    /// The newest rollout, nil before the first.
    public let rollout: Rollout?
    /// What the variant is built for.
    public let traits: DeviceTraits

    /// Whether the deployment addresses a device: the variant runs on it and the selector holds for it.
    public func targets(_ device: Device) -> Bool {
      traits.accept(device.traits)
        && deployment.selector.matches(labels: device.labels, groups: device.groups)
    }

    /// Whether ``assignment(_:running:pin:)`` needs to know what a device runs: only while something holds new versions back, and for
    /// devices that are targeted no more while there is something to bring back.
    public func needsRunning(_ device: Device) -> Bool {
      targets(device)
        ? Assignment.needsRunning(deployment: deployment, rollout: rollout)
        : !deployment.withdrawnVersions.isEmpty
    }

    /// What the deployment means for a device; nil: nothing.
    ///
    /// A device that it targets no more is brought back all the same when it runs a version that was rolled back.
    public func assignment(
      _ device: Device, running: VersionID?, pin: PinTarget?
    ) -> Assignment? {
      targets(device)
        ? Assignment.resolve(
          deployment: deployment, rollout: rollout, device: device.id, running: running, pin: pin)
        : Assignment.withdrawal(
          deployment: deployment, rollout: rollout, device: device.id, running: running, pin: pin)
    }
  }

  /// The org's epoch that this index was built at.
  public let epoch: Int64
  /// By deployment id.
  public let entries: [Entry]
  /// Whether any device is pinned; if not, pins need not be read.
  public let hasPins: Bool

  /// The entry of a deployment; nil when it governs no devices.
  public func entry(_ deployment: DeploymentID) -> Entry? {
    var (low, high) = (0, entries.count)
    while low < high {
      let middle = (low + high) / 2
      let id = entries[middle].deployment.id
      if id == deployment { return entries[middle] }
      if id < deployment { low = middle + 1 } else { high = middle }
    }
    return nil
  }

  /// Reads an org's index.
  static func load(
    org: OrgID, epoch: Int64, _ transaction: ReadTransaction
  ) throws -> DeploymentIndex {
    let governing = try Deployments(transaction).governing(org: org)
    let entries = try governing.map { deployment, _ in
      try entry(deployment, transaction)
    }
    return DeploymentIndex(
      epoch: epoch, entries: entries, hasPins: governing.contains { $0.pinCount > 0 })
  }

  /// A deployment with its newest rollout and what its variant is built for.
  public static func entry(
    _ deployment: Deployment, _ transaction: ReadTransaction
  ) throws -> Entry {
    let org = deployment.org
    let rollout = try deployment.currentRollout.flatMap {
      try Rollouts(transaction).find($0, org: org)
    }
    guard let variant = try ModelVariants(transaction).find(deployment.variant, org: org) else {
      throw StoreError.failure("deployment \(deployment.id) lacks its variant")
    }
    return Entry(deployment: deployment, rollout: rollout, traits: variant.traits)
  }
}

/// The indexes of all orgs, kept in memory and read again when the org's epoch has moved: matching a device costs one read by key
/// and a pass over the org's few governing deployments.
public final class DeploymentIndexes: Sendable {
  /// Orgs kept; beyond it all are dropped, which costs each one read.
  private static let limit = 10_000

  private let indexes = Mutex<[OrgID: DeploymentIndex]>([:])

  public init() {}

  /// The index of an org as of the reader's view.
  public func index(org: OrgID, _ transaction: ReadTransaction) throws -> DeploymentIndex {
    let epoch = try DeploymentEpochs(connection: transaction.connection).current(org: org)
    if let known = indexes.withLock({ $0[org] }), known.epoch == epoch { return known }
    let fresh = try DeploymentIndex.load(org: org, epoch: epoch, transaction)
    // A writer's closure may see an epoch that is then rolled back; only what readers see is kept.
    guard !(transaction is WriteTransaction) else { return fresh }
    indexes.withLock { indexes in
      if indexes.count >= Self.limit { indexes.removeAll() }
      // A reader with an older view must not put its index over a newer one.
      if let known = indexes[org], known.epoch > fresh.epoch { return }
      indexes[org] = fresh
    }
    return fresh
  }
}
