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
    let devices = devices
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
      let known = try Devices(mutation.tx).find(hardwareID: wanted.hardwareId, org: org)
      try checkRegistrar(mutation, hardwareID: wanted.hardwareId, known: known)
      if let known {
        var device = known
        device.traits = traits
        device.appIdentifier = app
        let after =
          device == known
          ? try devices.wire(known, mutation.tx)
          : try mutation.save(
            device, devices, "updated", replacing: known,
            detail: EventDetail(message: "device \(device.hardwareID) changed"))
        return RegisterResponse.with { $0.device = after }
      }
      let device = Domain.Device(
        id: mutation.makeID(), org: org, hardwareID: wanted.hardwareId,
        registeredAt: mutation.now, traits: traits, appIdentifier: app,
        labels: try Labels(wanted.labels, field: "device.labels"))
      let after = try mutation.insert(
        device, devices, "registered",
        detail: EventDetail(message: "device \(device.hardwareID) registered"))
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
    try await rules.get(devices, request.deviceId, context)
  }

  public func listDevices(
    _ request: ListDevicesRequest, context: ServerContext
  ) async throws -> ListDevicesResponse {
    guard request.labels.count <= 64 else {
      throw rules.mapping.error(
        ServiceError.invalid(
          field: "labels", message: "\(request.labels.count) labels exceed 64"), context)
    }
    return try await rules.list(devices, request, context) { caller, _ in
      var conditions: [Condition<Domain.Device>] = []
      if !request.hardwareId.isEmpty { conditions.append(.hardwareID(request.hardwareId)) }
      if !request.appIdentifier.isEmpty {
        conditions.append(.appIdentifier(request.appIdentifier))
      }
      if request.platform != .unspecified {
        conditions.append(.platform(try request.platform.ofDevice(field: "platform")))
      }
      if !request.deviceClass.isEmpty { conditions.append(.deviceClass(request.deviceClass)) }
      if !request.groupId.isEmpty { conditions.append(.member(of: GroupID(request.groupId))) }
      if !request.installedVersionId.isEmpty {
        conditions.append(.running(VersionID(request.installedVersionId)))
      }
      for (key, value) in request.labels.sorted(by: { $0.key < $1.key }) {
        conditions.append(.label(key, value, org: caller.org))
      }
      return conditions
    }
  }

  public func updateLabels(
    _ request: UpdateLabelsRequest, context: ServerContext
  ) async throws -> UpdateLabelsResponse {
    let devices = devices
    var response: UpdateLabelsResponse = try await rules.mutate(request, context) { mutation in
      let before = try mutation.require(devices, request.deviceId, etag: request.etag)
      var device = before
      let old = request.removeAll ? Labels.empty : device.labels
      device.labels = try old.applying(
        changes: request.set, removals: request.remove, field: "set")
      let after = try mutation.save(
        device, devices, "labels_updated", replacing: before,
        detail: EventDetail(message: "labels of \(device.hardwareID) changed"))
      return UpdateLabelsResponse.with { $0.device = after }
    }
    response.device = try await rules.perform(context) { _ in
      try fleet.withReports(response.device)
    }
    return response
  }

  private var devices: DeviceResource { DeviceResource(fleet: fleet) }

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
