public import Domain
internal import Synchronization

/// The deployments that govern the devices of an org, with what is needed to say what a device gets. Immutable.
public struct DeploymentIndex: Sendable {
  /// One governing deployment. Shared by the indexes it stands in.
  public final class Entry: Sendable {
    public let deployment: Deployment
    /// The newest rollout, nil before the first.
    public let rollout: Rollout?
    /// What the variant is built for.
    public let traits: DeviceTraits
    /// Whether any device is pinned.
    let hasPins: Bool

    init(_ deployment: Deployment, _ rollout: Rollout?, _ traits: DeviceTraits, hasPins: Bool) {
      self.deployment = deployment
      self.rollout = rollout
      self.traits = traits
      self.hasPins = hasPins
    }

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

  init(epoch: Int64, entries: [Entry]) {
    self.epoch = epoch
    self.entries = entries
    hasPins = entries.contains(where: \.hasPins)
  }

  /// The entry of a deployment; nil when it governs no devices.
  public func entry(_ deployment: DeploymentID) -> Entry? {
    let place = Self.place(of: deployment, in: entries)
    return place < entries.count && entries[place].deployment.id == deployment
      ? entries[place] : nil
  }

  /// Where a deployment stands, or would.
  private static func place(of deployment: DeploymentID, in entries: [Entry]) -> Int {
    var (low, high) = (0, entries.count)
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].deployment.id < deployment { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// Reads an org's index.
  static func load(
    org: OrgID, epoch: Int64, _ transaction: ReadTransaction
  ) throws -> DeploymentIndex {
    let rollouts = try Rollouts(transaction).ofGoverning(org: org)
    var traits: [VariantID: DeviceTraits] = [:]
    let entries = try Deployments(transaction).governing(org: org).map { deployment, pinCount in
      let known = try traits[deployment.variant] ?? Self.traits(of: deployment, transaction)
      traits[deployment.variant] = known
      return Entry(
        deployment, deployment.currentRollout.flatMap { rollouts[$0] }, known,
        hasPins: pinCount > 0)
    }
    return DeploymentIndex(epoch: epoch, entries: entries)
  }

  /// The org's index at a later epoch: reads the deployments that have changed since, and no others.
  func advanced(
    to epoch: Int64, org: OrgID, _ transaction: ReadTransaction
  ) throws -> DeploymentIndex {
    var next = entries
    for (deployment, pinCount) in try Deployments(transaction).changed(org: org, after: self.epoch)
    {
      let place = Self.place(of: deployment.id, in: next)
      let isKnown = place < next.count && next[place].deployment.id == deployment.id
      guard deployment.governsDevices else {
        if isKnown { next.remove(at: place) }
        continue
      }
      let entry = try Self.entry(deployment, hasPins: pinCount > 0, transaction)
      if isKnown { next[place] = entry } else { next.insert(entry, at: place) }
    }
    return DeploymentIndex(epoch: epoch, entries: next)
  }

  /// A deployment with its newest rollout and what its variant is built for.
  public static func entry(
    _ deployment: Deployment, _ transaction: ReadTransaction
  ) throws -> Entry {
    try entry(deployment, hasPins: true, transaction)
  }

  private static func entry(
    _ deployment: Deployment, hasPins: Bool, _ transaction: ReadTransaction
  ) throws -> Entry {
    let rollout = try deployment.currentRollout.flatMap {
      try Rollouts(transaction).find($0, org: deployment.org)
    }
    return Entry(
      deployment, rollout, try traits(of: deployment, transaction), hasPins: hasPins)
  }

  private static func traits(
    of deployment: Deployment, _ transaction: ReadTransaction
  ) throws -> DeviceTraits {
    let variant = try ModelVariants(transaction).find(deployment.variant, org: deployment.org)
    guard let variant else {
      throw StoreError.failure("deployment \(deployment.id) lacks its variant")
    }
    return variant.traits
  }
}

/// The indexes of all orgs, kept in memory and brought up to date when the org's epoch has moved: matching a device costs one read by key
/// and a pass over the org's few governing deployments, a change the reading of what has changed.
public final class DeploymentIndexes: Sendable {
  /// Orgs kept; beyond it all are dropped, which costs each one read.
  private static let limit = 10_000

  private let indexes = Mutex<[OrgID: DeploymentIndex]>([:])

  public init() {}

  /// The index of an org as of the reader's view.
  public func index(org: OrgID, _ transaction: ReadTransaction) throws -> DeploymentIndex {
    let epoch = try DeploymentEpochs(connection: transaction.connection).current(org: org)
    let known = indexes.withLock { $0[org] }
    if let known, known.epoch == epoch { return known }
    let fresh =
      if let known, known.epoch < epoch {
        try known.advanced(to: epoch, org: org, transaction)
      } else {
        try DeploymentIndex.load(org: org, epoch: epoch, transaction)
      }
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
