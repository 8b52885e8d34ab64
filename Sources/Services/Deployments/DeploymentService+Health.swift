public import API
internal import Domain
internal import ProtoWire
public import RPCCore
internal import Store

extension DeploymentService {
  public func getHealth(
    _ request: GetHealthRequest, context: ServerContext
  ) async throws -> GetHealthResponse {
    try await rules.read(context) { db, caller in
      let deployment = try Self.deployment(request.deploymentId, caller, db)
      let health = try Self.health(deployment, now: Self.now, db, fleet.store.telemetry)
      return GetHealthResponse.with { $0.health = health }
    }
  }

  public func getDeviceHealth(
    _ request: GetDeviceHealthRequest, context: ServerContext
  ) async throws -> GetDeviceHealthResponse {
    try await rules.perform(context) { caller in
      let deployment = try fleet.store.read { db in
        try Self.deployment(request.deploymentId, caller, db).id
      }
      let report = try await fleet.report(of: deployment, caller)
      let (counts, activity) = (report.counts, report.activity)
      var health = API.DeviceHealth()
      health.deploymentId = deployment.rawValue
      health.targetedDevices = Int32(clamping: counts.targeted)
      health.onlineDevices = Int32(clamping: counts.online)
      health.convergedDevices = Int32(clamping: counts.converged)
      health.failedDevices = Int32(clamping: counts.failed)
      health.counters = DeviceCounters(activity.attempts, activity.latency)
      health.latencyP50Us = activity.latency.quantile(0.5)
      health.latencyP95Us = activity.latency.quantile(0.95)
      health.latencyP99Us = activity.latency.quantile(0.99)
      health.computedAt = Google_Protobuf_Timestamp(report.computedAt)
      health.devicesWithFailures = Int32(clamping: report.failingDevices)
      health.failures = report.failures.map { API.FailureGroup($0) }
      return GetDeviceHealthResponse.with { $0.deviceHealth = health }
    }
  }

  static var now: Timestamp { Timestamp(milliseconds: StoreClock.nowMilliseconds()) }

  /// The health of a deployment from sums that are kept current: a few rows, whatever the fleet's size.
  static func health(
    _ deployment: Domain.Deployment, now: Timestamp, _ db: ReadTransaction,
    _ telemetry: TelemetryStore
  ) throws -> DeploymentHealth {
    let rollout = try rollout(of: deployment, db)
    let versions = try VersionTallies(db, telemetry).of(deployment.id)
    var health = DeploymentHealth()
    health.deploymentId = deployment.id.rawValue
    if let rollout {
      health.rolloutId = rollout.id.rawValue
      health.rolloutState = API.Rollout.State(rollout.state)
      health.exposureMillionths = rollout.exposure.millionths
      health.gateVerdicts = rollout.verdicts.map { API.GateVerdict($0) }
    }
    health.versions = versions.sorted {
      ($0.version == deployment.desiredVersion ? 0 : 1, $0.version)
        < ($1.version == deployment.desiredVersion ? 0 : 1, $1.version)
    }.map { API.VersionHealth($0) }
    health.state = state(deployment, rollout, versions)
    health.computedAt = Google_Protobuf_Timestamp(now)
    return health
  }

  /// A gate failed that still watches: unhealthy. Nobody reported: unknown. Devices fail or a gate holds for want of certainty: degraded.
  ///
  /// Only versions count that devices should run: who could not be brought to run one that was rolled back runs what it should.
  private static func state(
    _ deployment: Domain.Deployment, _ rollout: Domain.Rollout?, _ versions: [VersionTally]
  ) -> DeploymentHealth.State {
    // What a gate said of a rollout that is over, it said of devices as they were then.
    let verdicts = rollout.flatMap { $0.state.isActive ? $0.verdicts : nil } ?? []
    if verdicts.contains(where: { $0.outcome == .fail }) { return .unhealthy }
    let hasReports = versions.contains {
      $0.installedDevices + $0.downloadingDevices + $0.failedDevices > 0
        || !$0.activity.attempts.isZero
    }
    guard hasReports else { return .unknown }
    let isUncertain = verdicts.contains { $0.holdReason == .insufficient }
    var wanted = [deployment.desiredVersion, deployment.activeVersion]
    if let rollout, rollout.state.isActive { wanted += [rollout.from, rollout.to] }
    let fails = versions.contains { $0.failedDevices > 0 && wanted.contains($0.version) }
    return isUncertain || fails ? .degraded : .healthy
  }
}

extension API.FailureGroup {
  init(_ group: Domain.FailureGroup) {
    self.init()
    modelVersionId = group.version.rawValue
    rolloutId = group.rollout?.rawValue ?? ""
    error = group.error
    devices = Int32(clamping: group.devices)
    lastFailedAt = Google_Protobuf_Timestamp(group.lastFailedAt)
  }
}

extension API.DeviceFailure {
  init(_ failure: Domain.DeviceFailure) {
    self.init()
    modelVersionId = failure.version.rawValue
    rolloutId = failure.rollout?.rawValue ?? ""
    error = failure.error
    failedAt = Google_Protobuf_Timestamp(failure.failedAt)
  }
}

extension API.VersionHealth {
  init(_ health: VersionTally) {
    self.init()
    modelVersionId = health.version.rawValue
    installedDevices = Int32(clamping: health.installedDevices)
    downloadingDevices = Int32(clamping: health.downloadingDevices)
    failedDevices = Int32(clamping: health.failedDevices)
    downloadsOk = health.activity.attempts.downloadsSucceeded
    downloadsFailed = health.activity.attempts.downloadsFailed
    inferencesOk = health.activity.attempts.inferencesSucceeded
    inferencesFailed = health.activity.attempts.inferencesFailed
    latency = API.LatencySketch(health.activity.latency)
  }
}
