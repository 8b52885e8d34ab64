/// What a device did over its life, as far as it told. Buffered: may lag behind by up to a second. What was acknowledged is on disk
/// with all that it said; a crash loses at most the last second of ``lastSeenAt``.
public struct DeviceActivity: Hashable, Sendable {
  public var lastSeenAt: Timestamp?
  public var attempts: AttemptCounts
  public var latency: LatencySketch
  /// The highest event number taken.
  public var acknowledgedSequence: Int64
  /// How often the device has numbered its events anew.
  public var sequenceResets: Int64

  public static let none = DeviceActivity()

  public init(
    lastSeenAt: Timestamp? = nil, attempts: AttemptCounts = .zero,
    latency: LatencySketch = .empty, acknowledgedSequence: Int64 = 0, sequenceResets: Int64 = 0
  ) {
    self.lastSeenAt = lastSeenAt
    self.attempts = attempts
    self.latency = latency
    self.acknowledgedSequence = acknowledgedSequence
    self.sequenceResets = sequenceResets
  }
}

/// What a device did with one version for one deployment since it was last written down.
public struct VersionActivity: Hashable, Sendable {
  public var attempts: AttemptCounts
  public var latency: LatencySketch
  public var latest: LatestOutcomes

  public static let none = VersionActivity(attempts: .zero, latency: .empty)

  public init(attempts: AttemptCounts, latency: LatencySketch, latest: LatestOutcomes = .none) {
    self.attempts = attempts
    self.latency = latency
    self.latest = latest
  }

  /// Takes in what came later.
  public mutating func add(_ later: VersionActivity) {
    attempts = attempts + later.attempts
    latency.merge(later.latency)
    latest.add(later.latest)
  }
}

/// Which of a device's numbered events are new.
public enum EventSequence {
  /// How far a number may lie beyond the highest one taken: one that is far off would make all that follow look known.
  public static let maximumStep: Int64 = 1_000_000_000

  /// Splits numbers into those to take and those known: numbers must ascend; one is new iff it exceeds every number before.
  ///
  /// - after 5: 4, 5, 6, 7 → takes from index 2, acknowledged 7
  /// - after 5: 1, 2 → takes nothing, acknowledged 5
  /// - after 0: (none) → takes nothing, acknowledged 0
  /// - 3, 3 → error: sequence 3 at 1 does not exceed the 3 before it
  /// - 0 → error: sequence 0 at 0 is not positive
  /// - after 5: 1_000_000_005 → takes it; 1_000_000_006 → error: sequence 1000000006 at 0 is more than 1000000000 beyond 5
  public static func take(
    _ numbers: [Int64], after acknowledged: Int64, field: String = "events"
  ) throws(DomainError) -> (firstNew: Int, acknowledged: Int64) {
    var previous: Int64 = 0
    for (index, number) in numbers.enumerated() {
      guard number > 0 else {
        throw .invalid(
          field: "\(field)[\(index)].sequence",
          message: "sequence \(number) at \(index) is not positive")
      }
      guard number > previous else {
        throw .invalid(
          field: "\(field)[\(index)].sequence",
          message: "sequence \(number) at \(index) does not exceed the \(previous) before it")
      }
      let (bound, isUnbounded) = acknowledged.addingReportingOverflow(maximumStep)
      guard isUnbounded || number <= bound else {
        throw .invalid(
          field: "\(field)[\(index)].sequence",
          message:
            "sequence \(number) at \(index) is more than \(maximumStep) beyond \(acknowledged)")
      }
      previous = number
    }
    let firstNew = numbers.firstIndex { $0 > acknowledged } ?? numbers.count
    return (firstNew, max(acknowledged, numbers.last ?? 0))
  }
}
