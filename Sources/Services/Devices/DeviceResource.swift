internal import API
internal import Domain
internal import ProtoWire
internal import Store

/// Devices: what callers see of them comes from several tables, so their lists are made beside the event loops.
struct DeviceResource: Resource {
  let fleet: FleetState
  let kind = ResourceKind.device
  let isListedBeside = true

  func wire(_ device: Domain.Device, _ db: ReadTransaction) throws -> API.Device {
    try fleet.wire(device, db)
  }

  func name(of device: Domain.Device) -> String { device.hardwareID }
}

extension FleetState {
  /// A device and, except in a change, what it reported: no change waits for another database. The answer to a change gets that
  /// afterwards, by ``addReports(to:)``.
  func wire(_ device: Domain.Device, _ db: ReadTransaction) throws -> API.Device {
    var wire = API.Device()
    wire.id = device.id.rawValue
    wire.hardwareId = device.hardwareID
    wire.platform = Platform(rawValue: device.traits.platform)
    wire.appIdentifier = device.appIdentifier
    wire.deviceClass = device.traits.deviceClass
    wire.labels = device.labels.values
    wire.groupIds = device.groups.map(\.rawValue).sorted()
    wire.installed = try Installations(db).of(device.id).map { InstalledVersion($0) }
    wire.registeredAt = Google_Protobuf_Timestamp(device.registeredAt)
    wire.etag = Etag.text(device.revision)
    if !db.isWriting { try addReports(to: &wire) }
    return wire
  }

  /// Fills in what the device reported.
  func addReports(to wire: inout API.Device) throws {
    let activity = try activity.current(DeviceID(wire.id))
    wire.counters = DeviceCounters(activity.attempts, activity.latency)
    wire.lastSeenAt = activity.lastSeenAt.map { Google_Protobuf_Timestamp($0) }
  }

  /// Fills in what a device reported in the answer to a change.
  func withReports(_ device: API.Device?) throws -> API.Device? {
    guard var device else { return nil }
    try addReports(to: &device)
    return device
  }
}

extension InstalledVersion {
  init(_ installation: Installation) {
    self.init()
    deploymentId = installation.deployment.rawValue
    modelVersionId = installation.version.rawValue
    state = State(rawValue: installation.state.rawValue)
    error = installation.error
    changedAt = Google_Protobuf_Timestamp(installation.changedAt)
  }
}

extension DeviceCounters {
  init(_ attempts: AttemptCounts, _ sketch: Domain.LatencySketch) {
    self.init()
    downloadsOk = attempts.downloadsSucceeded
    downloadsFailed = attempts.downloadsFailed
    inferencesOk = attempts.inferencesSucceeded
    inferencesFailed = attempts.inferencesFailed
    latency = API.LatencySketch(sketch)
  }
}

extension API.LatencySketch {
  init(_ sketch: Domain.LatencySketch) {
    self.init()
    for (index, count) in sketch.counts.enumerated() where count > 0 {
      var bucket = Bucket()
      bucket.index = UInt32(index)
      bucket.count = UInt64(clamping: count)
      buckets.append(bucket)
    }
  }
}
