internal import API
internal import Domain
internal import ProtoWire

extension API.Rollout {
  init(_ rollout: Domain.Rollout) {
    self.init()
    id = rollout.id.rawValue
    deploymentId = rollout.deployment.rawValue
    number = Int32(clamping: rollout.number)
    state = State(rollout.state)
    stateReason = rollout.stateReason
    fromVersionId = rollout.from?.rawValue ?? ""
    toVersionId = rollout.to.rawValue
    policy = API.RolloutPolicy(rollout.policy)
    stepIndex = Int32(rollout.stepIndex)
    exposureMillionths = rollout.exposure.millionths
    exposureChangedAt = Google_Protobuf_Timestamp(rollout.exposureChangedAt)
    nextAdvanceAt = rollout.nextAdvanceAt.map { Google_Protobuf_Timestamp($0) }
    gateVerdicts = rollout.verdicts.map { API.GateVerdict($0) }
    createdAt = Google_Protobuf_Timestamp(rollout.createdAt)
    startedAt = rollout.startedAt.map { Google_Protobuf_Timestamp($0) }
    endedAt = rollout.endedAt.map { Google_Protobuf_Timestamp($0) }
    etag = Etag.text(rollout.revision)
    windowStart = rollout.windowStart.map { Google_Protobuf_Timestamp($0) }
  }
}

extension API.Rollout.State {
  init(_ state: RolloutState) {
    self =
      switch state {
      case .pending: .pending
      case .progressing: .progressing
      case .paused: .paused
      case .completed: .completed
      case .rolledBack: .rolledBack
      case .aborted: .aborted
      }
  }
}

extension RolloutState {
  init(_ state: API.Rollout.State, field: String) throws(ServiceError) {
    switch state {
    case .pending: self = .pending
    case .progressing: self = .progressing
    case .paused: self = .paused
    case .completed: self = .completed
    case .rolledBack: self = .rolledBack
    case .aborted: self = .aborted
    case .unspecified: throw .invalid(field: field, message: "is required")
    case .unrecognized(let number):
      throw .invalid(field: field, message: "there is no state \(number)")
    }
  }
}

extension API.RolloutPolicy {
  init(_ policy: Domain.RolloutPolicy) {
    self.init()
    steps = policy.steps.map { step in
      RolloutStep.with {
        $0.exposureMillionths = step.exposure.millionths
        $0.soak = Google_Protobuf_Duration(step.soak)
      }
    }
    autoAdvance = policy.autoAdvance
    gates = policy.gates.map { API.GateRule($0) }
  }
}

extension Domain.RolloutPolicy {
  /// The policy of a request, checked.
  init(_ policy: API.RolloutPolicy, field: String) throws {
    let steps = try policy.steps.enumerated().map { index, step in
      let field = "\(field).steps[\(index)]"
      guard let soak = Duration(step.soak ?? Google_Protobuf_Duration()) else {
        throw ServiceError.invalid(field: "\(field).soak", message: "is no duration")
      }
      return Step(
        exposure: try Exposure(
          millionths: Int64(step.exposureMillionths), field: "\(field).exposure_millionths"),
        soak: soak)
    }
    try self.init(
      steps: steps, autoAdvance: policy.autoAdvance,
      gates: try policy.gates.enumerated().map {
        try Domain.GateRule($1, field: "\(field).gates[\($0)]")
      }, field: field)
  }
}

extension API.GateRule {
  init(_ rule: Domain.GateRule) {
    self.init()
    id = rule.id.rawValue
    metric =
      switch rule.metric {
      case .errorRate: .errorRate
      case .downloadFailures: .downloadFailures
      }
    comparison =
      switch rule.comparison {
      case .absolute: .absolute
      case .difference: .difference
      case .relative: .relative
      }
    thresholdMillionths = rule.threshold
    minimumDevices = Int32(clamping: rule.minimumDevices)
    confidence =
      switch rule.confidence {
      case .percent80: .percent80
      case .percent90: .percent90
      case .percent95: .percent95
      case .percent99: .percent99
      case .percent999: .percent999
      }
    action =
      switch rule.action {
      case .pause: .pause
      case .rollBack: .rollback
      }
  }
}

extension Domain.GateRule {
  /// A rule of a request with its defaults filled in; the policy checks its numbers.
  init(_ rule: API.GateRule, field: String) throws {
    func unknown(_ name: String, _ number: Int32) -> ServiceError {
      .invalid(field: "\(field).\(name)", message: "there is no \(name) \(number)")
    }
    let metric: GateMetric
    switch rule.metric {
    case .errorRate: metric = .errorRate
    case .downloadFailures: metric = .downloadFailures
    case .unspecified: throw ServiceError.invalid(field: "\(field).metric", message: "is required")
    case .unrecognized(let number): throw unknown("metric", number)
    }
    let comparison: GateComparison
    switch rule.comparison {
    case .unspecified, .absolute: comparison = .absolute
    case .difference: comparison = .difference
    case .relative: comparison = .relative
    case .unrecognized(let number): throw unknown("comparison", number)
    }
    let confidence: Domain.Confidence
    switch rule.confidence {
    case .percent80: confidence = .percent80
    case .percent90: confidence = .percent90
    case .unspecified, .percent95: confidence = .percent95
    case .percent99: confidence = .percent99
    case .percent999: confidence = .percent999
    case .unrecognized(let number): throw unknown("confidence", number)
    }
    let action: GateAction
    switch rule.action {
    case .unspecified, .pause: action = .pause
    case .rollback: action = .rollBack
    case .unrecognized(let number): throw unknown("action", number)
    }
    self.init(
      id: GateID(try TextRule.name.check(rule.id, field: "\(field).id")), metric: metric,
      comparison: comparison, threshold: rule.thresholdMillionths,
      minimumDevices: rule.minimumDevices == 0
        ? Self.defaultMinimumDevices : Int(rule.minimumDevices),
      confidence: confidence, action: action)
  }
}

extension API.GateVerdict {
  init(_ verdict: Domain.GateVerdict) {
    self.init()
    rule = API.GateRule(verdict.rule)
    outcome =
      switch verdict.outcome {
      case .pass: .pass
      case .fail: .fail
      case .hold: .hold
      }
    holdReason =
      switch verdict.holdReason {
      case .noData: .noData
      case .insufficient: .insufficient
      case .zeroBaseline: .zeroBaseline
      case nil: .unspecified
      }
    canary = ArmCounts(verdict.canary)
    control = ArmCounts(verdict.control)
    estimateMillionths = verdict.estimate
    lowerMillionths = verdict.lower
    upperMillionths = verdict.upper
    boundaryMillionths = verdict.boundary
    passingFailures = verdict.passingFailures.map { Int32(clamping: $0) }
    windowStart = Google_Protobuf_Timestamp(verdict.windowStart)
    decidedAt = Google_Protobuf_Timestamp(verdict.decidedAt)
    looks = Int32(clamping: verdict.looks)
    alphaSpentMillionths = Int32(clamping: verdict.alphaSpent)
    summary = verdict.summary
  }
}

extension API.GateVerdict.ArmCounts {
  init(_ counts: DeviceCounts) {
    self.init()
    reportingDevices = Int32(clamping: counts.reporting)
    failingDevices = Int32(clamping: counts.failing)
  }
}
