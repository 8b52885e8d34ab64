import API
import ProtoWire
import RPCCore

/// What `rollcall demo` tells: a first rollout to everybody, a better version step by step, and a version that fails.
///
/// Only what a client may do: everything goes through the API of the running server.
struct DemoStory: Sendable {
  let session: Session
  let fleet: DemoFleet
  let data: DemoData
  var terminal = Terminal.shared

  /// Names of the demo's resources.
  static let model = "cell-screen"
  static let variant = "bench-top"

  /// Short soaks: the story takes about a minute.
  static let soakSeconds: Int64 = 8

  /// The catalog: a model, a variant, three versions with their artifacts.
  func register() async throws -> [String: ModelVersion] {
    var model = Model()
    model.name = Self.model
    model.displayName = "Cell screen"
    model.description = "Tells benign from malignant cell samples by thirty measurements."
    var createModel = CreateModelRequest()
    createModel.model = model
    createModel.requestId = Session.requestID()
    let modelId = try await session.catalog.createModel(createModel, options: session.options)
      .model.unwrapped().id
    var variant = ModelVariant()
    variant.modelId = modelId
    variant.name = Self.variant
    variant.capability = "screening"
    variant.platform = .linux
    var createVariant = CreateModelVariantRequest()
    createVariant.modelVariant = variant
    createVariant.requestId = Session.requestID()
    let variantId = try await session.catalog.createModelVariant(
      createVariant, options: session.options
    ).modelVariant.unwrapped().id

    var versions: [String: ModelVersion] = [:]
    for (file, name) in DemoData.names {
      var version = ModelVersion()
      version.variantId = variantId
      version.name = name
      var create = CreateModelVersionRequest()
      create.modelVersion = version
      create.requestId = Session.requestID()
      let created = try await session.catalog.createModelVersion(create, options: session.options)
        .modelVersion.unwrapped()
      let uploaded = try await ArtifactTransfer(session: session).upload(
        data.artifacts[file] ?? [], to: created, mediaType: "application/json")
      versions[name] = uploaded
      try terminal.line(
        "  \(Self.model)/\(Self.variant)/\(name)  \(Figures.bytes(uploaded.artifact?.sizeBytes ?? 0))  "
          + "sha256 \((uploaded.artifact?.sha256 ?? "").prefix(12))…")
    }
    return versions
  }

  /// A key for the devices, of role device.
  func deviceKey() async throws -> String {
    var principal = Principal()
    principal.name = "demo-devices"
    principal.kind = .serviceAccount
    principal.roles = [.enrollment]
    var create = CreatePrincipalRequest()
    create.principal = principal
    create.requestId = Session.requestID()
    let created = try await session.auth.createPrincipal(create, options: session.options)
    var key = CreateApiKeyRequest()
    key.principalId = try created.principal.unwrapped().id
    key.displayName = "demo devices"
    key.requestId = Session.requestID()
    return try await session.auth.createApiKey(key, options: session.once).secret
  }

  /// Waits until all devices have registered, with a line that says how many have.
  func gather() async throws {
    while fleet.tally.counts.registered < fleet.count {
      try terminal.liveLine("  \(fleet.tally.counts.registered)/\(fleet.count) devices registered")
      try await Task.sleep(for: .milliseconds(terminal.isInteractive ? 100 : 1_000))
    }
    try terminal.liveLine("  \(fleet.count)/\(fleet.count) devices registered")
    try terminal.endLiveLine()
  }

  /// Deploys the first version to everybody in one step.
  func deploy(_ version: ModelVersion) async throws -> Deployment {
    var fleetTarget = FleetTarget()
    fleetTarget.modelVariantId = version.variantId
    fleetTarget.desiredVersionId = version.id
    var deployment = Deployment()
    deployment.name = Self.model
    deployment.environment = .production
    deployment.target = .fleet(fleetTarget)
    deployment.rolloutPolicy = Self.policy([(1_000_000, 4)])
    var create = CreateDeploymentRequest()
    create.deployment = deployment
    create.requestId = Session.requestID()
    let created = try await session.deployments.createDeployment(create, options: session.options)
      .deployment.unwrapped()
    let started = try await DeploymentsCommand.start(created, session: session)
    let rollout = try started.rollout.unwrapped()
    _ = try await RolloutWatch(
      session: session, rollout: rollout, title: "  \(version.name)", terminal: terminal
    ).run(until: [.completed, .paused, .rolledBack, .aborted])
    return try await Lookup(session: session).deployment(created.id)
  }

  /// Moves the deployment to a version at 5 %, 25 %, 100 % behind a gate, and returns where that ended.
  func rollOut(_ version: ModelVersion, from: String, on deployment: Deployment) async throws
    -> Rollout
  {
    var target = FleetTarget()
    target.desiredVersionId = version.id
    var changed = Deployment()
    changed.id = deployment.id
    changed.target = .fleet(target)
    changed.rolloutPolicy = Self.policy([
      (50_000, Self.soakSeconds), (250_000, Self.soakSeconds), (1_000_000, Self.soakSeconds),
    ])
    var update = UpdateDeploymentRequest()
    update.deployment = changed
    update.updateMask = .init(["fleet.desired_version_id", "rollout_policy"])
    update.requestId = Session.requestID()
    let rollout = try await session.deployments.updateDeployment(update, options: session.options)
      .rollout.unwrapped()
    return try await RolloutWatch(
      session: session, rollout: rollout, title: "  \(from) → \(version.name)", terminal: terminal
    ).run(until: [.completed, .paused, .rolledBack, .aborted])
  }

  /// Pins two devices to the new side of every rollout: as many as a gate needs to judge, however small the share.
  func pinFirstDevices(on deployment: Deployment) async throws {
    let names = [DemoDevice.hardwareId(1), DemoDevice.hardwareId(2)]
    for name in names {
      var request = PinDeviceRequest()
      request.deploymentId = deployment.id
      request.deviceId = try await Lookup(session: session).device(name).id
      request.target = .arm(.canary)
      request.reason = "stands in the lab"
      request.requestId = Session.requestID()
      _ = try await session.deployments.pinDevice(request, options: session.options)
    }
    try terminal.line(
      "  \(names.joined(separator: " and ")) are pinned to the canary side: they stand in the lab")
  }

  /// Returns every device to the version before, and waits until they are back.
  func rollBack(_ rollout: Rollout, reason: String) async throws -> Rollout {
    var request = RollbackDeploymentRequest()
    request.deploymentId = rollout.deploymentId
    request.reason = reason
    request.requestId = Session.requestID()
    let answer = try await session.deployments.rollbackDeployment(
      request, options: session.options)
    let rolledBack = try answer.rollout.unwrapped()
    var health = GetDeviceHealthRequest()
    health.deploymentId = rollout.deploymentId
    let deadline = ContinuousClock.now + .seconds(30)
    while true {
      let devices = try await session.deployments.getDeviceHealth(health, options: session.options)
        .deviceHealth.unwrapped()
      try terminal.liveLine(
        "  \(devices.convergedDevices)/\(devices.targetedDevices) devices run what they should")
      if devices.convergedDevices == devices.targetedDevices { break }
      guard ContinuousClock.now < deadline else {
        throw Complaint(
          "only \(devices.convergedDevices) of \(devices.targetedDevices) devices went back in 30 s",
          status: .failed)
      }
      try await Task.sleep(for: .milliseconds(terminal.isInteractive ? 200 : 1_000))
    }
    try terminal.endLiveLine()
    return rolledBack
  }

  /// Steps with soaks, advancing by themselves, behind a gate that pauses when too many devices fail.
  static func policy(_ steps: [(millionths: Int32, soak: Int64)]) -> RolloutPolicy {
    var gate = GateRule()
    gate.id = "error-rate"
    gate.metric = .errorRate
    gate.comparison = .absolute
    gate.thresholdMillionths = 50_000
    gate.minimumDevices = 2
    gate.confidence = .percent99
    gate.action = .pause
    var policy = RolloutPolicy()
    policy.autoAdvance = true
    policy.gates = [gate]
    policy.steps = steps.map { exposure, seconds in
      var step = RolloutStep()
      step.exposureMillionths = exposure
      step.soak = Google_Protobuf_Duration(.seconds(seconds))
      return step
    }
    return policy
  }
}
