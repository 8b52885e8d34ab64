public import Domain
internal import SQL
internal import Synchronization

/// What devices report about themselves: last seen, counters, event numbers.
///
/// Buffered (``WriteBehind``) and written to the telemetry database, event numbers and counters together, so that they never disagree.
/// Only what is on disk is acknowledged, in the answer to a report with events and to one without: what was acknowledged is never lost.
/// When a device was last seen may be.
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
    /// Nil: it was not the device that called.
    var seenAt: Timestamp?
    /// The highest number of its events; nil: it had none.
    var acknowledged: Int64?
    /// The device numbers its events anew, for this many-th time: what was acknowledged before counts no more.
    var reset: Int64?
    var told: Told

    mutating func merge(_ newer: Delta) {
      // Not the later of both: a clock that was ahead once would have the last word for as long.
      seenAt = newer.seenAt ?? seenAt
      acknowledged =
        newer.reset == nil ? Self.later(acknowledged, newer.acknowledged) : newer.acknowledged
      reset = newer.reset ?? reset
      told.add(newer.told)
    }

    static func later<Value: Comparable>(_ one: Value?, _ other: Value?) -> Value? {
      guard let one, let other else { return one ?? other }
      return max(one, other)
    }

    var total: VersionActivity {
      var total = VersionActivity.none
      for activity in told.versions.values { total.add(activity) }
      return total
    }
  }

  /// Event numbers kept in memory; beyond it they are read from the database again.
  fileprivate static let sequenceLimit = 200_000

  /// The highest number taken of each device, on disk or on its way there.
  private struct Sequences {
    var known: [DeviceID: Int64] = [:]
    /// How often some were forgotten: a number that was read before is not compared with what came since.
    var losses: UInt64 = 0

    mutating func forget(_ device: DeviceID) {
      known[device] = nil
      losses += 1
    }

    mutating func set(_ device: DeviceID, _ number: Int64) {
      if known.count >= FleetActivity.sequenceLimit, known[device] == nil {
        known.removeAll()
        losses += 1
      }
      known[device] = number
    }
  }

  private let telemetry: TelemetryStore
  private let buffer: WriteBehind<DeviceID, Delta>
  private let sequences = Mutex(Sequences())
  private let listeners = Mutex<[@Sendable (Set<DeploymentID>) -> Void]>([])

  /// Makes the buffer and has the store flush it.
  public init(_ store: Store) {
    telemetry = store.telemetry
    buffer = WriteBehind(
      "reports",
      merge: { $0.merge($1) },
      write: { transaction, batch, flush in
        try FleetActivity.write(batch, transaction, flush: flush)
      })
    store.telemetry.register(buffer)
  }

  /// What was taken of a report.
  public struct Taken: Sendable {
    /// How many of its events were new.
    public let accepted: Int
    /// Every event up to this number is on disk once ``isOnDisk()`` has returned.
    public let acknowledged: Int64
    fileprivate let written: Written?

    /// Returns once everything up to ``acknowledged`` is on disk, at once for a report without events. Throws when the disk did not take
    /// it: the device sends the events again, and none counts twice.
    public func isOnDisk() async throws { try await written?.wait() }
  }

  /// Takes a report in, which is not to be acknowledged before it ``Taken/isOnDisk()``.
  ///
  /// `numbers` are those of its events, ascending, and `told` says what the report with the events from an index on tells. Each number
  /// counts once: whatever was known before is left out. A report whose `told` throws takes no number.
  public func take(
    _ device: DeviceID, numbers: [Int64], now: Timestamp, told: (_ firstNew: Int) throws -> Told
  ) throws -> Taken {
    guard !numbers.isEmpty else {
      let report = try told(0)
      // What another report of the device has on its way to the disk is for that one's answer.
      let stored = try telemetry.read {
        try DeviceActivities($0).acknowledgedSequence(of: device)
      }
      buffer.record(device, Delta(seenAt: now, told: report))
      return Taken(accepted: 0, acknowledged: stored, written: nil)
    }
    while true {
      let (known, losses) = try acknowledged(device)
      let taken = try EventSequence.take(numbers, after: known)
      let delta = Delta(
        seenAt: now, acknowledged: taken.acknowledged, told: try told(taken.firstNew))
      // Two reports of one device may run at once; whoever comes first takes a number, and the other looks again.
      let written = Written()
      let isTaken = sequences.withLock { sequences -> Bool in
        guard sequences.losses == losses, (sequences.known[device] ?? known) == known else {
          return false
        }
        sequences.set(device, taken.acknowledged)
        // Under the lock: numbers and resets go into the buffer in the order in which they were decided.
        buffer.add(device, delta) { [self] error in
          // What was not written is not known: the device sends it again.
          if error != nil { self.sequences.withLock { $0.forget(device) } }
          written.tell(error)
        }
        return true
      }
      guard isTaken else { continue }
      buffer.hurry()
      notify(Set(delta.told.versions.keys.map(\.deployment)))
      return Taken(
        accepted: numbers.count - taken.firstNew, acknowledged: taken.acknowledged,
        written: written)
    }
  }

  /// A device is there, and tells nothing.
  public func saw(_ device: DeviceID, now: Timestamp) {
    buffer.record(device, Delta(seenAt: now, told: .nothing))
  }

  /// Throws what ``take(_:numbers:now:told:)`` would, and takes nothing.
  public func check(
    _ device: DeviceID, numbers: [Int64], told: (_ firstNew: Int) throws -> Void
  ) throws {
    try told(try EventSequence.take(numbers, after: try acknowledged(device).number).firstNew)
  }

  /// Has a device number its events anew, from 1, and returns once that is on disk.
  ///
  /// `number` says the how many-th time that is: one that was done, or a later one, is not done again.
  public func resetSequence(of device: DeviceID, number: Int64) async throws {
    let written = Written()
    while true {
      let losses = sequences.withLock { $0.losses }
      // In this order: what leaves the buffer meanwhile is seen by the read.
      let pending = buffer.pending(device)?.reset ?? 0
      let stored = try telemetry.read { try DeviceActivities($0).sequenceResets(of: device) }
      let isDecided = sequences.withLock { sequences -> Bool in
        guard sequences.losses == losses else { return false }
        let isNew = number > max(stored, pending)
        if isNew { sequences.forget(device) }
        // One that is on its way is waited for.
        buffer.add(device, isNew ? Delta(reset: number, told: .nothing) : Delta(told: .nothing)) {
          written.tell($0)
        }
        return true
      }
      if isDecided { break }
    }
    buffer.hurry()
    try await written.wait()
  }

  /// A device's activity, what is not yet written down included.
  public func current(_ device: DeviceID) throws -> DeviceActivity {
    let found = try buffer.current(device) {
      try telemetry.read { reports in
        let activities = DeviceActivities(reports)
        return (try activities.find(device), try activities.flush(of: device))
      }
    }
    var activity = found.stored ?? .none
    if let pending = found.pending { Self.add(pending, to: &activity) }
    return activity
  }

  /// When a device was last heard of, what is not yet written down included.
  public func lastSeen(_ device: DeviceID, _ reports: TelemetryTransaction) throws -> Timestamp? {
    try buffer.pending(device)?.seenAt ?? DeviceActivities(reports).lastSeen(device)
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

  /// The highest number taken, on disk or on its way there, and how many losses that is as of.
  private func acknowledged(_ device: DeviceID) throws -> (number: Int64, losses: UInt64) {
    let (known, losses) = sequences.withLock { ($0.known[device], $0.losses) }
    if let known { return (known, losses) }
    // In this order: what leaves the buffer meanwhile is seen by the read.
    let pending = buffer.pending(device)
    if let pending, pending.reset != nil { return (pending.acknowledged ?? 0, losses) }
    let stored = try telemetry.read { try DeviceActivities($0).acknowledgedSequence(of: device) }
    return (max(stored, pending?.acknowledged ?? 0), losses)
  }

  // MARK: Writing down

  private static func add(_ delta: Delta, to activity: inout DeviceActivity) {
    let total = delta.total
    activity.lastSeenAt = delta.seenAt ?? activity.lastSeenAt
    let acknowledged = delta.acknowledged ?? 0
    if let reset = delta.reset {
      (activity.acknowledgedSequence, activity.sequenceResets) = (acknowledged, reset)
    } else {
      activity.acknowledgedSequence = max(activity.acknowledgedSequence, acknowledged)
    }
    activity.attempts = activity.attempts + total.attempts
    activity.latency.merge(total.latency)
  }

  private static func write(
    _ batch: [DeviceID: Delta], _ transaction: TelemetryTransaction, flush: Int64
  ) throws {
    let activities = DeviceActivities(transaction)
    var sums: [VersionKey: VersionActivity] = [:]
    var reports: [RolloutWindow: [RolloutHealth.Report]] = [:]
    let failures = DeviceFailures(transaction)
    for (device, delta) in batch.sorted(by: { $0.key < $1.key }) {
      var activity = try activities.find(device) ?? .none
      add(delta, to: &activity)
      try activities.save(activity, of: device, flush: flush)
      for (key, version) in delta.told.versions { sums[key, default: .none].add(version) }
      for (side, standing) in delta.told.sides {
        reports[RolloutWindow(rollout: side.rollout, window: side.window), default: []].append(
          .init(device: device, arm: side.arm, isMove: side.isMove, standing: standing))
      }
      // The oldest first: each that is kept is the newest then.
      let told = delta.told.failures.sorted {
        ($0.value?.failedAt.microseconds ?? .min) < ($1.value?.failedAt.microseconds ?? .min)
      }
      for (key, failure) in told {
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

/// Told once, and awaited once, in any order.
fileprivate final class Written: Sendable {
  private enum State {
    case open
    case waiting(UnsafeContinuation<Void, any Error>)
    case told((any Error)?)
  }
  private let state = Mutex(State.open)

  func tell(_ error: (any Error)?) {
    let waiting = state.withLock { state -> UnsafeContinuation<Void, any Error>? in
      defer { state = .told(error) }
      if case .waiting(let continuation) = state { return continuation }
      return nil
    }
    if let error { waiting?.resume(throwing: error) } else { waiting?.resume() }
  }

  func wait() async throws {
    try await withUnsafeThrowingContinuation { continuation in
      let told = state.withLock { state -> (any Error)?? in
        if case .told(let error) = state { return .some(error) }
        state = .waiting(continuation)
        return nil
      }
      switch told {
      case .some(.some(let error)): continuation.resume(throwing: error)
      case .some(.none): continuation.resume()
      case .none: break
      }
    }
  }
}
