public import API
internal import Domain
internal import ProtoWire
public import RPCCore
internal import Store

extension DeviceService {
  public func sync(
    _ request: SyncRequest, context: ServerContext
  ) async throws -> SyncResponse {
    try await rules.perform(context) { caller in
      try await speak(for: request.deviceId, caller)
      let taken = try await take(
        request.deviceId, installed: request.installed, events: request.events, caller)
      var state = try fleet.store.read { db in
        try fleet.desiredState(try Self.device(request.deviceId, caller, db), db)
      }
      state.nextSyncIn = Google_Protobuf_Duration(
        fleet.nextSync(
          of: DeviceID(request.deviceId), caller.org,
          now: Timestamp(milliseconds: StoreClock.monotonicMilliseconds())))
      return SyncResponse.with {
        $0.desiredState = state
        $0.acknowledgedSequence = taken.acknowledged
      }
    }
  }

  public func reportEvents(
    _ request: ReportEventsRequest, context: ServerContext
  ) async throws -> ReportEventsResponse {
    try await rules.perform(context) { caller in
      guard !request.events.isEmpty else {
        throw ServiceError.invalid(field: "events", message: "is required")
      }
      try await speak(for: request.deviceId, caller)
      let taken = try await take(
        request.deviceId, installed: [], events: request.events, caller)
      return ReportEventsResponse.with {
        $0.accepted = Int32(clamping: taken.accepted)
        $0.duplicates = Int32(clamping: request.events.count - taken.accepted)
        $0.acknowledgedSequence = taken.acknowledged
      }
    }
  }

  public func connect(
    _ requests: RequestStream<ConnectRequest>, responses: ResponseStream<ConnectResponse>,
    context: ServerContext
  ) async throws {
    try await rules.perform(context) { caller in
      let call = ConnectCall(self, caller, responses, context)
      call.start()
      requests.detach {
        try await call.receive($0)
      } onEnd: {
        call.end($0)
      }
    }
  }

  // MARK: Taking in

  /// Takes a report in, all of it or, when something in it is wrong, nothing. What is installed and the events are on disk when this
  /// returns.
  func take(
    _ deviceID: String, installed: [InstalledVersion], events: [DeviceEvent], _ caller: Caller
  ) async throws -> FleetActivity.Taken {
    guard installed.count <= 64 else {
      throw ServiceError.invalid(
        field: "installed", message: "\(installed.count) entries exceed 64")
    }
    guard events.count <= 1_000 else {
      throw ServiceError.invalid(field: "events", message: "\(events.count) events exceed 1000")
    }
    let now = Timestamp(milliseconds: StoreClock.nowMilliseconds())
    let numbers = events.map(\.sequence)
    let activity = fleet.activity
    @Sendable func taken(
      _ device: Domain.Device, _ db: ReadTransaction
    ) throws -> FleetActivity.Taken {
      try activity.take(device.id, numbers: numbers, now: now) { firstNew in
        try fleet.told(
          by: device, installed: installed,
          try DeviceEvents(events[firstNew...], org: device.org, db), now: now, db)
      }
    }
    let first = try fleet.store.read { db -> FirstLook in
      let device = try Self.device(deviceID, caller, db)
      let changes = try Self.changes(installed, of: device, now: now, db)
      if changes.isEmpty { return .taken(try taken(device, db)) }
      // What is wrong with the events must be found before what is installed is written.
      try activity.check(device.id, numbers: numbers) { firstNew in
        _ = try DeviceEvents(events[firstNew...], org: device.org, db)
      }
      return .changes(device, Set(changes.map(\.now.deployment)))
    }
    let result: FleetActivity.Taken
    switch first {
    case .taken(let taken): result = taken
    case .changes(let device, let deployments):
      try await fleet.store.write { tx in
        // Again within the transaction: another report of this device may have come in between.
        for change in try Self.changes(installed, of: device, now: now, tx) {
          try Installations(tx).save(
            change.now, device: device.id, replacing: change.before)
        }
      }
      activity.notify(deployments)
      result = try fleet.store.read { db in try taken(device, db) }
    }
    try await result.isOnDisk()
    return result
  }

  private enum FirstLook {
    /// Nothing had to be written at once.
    case taken(FleetActivity.Taken)
    /// These deployments' installations change.
    case changes(Domain.Device, Set<DeploymentID>)
  }

  private struct Change {
    let before: Installation?
    let now: Installation
  }

  /// What a report says that was not known, checked.
  private static func changes(
    _ reported: [InstalledVersion], of device: Domain.Device, now: Timestamp,
    _ db: ReadTransaction
  ) throws -> [Change] {
    guard !reported.isEmpty else { return [] }
    let installations = Installations(db)
    var seen: Set<DeploymentID> = []
    return try reported.enumerated().compactMap { index, report in
      let field = "installed[\(index)]"
      let deployment = DeploymentID(report.deploymentId)
      guard seen.insert(deployment).inserted else {
        throw ServiceError.invalid(
          field: "\(field).deployment_id", message: "\(deployment) is named twice")
      }
      guard let state = Installation.State(rawValue: report.state.rawValue) else {
        throw ServiceError.invalid(
          field: "\(field).state",
          message: report.state == .unspecified
            ? "is required" : "there is no state \(report.state.rawValue)")
      }
      try TextRule.reason.check(report.error, field: "\(field).error")
      let previous = try installations.find(device: device.id, deployment: deployment)
      let version = VersionID(report.modelVersionId)
      let installation = Installation.report(
        deployment, version: version, state: state, error: report.error, after: previous,
        now: now)
      guard installation.differs(from: previous) else { return nil }
      try DeviceEvents.check(
        deployment, version, mayLackVersion: state == .removed, org: device.org, field: field, db)
      return Change(before: previous, now: installation)
    }
  }
}
