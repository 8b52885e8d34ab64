internal import API
internal import Domain
internal import ProtoWire
internal import Store

/// A batch of a device's events, checked and summed up by version.
struct DeviceEvents {
  let versions: [FleetActivity.VersionKey: VersionActivity]
  /// How downloads and activations ended that failed, or succeeded after that: the last words by version, nil for a success.
  let errors: [FleetActivity.VersionKey: String?]

  init(_ events: ArraySlice<DeviceEvent>, org: OrgID, _ db: ReadTransaction) throws {
    var errors: [FleetActivity.VersionKey: String?] = [:]
    var versions: [FleetActivity.VersionKey: VersionActivity] = [:]
    for (index, event) in zip(events.indices, events) {
      let field = "events[\(index)]"
      let key = FleetActivity.VersionKey(
        deployment: DeploymentID(event.deploymentId), version: VersionID(event.modelVersionId))
      if versions[key] == nil {
        try Self.check(
          key.deployment, key.version, mayLackVersion: false, org: org, field: field, db)
      }
      try event.checkTimes(field: field)
      versions[key, default: .none].add(try VersionActivity(event, field: field))
      switch event.detail {
      case .download(let download)? where !download.succeeded:
        errors[key] = .some(download.error)
      case .activation(let activation)?:
        errors[key] = .some(activation.succeeded ? nil : activation.error)
      case .download?, .inferences?, nil: break
      }
    }
    self.versions = versions
    self.errors = errors
  }

  /// Refuses deployments that the org does not have, and versions that are not of their variant.
  static func check(
    _ deployment: DeploymentID, _ version: VersionID, mayLackVersion: Bool, org: OrgID,
    field: String, _ db: ReadTransaction
  ) throws {
    guard let known = try Deployments(db).find(deployment, org: org) else {
      throw ServiceError.invalid(
        field: "\(field).deployment_id", message: "there is no deployment \"\(deployment)\"")
    }
    if mayLackVersion && version.rawValue.isEmpty { return }
    guard let found = try ModelVersions(db).find(version, org: org),
      found.variant == known.variant
    else {
      throw ServiceError.invalid(
        field: "\(field).model_version_id",
        message: "\"\(version)\" is no version of the deployment's variant")
    }
  }
}

extension VersionActivity {
  /// What one event tells.
  init(_ event: DeviceEvent, field: String) throws {
    self = .none
    switch event.detail {
    case .download(let download)?:
      try TextRule.reason.check(download.error, field: "\(field).download.error")
      guard download.sizeBytes >= 0 else {
        throw ServiceError.invalid(
          field: "\(field).download.size_bytes", message: "\(download.sizeBytes) is below 0")
      }
      latest.download = download.succeeded
      if download.succeeded {
        attempts.downloadsSucceeded = 1
      } else {
        attempts.downloadsFailed = 1
      }
    case .activation(let activation)?:
      try TextRule.reason.check(activation.error, field: "\(field).activation.error")
      latest.activation = activation.succeeded
      if activation.succeeded {
        attempts.activationsSucceeded = 1
      } else {
        attempts.activationsFailed = 1
      }
    case .inferences(let batch)?:
      guard batch.ok >= 0, batch.failed >= 0 else {
        throw ServiceError.invalid(
          field: "\(field).inferences", message: "\(min(batch.ok, batch.failed)) is below 0")
      }
      attempts.inferencesSucceeded = batch.ok
      attempts.inferencesFailed = batch.failed
      for bucket in batch.latency?.buckets ?? [] {
        try latency.add(
          Int64(clamping: bucket.count), toBucket: Int(bucket.index),
          field: "\(field).inferences.latency")
      }
    case nil:
      throw ServiceError.invalid(field: "\(field).detail", message: "is required")
    }
  }
}

extension DeviceEvent {
  /// Refuses times that are none.
  fileprivate func checkTimes(field: String) throws(ServiceError) {
    if let occurredAt, Timestamp(occurredAt) == nil {
      throw .invalid(
        field: "\(field).occurred_at",
        message: "\(occurredAt.seconds) s and \(occurredAt.nanos) ns are no time")
    }
    guard case .download(let download)? = detail, let elapsed = download.elapsed else { return }
    guard let span = Duration(elapsed), span >= .zero else {
      throw .invalid(
        field: "\(field).download.elapsed",
        message: "\(elapsed.seconds) s and \(elapsed.nanos) ns are no span of 0 or more")
    }
  }
}
