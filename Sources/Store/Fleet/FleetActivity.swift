public import Domain
internal import SQL
internal import Synchronization

/// What devices report about themselves between flushes: last seen, counters, event numbers.
///
/// Buffered (``WriteBehind``): what was reported since the last flush is lost when the process is killed, event numbers and counters
/// together, so that they never disagree; the devices believe it taken. Nothing that anybody acts on at once is in here.
public final class FleetActivity: Sendable {
  /// One report of a device.
  public struct Report: Sendable {
    public var seenAt: Timestamp
    /// By deployment and version; what an event told.
    public var versions: [VersionKey: VersionActivity]

    public init(seenAt: Timestamp, versions: [VersionKey: VersionActivity] = [:]) {
      self.seenAt = seenAt
      self.versions = versions
    }
  }

  /// A version of a deployment.
  public struct VersionKey: Hashable, Sendable {
    public let deployment: DeploymentID
    public let version: VersionID

    public init(deployment: DeploymentID, version: VersionID) {
      self.deployment = deployment
      self.version = version
    }
  }

  private struct Delta: Sendable {
    var seenAt: Timestamp
    var acknowledged: Int64
    var versions: [VersionKey: VersionActivity]

    mutating func merge(_ newer: Delta) {
      seenAt = max(seenAt, newer.seenAt)
      acknowledged = max(acknowledged, newer.acknowledged)
      for (key, activity) in newer.versions {
        versions[key, default: .none].add(activity)
      }
    }

    var total: VersionActivity {
      var total = VersionActivity.none
      for activity in versions.values { total.add(activity) }
      return total
    }
  }

  /// Event numbers kept in memory; beyond it they are read from the database again.
  private static let sequenceLimit = 200_000

  private let buffer: WriteBehind<DeviceID, Delta>
  private let sequences = Mutex<[DeviceID: Int64]>([:])
  private let listeners = Mutex<[@Sendable (Set<DeploymentID>) -> Void]>([])

  /// Makes the buffer and has the store flush it.
  public init(_ store: Store) {
    buffer = WriteBehind(
      merge: { $0.merge($1) },
      write: { transaction, batch in try FleetActivity.write(batch, transaction) })
    store.register(buffer)
  }

  /// Takes a report in.
  ///
  /// `numbers` are those of the events in it, ascending, and `activity` tells what the events from an index on did. Each number
  /// counts once: whatever was known before is left out. A report whose `activity` throws takes no number. Returns how many were
  /// new and the highest number known.
  public func take(
    _ device: DeviceID, numbers: [Int64], now: Timestamp, _ transaction: ReadTransaction,
    activity: (_ firstNew: Int) throws -> [VersionKey: VersionActivity]
  ) throws -> (accepted: Int, acknowledged: Int64) {
    var known = try acknowledged(device, transaction)
    guard !numbers.isEmpty else {
      buffer.record(device, Delta(seenAt: now, acknowledged: known, versions: [:]))
      return (0, known)
    }
    while true {
      let taken = try EventSequence.take(numbers, after: known)
      let delta = Delta(
        seenAt: now, acknowledged: taken.acknowledged, versions: try activity(taken.firstNew))
      // Two reports of one device may run at once; whoever comes first takes a number, and the other looks again.
      let newer = sequences.withLock { sequences -> Int64? in
        if let current = sequences[device], current > known { return current }
        if sequences.count >= Self.sequenceLimit { sequences.removeAll() }
        sequences[device] = taken.acknowledged
        buffer.record(device, delta)
        return nil
      }
      guard let newer else {
        notify(Set(delta.versions.keys.map(\.deployment)))
        return (numbers.count - taken.firstNew, taken.acknowledged)
      }
      known = newer
    }
  }

  /// Throws what ``take(_:numbers:now:_:activity:)`` would, and takes nothing.
  public func check(
    _ device: DeviceID, numbers: [Int64], _ transaction: ReadTransaction,
    activity: (_ firstNew: Int) throws -> Void
  ) throws {
    let known = try acknowledged(device, transaction)
    try activity(try EventSequence.take(numbers, after: known).firstNew)
  }

  /// A device's activity, what is not yet written down included.
  public func current(_ device: DeviceID, _ transaction: ReadTransaction) throws
    -> DeviceActivity
  {
    var activity = try DeviceActivities(transaction).find(device) ?? .none
    if let pending = buffer.pending(device) { Self.add(pending, to: &activity) }
    return activity
  }

  /// Has `body` called with the deployments that reports concern, as they come in. Any thread; it must not wait.
  public func onReport(_ body: @escaping @Sendable (Set<DeploymentID>) -> Void) {
    listeners.withLock { $0.append(body) }
  }

  /// Tells the listeners that something about these deployments' devices changed.
  public func notify(_ deployments: Set<DeploymentID>) {
    guard !deployments.isEmpty else { return }
    for listener in listeners.withLock({ $0 }) { listener(deployments) }
  }

  private func acknowledged(
    _ device: DeviceID, _ transaction: ReadTransaction
  ) throws -> Int64 {
    if let known = sequences.withLock({ $0[device] }) { return known }
    let stored = try DeviceActivities(transaction).acknowledgedSequence(of: device)
    return max(stored, buffer.pending(device)?.acknowledged ?? 0)
  }

  // MARK: Writing down

  private static func add(_ delta: Delta, to activity: inout DeviceActivity) {
    let total = delta.total
    activity.lastSeenAt = max(activity.lastSeenAt ?? delta.seenAt, delta.seenAt)
    activity.acknowledgedSequence = max(activity.acknowledgedSequence, delta.acknowledged)
    activity.attempts = activity.attempts + total.attempts
    activity.latency.merge(total.latency)
  }

  private static func write(
    _ batch: [DeviceID: Delta], _ transaction: WriteTransaction
  ) throws {
    let activities = DeviceActivities(transaction)
    var sums: [VersionKey: VersionActivity] = [:]
    var reports: [DeploymentID: [(device: DeviceID, version: VersionID, AttemptCounts)]] = [:]
    for (device, delta) in batch.sorted(by: { $0.key < $1.key }) {
      var activity = try activities.find(device) ?? .none
      add(delta, to: &activity)
      try activities.save(activity, of: device)
      for (key, version) in delta.versions {
        sums[key, default: .none].add(version)
        reports[key.deployment, default: []].append((device, key.version, version.attempts))
      }
    }
    for (key, sum) in sums {
      try activities.add(sum, deployment: key.deployment, version: key.version)
    }
    for (deployment, reports) in reports {
      guard let judged = try Rollouts(transaction).judged(of: deployment) else { continue }
      let byArm = reports.compactMap { device, version, attempts -> RolloutHealth.Report? in
        guard let arm = judged.arm(of: version) else { return nil }
        return RolloutHealth.Report(device: device, arm: arm, attempts: attempts)
      }
      try RolloutHealth(transaction).record(byArm, rollout: judged.id)
    }
  }
}
