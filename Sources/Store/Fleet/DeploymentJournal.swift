public import Domain

/// Who does something, for the event log.
public struct EventAuthor: Sendable, Hashable {
  /// Principal id, or "automator".
  public var actor: String
  /// Full RPC name, or the automator's rule.
  public var method: String
  /// The caller's request id, "" when it gave none.
  public var requestID: String

  public init(actor: String, method: String, requestID: String = "") {
    self.actor = actor
    self.method = method
    self.requestID = requestID
  }
}

/// Stores what became of a deployment and its rollouts, and logs it, in one transaction.
///
/// Services and the automator change rollouts through here alone, so that every change has its event, whoever made it.
public struct DeploymentJournal {
  private let transaction: WriteTransaction
  private let author: EventAuthor

  public init(_ transaction: WriteTransaction, author: EventAuthor) {
    self.transaction = transaction
    self.author = author
  }

  /// What is to be logged about a change.
  public struct Entry: Sendable {
    /// The past participle: "created", "advanced".
    public var verb: String
    public var attributes: [String: String]
    public var message: String

    public init(_ verb: String, attributes: [String: String] = [:], message: String) {
      self.verb = verb
      self.attributes = attributes
      self.message = message
    }
  }

  /// Stores a new deployment. Returns it with its revision.
  public func create(_ deployment: Deployment) throws -> Deployment {
    var created = deployment
    created.revision = try log(
      Entry("created", message: "deployment \(deployment.name) was created"), deployment: created,
      rollout: nil, before: nil, after: Self.digest(created))
    try Deployments(transaction).insert(created)
    return created
  }

  /// Stores a changed deployment. Returns it with its revision.
  public func update(
    _ deployment: Deployment, replacing before: Deployment, rollout: Rollout?, _ entry: Entry
  ) throws -> Deployment {
    var updated = deployment
    updated.revision = try log(
      entry, deployment: updated, rollout: nil, state: rollout, before: Self.digest(before),
      after: Self.digest(updated))
    try Deployments(transaction).update(updated)
    return updated
  }

  /// Stores a rollout that began. Returns it with its revision.
  public func begin(_ rollout: Rollout, of deployment: Deployment) throws -> Rollout {
    var begun = rollout
    begun.revision = try log(
      Entry(
        "started", attributes: Self.attributes(rollout),
        message: "rollout \(rollout.number) of \(deployment.name) started at \(rollout.exposure)"),
      deployment: deployment, rollout: begun, before: nil, after: Self.digest(begun))
    try Rollouts(transaction).insert(begun)
    if begun.state == .completed {
      begun.revision = try logCompletion(begun, deployment)
      try Rollouts(transaction).update(begun)
    }
    return begun
  }

  /// Stores a changed rollout. Returns it with its revision.
  public func update(
    _ rollout: Rollout, replacing before: Rollout, of deployment: Deployment, _ entry: Entry
  ) throws -> Rollout {
    var updated = rollout
    var entry = entry
    entry.attributes.merge(Self.attributes(rollout)) { given, _ in given }
    updated.revision = try log(
      entry, deployment: deployment, rollout: updated, before: Self.digest(before),
      after: Self.digest(updated))
    if updated.state == .completed, before.state != .completed, entry.verb != "completed" {
      updated.revision = try logCompletion(updated, deployment)
    }
    var judged = before
    (judged.verdicts, judged.revision) = (updated.verdicts, updated.revision)
    if judged == updated {
      try Rollouts(transaction).updateVerdicts(updated)
    } else {
      try Rollouts(transaction).update(updated)
    }
    return updated
  }

  /// Stores what a step of a rollout made of both: the rollout, and the deployment when the step settled it.
  public func step(
    _ rollout: Rollout, replacing before: Rollout, of deployment: Deployment, now: Timestamp,
    _ entry: Entry
  ) throws -> (deployment: Deployment, rollout: Rollout) {
    let settled = DeploymentPlan.settle(deployment, with: rollout, now: now)
    let updated = try update(rollout, replacing: before, of: settled, entry)
    guard settled.activeVersion != deployment.activeVersion else { return (deployment, updated) }
    let kept = try update(
      settled, replacing: deployment, rollout: updated,
      Entry(
        "settled", attributes: ["active_version_id": settled.activeVersion?.rawValue ?? ""],
        message: "\(deployment.name) now runs the version of rollout \(rollout.number)"))
    return (kept, updated)
  }

  /// Stores a pin, moving an earlier one of the device. Returns the event's revision.
  @discardableResult
  public func pin(_ pin: Pin, of deployment: Deployment, deviceName: String) throws -> Int64 {
    let pins = DevicePins(transaction)
    let before = try pins.find(deployment: deployment.id, device: pin.device)
    try pins.put(pin, org: deployment.org)
    return try note(
      Entry(
        before == nil ? "created" : "updated", attributes: Self.attributes(pin),
        message: "\(deviceName) was pinned to \(try words(pin.target, deployment))"
          + " in \(deployment.name)"),
      pinOf: pin.device, deployment, before: before, after: pin)
  }

  /// Takes a device's pin away. Returns the event's revision, nil when there was no pin.
  @discardableResult
  public func unpin(
    _ device: DeviceID, of deployment: Deployment, deviceName: String
  ) throws -> Int64? {
    let pins = DevicePins(transaction)
    guard let before = try pins.find(deployment: deployment.id, device: device) else { return nil }
    _ = try pins.remove(deployment: deployment.id, device: device, org: deployment.org)
    return try note(
      Entry(
        "deleted", attributes: Self.attributes(before),
        message: "\(deviceName) is no longer pinned to \(try words(before.target, deployment))"
          + " in \(deployment.name)"),
      pinOf: device, deployment, before: before, after: nil)
  }

  /// Logs something that happened to a deployment without changing its row. Returns the revision.
  @discardableResult
  public func note(_ entry: Entry, deployment: Deployment) throws -> Int64 {
    let digest = Self.digest(deployment)
    return try log(entry, deployment: deployment, rollout: nil, before: digest, after: digest)
  }

  // MARK: Logging

  /// A pin's target for a sentence: versions by their names.
  private func words(_ target: PinTarget, _ deployment: Deployment) throws -> String {
    guard case .version(let version) = target,
      let name = try ModelVersions(transaction).find(version, org: deployment.org)?.name
    else { return "\(target)" }
    return "version \(name)"
  }

  private func note(
    _ entry: Entry, pinOf device: DeviceID, _ deployment: Deployment, before: Pin?, after: Pin?
  ) throws -> Int64 {
    let detail = EventDetail(
      deployment: deployment.id.rawValue, deploymentState: deployment.state,
      attributes: entry.attributes, message: entry.message)
    return try transaction.append(
      NewEvent(
        org: deployment.org.rawValue, kind: "pin.\(entry.verb)", resourceType: "pin",
        resourceID: device.rawValue, parentID: deployment.id.rawValue, actor: author.actor,
        method: author.method, requestID: author.requestID,
        beforeDigest: before.map { Self.digest($0) } ?? [],
        afterDigest: after.map { Self.digest($0) } ?? [], payload: detail.payload))
  }

  private func logCompletion(_ rollout: Rollout, _ deployment: Deployment) throws -> Int64 {
    try log(
      Entry(
        "completed", attributes: Self.attributes(rollout),
        message: "rollout \(rollout.number) of \(deployment.name) completed"),
      deployment: deployment, rollout: rollout, before: Self.digest(rollout),
      after: Self.digest(rollout))
  }

  private func log(
    _ entry: Entry, deployment: Deployment, rollout: Rollout?, state: Rollout? = nil,
    before: [UInt8]?, after: [UInt8]
  ) throws -> Int64 {
    let type = rollout == nil ? "deployment" : "rollout"
    let detail = EventDetail(
      deployment: deployment.id.rawValue,
      rollout: (rollout ?? state)?.id.rawValue ?? deployment.currentRollout?.rawValue ?? "",
      deploymentState: deployment.state, rolloutState: (rollout ?? state)?.state,
      attributes: entry.attributes, message: entry.message)
    return try transaction.append(
      NewEvent(
        org: deployment.org.rawValue, kind: "\(type).\(entry.verb)", resourceType: type,
        resourceID: rollout?.id.rawValue ?? deployment.id.rawValue,
        parentID: rollout == nil ? "" : deployment.id.rawValue, actor: author.actor,
        method: author.method, requestID: author.requestID, beforeDigest: before ?? [],
        afterDigest: after, payload: detail.payload))
  }

  private static func attributes(_ rollout: Rollout) -> [String: String] {
    [
      "exposure_millionths": String(rollout.exposure.millionths),
      "step_index": String(rollout.stepIndex), "from_version_id": rollout.from?.rawValue ?? "",
      "to_version_id": rollout.to.rawValue,
    ]
  }

  private static func attributes(_ pin: Pin) -> [String: String] {
    var attributes = ["device_id": pin.device.rawValue, "reason": pin.reason]
    switch pin.target {
    case .canary: attributes["arm"] = Assignment.Arm.canary.rawValue
    case .control: attributes["arm"] = Assignment.Arm.control.rawValue
    case .version(let version): attributes["model_version_id"] = version.rawValue
    }
    return attributes
  }

  private static func digest(_ pin: Pin) -> [UInt8] {
    var writer = RecordWriter(version: 1)
    for text in [
      pin.deployment.rawValue, pin.device.rawValue, "\(pin.target)", pin.reason, pin.createdBy,
    ] { writer.add(text) }
    writer.add(pin.createdAt.milliseconds)
    return Fingerprint.sha256(writer.bytes)
  }

  /// SHA-256 over the fields that a change may touch.
  private static func digest(_ deployment: Deployment) -> [UInt8] {
    var writer = RecordWriter(version: 1)
    for text in [
      deployment.id.rawValue, deployment.name, deployment.description,
      deployment.labels.storedText, deployment.state.rawValue,
      deployment.desiredVersion?.rawValue ?? "", deployment.activeVersion?.rawValue ?? "",
      deployment.replacedVersion?.rawValue ?? "", deployment.currentRollout?.rawValue ?? "",
    ] + deployment.withdrawnVersions.map(\.rawValue) { writer.add(text) }
    return Fingerprint.sha256(
      writer.bytes + deployment.selector.record + (deployment.policy?.record ?? []))
  }

  private static func digest(_ rollout: Rollout) -> [UInt8] {
    var writer = RecordWriter(version: 1)
    for text in [
      rollout.id.rawValue, rollout.from?.rawValue ?? "", rollout.to.rawValue, rollout.salt.text,
      rollout.state.rawValue, rollout.stateReason,
    ] { writer.add(text) }
    writer.add(rollout.exposure.millionths)
    writer.add(rollout.nextAdvanceAt?.milliseconds)
    writer.add(rollout.window)
    return Fingerprint.sha256(
      writer.bytes + rollout.policy.record + rollout.verdicts.record)
  }
}
