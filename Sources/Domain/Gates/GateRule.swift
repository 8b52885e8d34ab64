/// What a gate watches. Counts are of devices, not of attempts.
public enum GateMetric: String, CaseIterable, Hashable, Sendable {
  /// Devices whose inferences or activations fail.
  case errorRate = "ERROR_RATE"
  /// Devices whose downloads fail.
  case downloadFailures = "DOWNLOAD_FAILURES"
}

/// What the canary arm is held against.
public enum GateComparison: String, CaseIterable, Hashable, Sendable {
  /// The canary rate itself must not exceed the threshold.
  case absolute = "ABSOLUTE"
  /// The canary rate minus the control rate must not exceed the threshold.
  case difference = "DIFFERENCE"
  /// The canary rate must not exceed the control rate by more than the threshold times the control rate.
  case relative = "RELATIVE"
}

/// What a failed gate does to the rollout.
public enum GateAction: String, CaseIterable, Hashable, Sendable {
  case pause = "PAUSE"
  case rollBack = "ROLLBACK"
}

/// One rule that may stop a rollout.
public struct GateRule: Hashable, Sendable {
  /// The fewest devices a rule may ask for in each arm: one device is no sample.
  public static let leastMinimumDevices = 2
  /// What a rule asks for when it does not say: with five, a single failing device does not fail a threshold of 5 % at 95 %.
  public static let defaultMinimumDevices = 5
  /// The most devices a rule may demand before it judges.
  public static let maximumMinimumDevices = 1_000_000

  /// Names the rule in verdicts; unique within a policy.
  public let id: GateID
  public let metric: GateMetric
  public let comparison: GateComparison
  /// Millionths: a rate (absolute), a difference of rates (difference) or a share of the control rate (relative).
  public let threshold: Int64
  /// With fewer reporting devices in an arm that is compared, the verdict is HOLD.
  public let minimumDevices: Int
  /// How sure a failure must be.
  public let confidence: Confidence
  public let action: GateAction

  public init(
    id: GateID, metric: GateMetric, comparison: GateComparison, threshold: Int64,
    minimumDevices: Int, confidence: Confidence = .percent95, action: GateAction
  ) {
    self.id = id
    self.metric = metric
    self.comparison = comparison
    self.threshold = threshold
    self.minimumDevices = minimumDevices
    self.confidence = confidence
    self.action = action
  }

  func check(field: String) throws(DomainError) {
    guard !id.rawValue.isEmpty else {
      throw .invalid(field: "\(field).id", message: "a gate needs an id")
    }
    let limit: Int64 = comparison == .relative ? 1_000_000_000 : 1_000_000
    guard (0...limit).contains(threshold) else {
      throw .invalid(
        field: "\(field).threshold_millionths",
        message: "threshold \(threshold) is outside 0...\(limit)")
    }
    let devices = GateRule.leastMinimumDevices...GateRule.maximumMinimumDevices
    guard devices.contains(minimumDevices) else {
      throw .invalid(
        field: "\(field).minimum_devices",
        message: "minimum_devices \(minimumDevices) is outside \(devices)")
    }
  }
}
