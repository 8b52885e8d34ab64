internal import API
internal import Domain
internal import ProtoWire
internal import Store

extension Fleet {
  /// A device with what it reported.
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
    let activity = try activity.current(device.id)
    wire.counters = DeviceCounters(activity.attempts, activity.latency)
    wire.registeredAt = Google_Protobuf_Timestamp(device.registeredAt)
    wire.lastSeenAt = activity.lastSeenAt.map { Google_Protobuf_Timestamp($0) }
    wire.etag = Etag.text(device.revision)
    return wire
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
