public import API
internal import Domain
internal import ProtoWire
public import RPCCore
internal import Store

extension DeploymentService {
  public func pinDevice(
    _ request: PinDeviceRequest, context: ServerContext
  ) async throws -> PinDeviceResponse {
    var response: PinDeviceResponse = try await rules.mutate(request, context) { mutation in
      let (tx, caller) = (mutation.tx, mutation.caller)
      try TextRule.reason.check(request.reason, field: "reason")
      let deployment = try Self.deployment(request.deploymentId, caller, tx)
      try Etag.check(
        request.etag, .deployment, request.deploymentId, revision: deployment.revision)
      let device = try DeviceService.device(request.deviceId, caller, tx)
      let target: PinTarget
      switch request.target {
      case .arm(.canary)?: target = .canary
      case .arm(.control)?: target = .control
      case .arm(let arm)?:
        throw ServiceError.invalid(field: "arm", message: "there is no arm \(arm.rawValue)")
      case .modelVersionId(let id)?:
        guard
          let version = try Self.version(
            id, of: deployment.variant, field: "model_version_id", caller.org, tx)
        else { throw ServiceError.invalid(field: "model_version_id", message: "is required") }
        target = .version(version)
      case nil: throw ServiceError.invalid(field: "target", message: "is required")
      }
      let pin = Pin(
        deployment: deployment.id, device: device.id, target: target, reason: request.reason,
        createdBy: caller.principal.rawValue, createdAt: mutation.now)
      try mutation.journal.pin(pin, of: deployment, deviceName: device.hardwareID)
      let assignment = try assignment(device, deployment, tx)
      return PinDeviceResponse.with { $0.assignment = assignment }
    }
    response.assignment = try await withFailure(response.assignment, context)
    return response
  }

  public func unpinDevice(
    _ request: UnpinDeviceRequest, context: ServerContext
  ) async throws -> UnpinDeviceResponse {
    var response: UnpinDeviceResponse = try await rules.mutate(request, context) { mutation in
      let (tx, caller) = (mutation.tx, mutation.caller)
      let deployment = try Self.deployment(request.deploymentId, caller, tx)
      try Etag.check(
        request.etag, .deployment, request.deploymentId, revision: deployment.revision)
      let device = try DeviceService.device(request.deviceId, caller, tx)
      try mutation.journal.unpin(device.id, of: deployment, deviceName: device.hardwareID)
      let assignment = try assignment(device, deployment, tx)
      return UnpinDeviceResponse.with { $0.assignment = assignment }
    }
    response.assignment = try await withFailure(response.assignment, context)
    return response
  }

  /// What a deployment means for one device, targeted or not; without its last failure, which is no change's to read.
  private func assignment(
    _ device: Domain.Device, _ deployment: Domain.Deployment, _ db: ReadTransaction
  ) throws -> DeviceAssignment {
    let entry = try DeploymentIndex.entry(deployment, db)
    let pin = try DevicePins(db).find(deployment: deployment.id, device: device.id)
    let installed = try Installations(db).find(device: device.id, deployment: deployment.id)
    return DeviceAssignment(
      device, entry, pin: pin, running: installed?.running, failure: nil)
  }

  /// Fills in the last failure of the device in the answer to a change.
  private func withFailure(
    _ assignment: DeviceAssignment?, _ context: ServerContext
  ) async throws -> DeviceAssignment? {
    guard var assignment else { return nil }
    let failures = try await rules.perform(context) { _ in
      try fleet.store.telemetry.read {
        try DeviceFailures($0).of(
          DeviceID(assignment.deviceId), deployment: DeploymentID(assignment.deploymentId))
      }
    }
    assignment.lastFailure = failures.first.map { API.DeviceFailure($0) }
    return assignment
  }
}

extension DeviceAssignment {
  /// What a deployment means, or would mean, for a device. One that governs no devices assigns nothing.
  init(
    _ device: Domain.Device, _ entry: DeploymentIndex.Entry, pin: Pin?, running: VersionID?,
    failure: Domain.DeviceFailure?
  ) {
    self.init()
    let (deployment, rollout) = (entry.deployment, entry.rollout)
    let withdrawal =
      entry.targets(device)
      ? nil : entry.assignment(device, running: running, pin: pin?.target)
    let assignment =
      withdrawal
      ?? Assignment.resolve(
        deployment: deployment, rollout: rollout, device: device.id, running: running,
        pin: pin?.target)
    deploymentId = deployment.id.rawValue
    rolloutId = rollout?.id.rawValue ?? ""
    hardwareId = device.hardwareID
    lastFailure = failure.map { API.DeviceFailure($0) }
    deviceId = device.id.rawValue
    bucket = assignment?.bucket ?? -1
    desiredVersionId = assignment?.version?.rawValue ?? ""
    installedVersionId = running?.rawValue ?? ""
    self.pin = pin.map { DevicePin($0) }
    switch assignment?.arm {
    case .canary?: arm = .canary
    case .control?: arm = .control
    case nil: break
    }
    switch assignment?.reason {
    case .pin?: reason = .pin
    case .inCohort?: reason = .inCohort
    case .outOfCohort?: reason = .outOfCohort
    case .frozen?: reason = .frozen
    case .settled?: reason = .settled
    case .withdrawn?: reason = .withdrawn
    case nil: break
    }
  }
}

extension DevicePin {
  init(_ pin: Pin) {
    self.init()
    deploymentId = pin.deployment.rawValue
    deviceId = pin.device.rawValue
    switch pin.target {
    case .canary: target = .arm(.canary)
    case .control: target = .arm(.control)
    case .version(let version): target = .modelVersionId(version.rawValue)
    }
    reason = pin.reason
    createdBy = pin.createdBy
    createdAt = Google_Protobuf_Timestamp(pin.createdAt)
  }
}
