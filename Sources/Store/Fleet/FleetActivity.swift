public import Domain
internal import SQL
internal import Synchronization

/// What devices report about themselves between flushes: last seen, counters, event numbers.
///
/// Buffered (``WriteBehind``): what was reported since the last flush is lost when the process is killed, event numbers and counters
/// together, so that they never disagree; the devices believe it taken. Nothing that anybody acts on at once is in here.
public final class FleetActivity: Sendable {
  /// What a device told in one report.
  public struct Told: Sendable {
    /// By deployment and version; what events told.
    public var versions: [VersionKey: VersionActivity]
    /// By side of a rollout; what its gates count.
    public var sides: [Side: DeviceStanding]
    /// By deployment and version; nil: the device runs the version, nothing is wrong with it any more.
    public var failures: [VersionKey: DeviceFailure?]

    public static let nothing = Told()

    public init(
      versions: [VersionKey: VersionActivity] = [:], sides: [Side: DeviceStanding] = [:],
      failures: [VersionKey: DeviceFailure?] = [:]
    ) {
      self.versions = versions
      self.sides = sides
      self.failures = failures
    }

    /// Takes in what the device told later.
    mutating func add(_ later: Told) {
      for (key, activity) in later.versions { versions[key, default: .none].add(activity) }
      for (side, standing) in later.sides {
        if side.isMove {
          sides = sides.filter { $0.key.rollout != side.rollout || $0.key.arm == side.arm }
        }
        sides[side, default: .none].add(standing)
      }
      failures.merge(later.failures) { $1 }
    }
  }

  /// A side of a rollout that a device stood on when it reported.
  public struct Side: Hashable, Sendable {
    public let rollout: RolloutID
    /// What the rollout's gates counted then: ``Domain/Rollout/window``.
    public let window: Int64
    public let arm: Assignment.Arm
    /// Whether the device counts on this side alone from then on. Not at full exposure, where nobody is left to take the place of
    /// the devices that leave the control side: what they told stays to compare with.
    public let isMove: Bool

    public init(rollout: Domain.Rollout, arm: Assignment.Arm) {
      self.rollout = rollout.id
      window = rollout.window
      self.arm = arm
      isMove = rollout.exposure != .full
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
    var told: Told

    mutating func merge(_ newer: Delta) {
      seenAt = max(seenAt, newer.seenAt)
      acknowledged = max(acknowledged, newer.acknowledged)
      told.add(newer.told)
    }

    var total: VersionActivity {
      var total = VersionActivity.none
      for activity in told.versions.values { total.add(activity) }
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
  /// `numbers` are those of the events in it, ascending, and `told` says what the report with the events from an index on tells. Each
  /// number counts once: whatever was known before is left out. A report whose `told` throws takes no number. Returns how many were
  /// new and the highest number known.
  public func take(
    _ device: DeviceID, numbers: [Int64], now: Timestamp, _ transaction: ReadTransaction,
    told: (_ firstNew: Int) throws -> Told
  ) throws -> (accepted: Int, acknowledged: Int64) {
    var known = try acknowledged(device, transaction)
    guard !numbers.isEmpty else {
      buffer.record(device, Delta(seenAt: now, acknowledged: known, told: try told(0)))
      return (0, known)
    }
    while true {
      let taken = try EventSequence.take(numbers, after: known)
      let delta = Delta(
        seenAt: now, acknowledged: taken.acknowledged, told: try told(taken.firstNew))
      // Two reports of one device may run at once; whoever comes first takes a number, and the other looks again.
      let newer = sequences.withLock { sequences -> Int64? in
        if let current = sequences[device], current > known { return current }
        if sequences.count >= Self.sequenceLimit { sequences.removeAll() }
        sequences[device] = taken.acknowledged
        buffer.record(device, delta)
        return nil
      }
      guard let newer else {
        notify(Set(delta.told.versions.keys.map(\.deployment)))
        return (numbers.count - taken.firstNew, taken.acknowledged)
      }
      known = newer
    }
  }

  /// Throws what ``take(_:numbers:now:_:told:)`` would, and takes nothing.
  public func check(
    _ device: DeviceID, numbers: [Int64], _ transaction: ReadTransaction,
    told: (_ firstNew: Int) throws -> Void
  ) throws {
    let known = try acknowledged(device, transaction)
    try told(try EventSequence.take(numbers, after: known).firstNew)
  }

  /// Has a device number its events anew, from 1.
  public func resetSequence(of device: DeviceID, in store: Store) async throws {
    await store.flush()
    try await store.write { try DeviceActivities($0).resetSequence(of: device) }
    sequences.withLock { $0[device] = 0 }
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
    var reports: [RolloutWindow: [RolloutHealth.Report]] = [:]
    let failures = DeviceFailures(transaction)
    for (device, delta) in batch.sorted(by: { $0.key < $1.key }) {
      var activity = try activities.find(device) ?? .none
      add(delta, to: &activity)
      try activities.save(activity, of: device)
      for (key, version) in delta.told.versions { sums[key, default: .none].add(version) }
      for (side, standing) in delta.told.sides {
        reports[RolloutWindow(rollout: side.rollout, window: side.window), default: []].append(
          .init(device: device, arm: side.arm, isMove: side.isMove, standing: standing))
      }
      for (key, failure) in delta.told.failures {
        if let failure {
          try failures.save(failure, device: device, deployment: key.deployment)
        } else {
          try failures.clear(key.version, device: device, deployment: key.deployment)
        }
      }
    }
    for (key, sum) in sums {
      try activities.add(sum, deployment: key.deployment, version: key.version)
    }
    // Older windows first: once a newer one has been counted, they are over.
    for (key, reports) in reports.sorted(by: { $0.key.window < $1.key.window }) {
      try RolloutHealth(transaction).record(reports, rollout: key.rollout, window: key.window)
    }
  }

  private struct RolloutWindow: Hashable {
    let rollout: RolloutID
    let window: Int64
  }
}
