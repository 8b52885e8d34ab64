/// What one device reported about one version, as totals of attempts.
public struct AttemptCounts: Hashable, Sendable {
  public var downloadsSucceeded: Int64
  public var downloadsFailed: Int64
  public var activationsSucceeded: Int64
  public var activationsFailed: Int64
  public var inferencesSucceeded: Int64
  public var inferencesFailed: Int64

  public static let zero = AttemptCounts()

  public init(
    downloadsSucceeded: Int64 = 0, downloadsFailed: Int64 = 0, activationsSucceeded: Int64 = 0,
    activationsFailed: Int64 = 0, inferencesSucceeded: Int64 = 0, inferencesFailed: Int64 = 0
  ) {
    self.downloadsSucceeded = downloadsSucceeded
    self.downloadsFailed = downloadsFailed
    self.activationsSucceeded = activationsSucceeded
    self.activationsFailed = activationsFailed
    self.inferencesSucceeded = inferencesSucceeded
    self.inferencesFailed = inferencesFailed
  }

  /// The sum; a peer's counts may be anything, so each saturates.
  public static func + (left: Self, right: Self) -> Self {
    AttemptCounts(
      downloadsSucceeded: sum(left.downloadsSucceeded, right.downloadsSucceeded),
      downloadsFailed: sum(left.downloadsFailed, right.downloadsFailed),
      activationsSucceeded: sum(left.activationsSucceeded, right.activationsSucceeded),
      activationsFailed: sum(left.activationsFailed, right.activationsFailed),
      inferencesSucceeded: sum(left.inferencesSucceeded, right.inferencesSucceeded),
      inferencesFailed: sum(left.inferencesFailed, right.inferencesFailed))
  }

  /// Whether anything was counted.
  public var isZero: Bool { self == .zero }

  /// Succeeded and failed attempts of a metric. A version that cannot be activated is an error like an inference that fails.
  public func attempts(of metric: GateMetric) -> (succeeded: Int64, failed: Int64) {
    switch metric {
    case .errorRate:
      (
        Self.sum(inferencesSucceeded, activationsSucceeded),
        Self.sum(inferencesFailed, activationsFailed)
      )
    case .downloadFailures: (downloadsSucceeded, downloadsFailed)
    }
  }

  private static func sum(_ left: Int64, _ right: Int64) -> Int64 {
    let (sum, overflow) = left.addingReportingOverflow(right)
    return overflow ? (left < 0 ? .min : .max) : sum
  }
}

/// How one device stands in one metric.
public enum DeviceVerdict: String, CaseIterable, Hashable, Sendable {
  /// It has attempted nothing.
  case silent = "SILENT"
  /// Too few of its attempts failed to matter.
  case healthy = "HEALTHY"
  /// Too many did.
  case failing = "FAILING"

  /// The share of failed attempts, in millionths, from which a device is failing.
  public static let failingShare: Int64 = 100_000

  /// Judges a device: failing iff failed / (succeeded + failed) ≥ 10 %, compared without rounding.
  ///
  /// One device in trouble is one failing device, whether it tried once or a million times; and a device whose failure
  /// was a hiccup among many successes is healthy again.
  ///
  /// - 0 ok, 0 failed → silent
  /// - 0 ok, 1 failed → failing
  /// - 9 ok, 1 failed → failing (exactly 10 %)
  /// - 10 ok, 1 failed → healthy (9.09 %)
  public init(succeeded: Int64, failed: Int64) {
    guard succeeded > 0 || failed > 0 else {
      self = .silent
      return
    }
    let all = max(0, succeeded).addingReportingOverflow(max(0, failed))
    let total = UInt64(all.overflow ? Int64.max : all.partialValue)
    let share = UInt64(max(0, failed)).multipliedFullWidth(by: 1_000_000)
    let limit = total.multipliedFullWidth(by: UInt64(DeviceVerdict.failingShare))
    let reached = (share.high, share.low) >= (limit.high, limit.low)
    self = reached ? .failing : .healthy
  }
}

/// How many devices of an arm have a say in a metric, and how many of them are failing.
public struct DeviceCounts: Hashable, Sendable {
  /// Devices that attempted anything.
  public var reporting: Int
  /// Those of them that are failing.
  public var failing: Int

  public static let zero = DeviceCounts(reporting: 0, failing: 0)

  public init(reporting: Int, failing: Int) {
    self.reporting = reporting
    self.failing = failing
  }

  /// Moves one device from a verdict to another; what keeps counts current without recounting.
  ///
  /// - silent → failing: +1 reporting, +1 failing
  /// - failing → healthy: −1 failing
  /// - healthy → healthy: nothing
  public mutating func move(from old: DeviceVerdict, to new: DeviceVerdict) {
    reporting += (new == .silent ? 0 : 1) - (old == .silent ? 0 : 1)
    failing += (new == .failing ? 1 : 0) - (old == .failing ? 1 : 0)
  }

  public static func + (left: Self, right: Self) -> Self {
    DeviceCounts(
      reporting: left.reporting + right.reporting, failing: left.failing + right.failing)
  }
}

/// The health of one arm of a rollout: device counts by metric, and the attempts behind them.
public struct ArmHealth: Hashable, Sendable {
  /// By inference and activation.
  public var errorRate: DeviceCounts
  /// By download.
  public var downloadFailures: DeviceCounts
  /// All attempts of all devices, for display; no gate reads them.
  public var attempts: AttemptCounts

  public static let zero = ArmHealth(errorRate: .zero, downloadFailures: .zero, attempts: .zero)

  public init(errorRate: DeviceCounts, downloadFailures: DeviceCounts, attempts: AttemptCounts) {
    self.errorRate = errorRate
    self.downloadFailures = downloadFailures
    self.attempts = attempts
  }

  /// The counts a gate on `metric` judges.
  public func counts(of metric: GateMetric) -> DeviceCounts {
    switch metric {
    case .errorRate: errorRate
    case .downloadFailures: downloadFailures
    }
  }

  /// Takes in one device's new attempts: `before` and `after` are its totals on this arm.
  public mutating func record(from before: AttemptCounts, adding delta: AttemptCounts) {
    let after = before + delta
    func verdict(_ counts: AttemptCounts, _ metric: GateMetric) -> DeviceVerdict {
      let (succeeded, failed) = counts.attempts(of: metric)
      return DeviceVerdict(succeeded: succeeded, failed: failed)
    }
    errorRate.move(from: verdict(before, .errorRate), to: verdict(after, .errorRate))
    downloadFailures.move(
      from: verdict(before, .downloadFailures), to: verdict(after, .downloadFailures))
    attempts = attempts + delta
  }
}
