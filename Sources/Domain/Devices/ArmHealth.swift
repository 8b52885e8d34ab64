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

  private static func sum(_ left: Int64, _ right: Int64) -> Int64 {
    let (sum, overflow) = left.addingReportingOverflow(right)
    return overflow ? (left < 0 ? .min : .max) : sum
  }
}

/// How the last attempts of a device ended that are made until they succeed; nil: it made none.
public struct LatestOutcomes: Hashable, Sendable {
  /// Whether the last download ended with a verified artifact.
  public var download: Bool?
  /// Whether the last activation ended with a version that answers.
  public var activation: Bool?
  /// Whether the device said that it runs the version: whatever failed on the way there is over.
  public var runs: Bool

  public static let none = LatestOutcomes()

  public init(download: Bool? = nil, activation: Bool? = nil, runs: Bool = false) {
    self.download = download
    self.activation = activation
    self.runs = runs
  }

  /// Takes in what came later.
  ///
  /// - download failed, then download succeeded → succeeded
  /// - activation failed, then runs → succeeded
  /// - runs, then activation failed → failed
  public mutating func add(_ later: LatestOutcomes) {
    if later.runs, download == false { download = true }
    if later.runs, activation == false { activation = true }
    download = later.download ?? download
    activation = later.activation ?? activation
    runs = runs || later.runs
  }
}

/// What one device did on one arm of a rollout, as far as gates judge it.
public struct DeviceStanding: Hashable, Sendable {
  public var attempts: AttemptCounts
  public var latest: LatestOutcomes

  public static let none = DeviceStanding()

  public init(attempts: AttemptCounts = .zero, latest: LatestOutcomes = .none) {
    self.attempts = attempts
    self.latest = latest
  }

  /// Takes in what the device did since.
  public mutating func add(_ later: DeviceStanding) {
    attempts = attempts + later.attempts
    latest.add(later.latest)
  }

  /// How the device stands in a metric.
  ///
  /// Downloads and activations are made until they succeed, so the last one counts: a device that failed, tried again and runs the
  /// version is no failure. Inferences are many, so their share counts, as ``DeviceVerdict/init(succeeded:failed:)`` says.
  ///
  /// - download failed, then succeeded → download failures: healthy
  /// - download succeeded, then failed → failing
  /// - activation failed, then succeeded, 5 inferences ok → error rate: healthy
  /// - activation succeeded, 9 of 10 inferences ok → failing
  /// - nothing but downloads → error rate: silent
  public func verdict(of metric: GateMetric) -> DeviceVerdict {
    switch metric {
    case .downloadFailures:
      return latest.download.map { $0 ? .healthy : .failing } ?? .silent
    case .errorRate:
      if latest.activation == false { return .failing }
      let inferences = DeviceVerdict(
        succeeded: attempts.inferencesSucceeded, failed: attempts.inferencesFailed)
      return inferences == .silent && latest.activation == true ? .healthy : inferences
    }
  }

  /// What is left of it when the gates begin to count anew: a device that was healthy still is, one that was failing has said nothing.
  public var forgiven: DeviceStanding {
    DeviceStanding(
      latest: LatestOutcomes(
        download: verdict(of: .downloadFailures) == .healthy ? true : nil,
        activation: verdict(of: .errorRate) == .healthy ? true : nil))
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

  /// Judges a device by many attempts: failing iff failed / (succeeded + failed) ≥ 10 %, compared without rounding.
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
  /// False: the device was not among those counted, so that the counts were wrong before; they stay where they can be, `failing` from 0
  /// to `reporting`.
  ///
  /// - silent → failing: +1 reporting, +1 failing
  /// - failing → healthy: −1 failing
  /// - healthy → healthy: nothing
  /// - 1 reporting, 0 failing, failing → healthy: nothing, false
  @discardableResult
  public mutating func move(from old: DeviceVerdict, to new: DeviceVerdict) -> Bool {
    let all = reporting + (new == .silent ? 0 : 1) - (old == .silent ? 0 : 1)
    let bad = failing + (new == .failing ? 1 : 0) - (old == .failing ? 1 : 0)
    reporting = max(0, all)
    failing = min(max(0, bad), reporting)
    return reporting == all && failing == bad
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

  /// Moves one device from how it stood on this arm to how it stands now. False: the counts were wrong before.
  @discardableResult
  public mutating func move(from before: DeviceStanding, to after: DeviceStanding) -> Bool {
    let errors = errorRate.move(
      from: before.verdict(of: .errorRate), to: after.verdict(of: .errorRate))
    let downloads = downloadFailures.move(
      from: before.verdict(of: .downloadFailures), to: after.verdict(of: .downloadFailures))
    return errors && downloads
  }

  /// What is left of it when the gates begin to count anew: devices that were healthy still are, those that were failing have said
  /// nothing yet. The same as moving each of them to ``DeviceStanding/forgiven``, at once.
  public var forgiven: ArmHealth {
    func healthy(_ counts: DeviceCounts) -> DeviceCounts {
      DeviceCounts(reporting: counts.reporting - counts.failing, failing: 0)
    }
    return ArmHealth(
      errorRate: healthy(errorRate), downloadFailures: healthy(downloadFailures),
      attempts: attempts)
  }
}
