public import API
internal import Domain
internal import ProtoWire
public import RPCCore
public import Store

/// Devices: registration, reports and desired state, artifacts, labels, groups.
public struct DeviceService: DeviceServiceServer {
  let rules: CallRules
  let fleet: FleetState
  let files: ArtifactFiles
  let sharedKeys: SharedKeys

  public init(
    rules: CallRules, fleet: FleetState, files: ArtifactFiles, sharedKeys: SharedKeys = .accepted
  ) {
    self.rules = rules
    self.fleet = fleet
    self.files = files
    self.sharedKeys = sharedKeys
  }

  public func register(
    _ request: RegisterRequest, context: ServerContext
  ) async throws -> RegisterResponse {
    let fleet = fleet
    let secret = KeySecret.random(.device)
    var response: RegisterResponse = try await rules.mutate(
      request, context,
      storing: { response in
        var stored = response
        stored.secret = ""
        return stored
      },
      replaying: { mutation, first in
        guard let key = try mutation.renewKey(first.key, with: secret) else { return first }
        var answer = first
        answer.key = key
        answer.secret = secret.text
        return answer
      }
    ) { mutation in
      let wanted = request.device ?? API.Device()
      let org = mutation.caller.org
      try TextRule.hardwareID.check(wanted.hardwareId, field: "device.hardware_id")
      let traits = DeviceTraits(
        platform: try wanted.platform.ofDevice(field: "device.platform"),
        deviceClass: try TextRule.optionalName.check(
          wanted.deviceClass, field: "device.device_class"))
      let app = try TextRule.foreignIdentifier.check(
        wanted.appIdentifier, field: "device.app_identifier")
      let devices = Devices(mutation.tx)
      let known = try devices.find(hardwareID: wanted.hardwareId, org: org)
      try checkRegistrar(mutation, hardwareID: wanted.hardwareId, known: known)
      if let known {
        var device = known
        device.traits = traits
        device.appIdentifier = app
        let wire = try fleet.wire(known, mutation.tx)
        guard device != known else {
          return RegisterResponse.with { $0.device = wire }
        }
        device.revision = try mutation.nextRevision()
        try devices.update(device)
        let after = try fleet.wire(device, mutation.tx)
        try mutation.record(
          "updated", .device, id: device.id.rawValue, before: wire, after: after,
          payload: EventDetail(message: "device \(device.hardwareID) changed").payload)
        return RegisterResponse.with { $0.device = after }
      }
      let device = Domain.Device(
        id: mutation.makeID(), org: org, hardwareID: wanted.hardwareId,
        registeredAt: mutation.now, traits: traits, appIdentifier: app,
        labels: try Labels(wanted.labels, field: "device.labels"),
        revision: try mutation.nextRevision())
      try devices.insert(device)
      let after = try fleet.wire(device, mutation.tx)
      try mutation.record(
        "registered", .device, id: device.id.rawValue, after: after,
        payload: EventDetail(message: "device \(device.hardwareID) registered").payload)
      let key = try mutation.issueKey(secret, to: device)
      return RegisterResponse.with {
        $0.device = after
        $0.created = true
        $0.key = key
        $0.secret = request.validateOnly ? "" : secret.text
      }
    }
    // A repeat replaces the key of the answer before.
    if let key = response.key { rules.authentication.forget(DeviceID(key.deviceId)) }
    response.device = try await rules.perform(context) { _ in
      try fleet.withReports(response.device)
    }
    return response
  }

  /// Who may register which device: an operator any, a device itself, whoever else only one that is not known.
  private func checkRegistrar(
    _ mutation: Mutation, hardwareID: String, known: Domain.Device?
  ) throws {
    let caller = mutation.caller
    if caller.isOperator { return }
    if let device = caller.device {
      guard known?.id == device.id else {
        throw ServiceError.permissionDenied("a device registers itself and no other")
      }
      return
    }
    let isShared = caller.roles.contains(.device)
    if isShared { try checkShared(caller) }
    guard let known else { return }
    let credential = try DeviceCredentials(mutation.tx).find(known.id)
    guard isShared, credential?.claimedAt == nil else {
      throw ServiceError.alreadyExists(.device, name: hardwareID)
    }
    if let refusal = caller.refusal(toSpeakFor: credential) { throw refusal }
  }

  public func downloadArtifact(
    _ request: DeviceServiceDownloadArtifactRequest,
    responses: ResponseStream<DeviceServiceDownloadArtifactResponse>, context: ServerContext
  ) async throws {
    try await rules.perform(context) { caller in
      try await speak(for: request.deviceId, caller)
      let download = try fleet.store.read { db in
        _ = try Self.device(request.deviceId, caller, db)
        let id = VersionID(request.modelVersionId)
        guard let version = try ModelVersions(db).find(id, org: caller.org) else {
          throw ServiceError.notFound(.modelVersion, id: request.modelVersionId)
        }
        return try ArtifactDownload(version, offset: request.offset)
      }
      let artifact = download.artifact
      try await download.send(
        from: files, to: responses, context,
        header: .with {
          $0.part = .header(
            .with {
              $0.sha256 = artifact.digest.hex
              $0.sizeBytes = artifact.size
              $0.mediaType = artifact.mediaType
              $0.offset = download.offset
            })
        },
        data: { bytes in .with { $0.part = .data(bytes) } })
    }
  }

  public func getDevice(
    _ request: GetDeviceRequest, context: ServerContext
  ) async throws -> GetDeviceResponse {
    try await rules.read(context) { db, caller in
      let device = try Self.device(request.deviceId, caller, db)
      let wire = try fleet.wire(device, db)
      return GetDeviceResponse.with { $0.device = wire }
    }
  }

  public func listDevices(
    _ request: ListDevicesRequest, context: ServerContext
  ) async throws -> ListDevicesResponse {
    guard request.labels.count <= 64 else {
      throw rules.mapping.error(
        ServiceError.invalid(
          field: "labels", message: "\(request.labels.count) labels exceed 64"), context)
    }
    // The total counts every device that matches, which may be the fleet: not on the loop.
    return try await rules.scan(request, context) { [fleet] db, caller, walk in
      var filter = Devices.Filter()
      filter.labels = request.labels
      if !request.groupId.isEmpty { filter.group = GroupID(request.groupId) }
      if request.platform != .unspecified {
        filter.platform = try request.platform.ofDevice(field: "platform")
      }
      if !request.appIdentifier.isEmpty { filter.appIdentifier = request.appIdentifier }
      if !request.deviceClass.isEmpty { filter.deviceClass = request.deviceClass }
      if !request.hardwareId.isEmpty { filter.hardwareID = request.hardwareId }
      if !request.installedVersionId.isEmpty {
        filter.runningVersion = VersionID(request.installedVersionId)
      }
      let listing = try Devices(db).list(walk.page, org: caller.org, filter)
      let wires = try listing.items.map { try fleet.wire($0, db) }
      return ListDevicesResponse.with {
        $0.devices = wires
        walk.finish(&$0, listing)
      }
    }
  }

  public func updateLabels(
    _ request: UpdateLabelsRequest, context: ServerContext
  ) async throws -> UpdateLabelsResponse {
    let fleet = fleet
    var response: UpdateLabelsResponse = try await rules.mutate(request, context) { mutation in
      var device = try Self.device(request.deviceId, mutation.caller, mutation.tx)
      try Etag.check(request.etag, .device, request.deviceId, revision: device.revision)
      let before = try fleet.wire(device, mutation.tx)
      let old = request.removeAll ? Labels.empty : device.labels
      device.labels = try old.applying(
        changes: request.set, removals: request.remove, field: "set")
      device.revision = try mutation.nextRevision()
      try Devices(mutation.tx).update(device)
      let after = try fleet.wire(device, mutation.tx)
      try mutation.record(
        "labels_updated", .device, id: request.deviceId, before: before, after: after,
        payload: EventDetail(message: "labels of \(device.hardwareID) changed").payload)
      return UpdateLabelsResponse.with { $0.device = after }
    }
    response.device = try await rules.perform(context) { _ in
      try fleet.withReports(response.device)
    }
    return response
  }

  /// A device of the caller's org.
  static func device(
    _ id: String, _ caller: Caller, _ db: ReadTransaction
  ) throws -> Domain.Device {
    guard let device = try Devices(db).find(DeviceID(id), org: caller.org) else {
      throw ServiceError.notFound(.device, id: id)
    }
    return device
  }
}
