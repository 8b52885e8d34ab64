public import API
internal import Domain
internal import Logging
internal import ProtoWire
public import RPCCore
internal import Store

extension DeviceService {
  public func rotateDeviceKey(
    _ request: RotateDeviceKeyRequest, context: ServerContext
  ) async throws -> RotateDeviceKeyResponse {
    let secret = KeySecret.random(.device)
    return try await rules.perform(context) { caller in
      try await speak(for: request.deviceId, caller)
      guard !request.resetSequence || caller.isOperator else {
        throw ServiceError.permissionDenied("event numbers are reset by operators")
      }
      let response: RotateDeviceKeyResponse = try await rules.mutate(
        request, caller, context.method,
        storing: { response in
          var stored = response
          stored.secret = ""
          return stored
        },
        replaying: { mutation, first in
          guard let key = try mutation.renewKey(first.key, with: secret) else { return first }
          return RotateDeviceKeyResponse.with {
            $0.key = key
            $0.secret = secret.text
          }
        }
      ) { mutation in
        let device = try Self.device(request.deviceId, mutation.caller, mutation.tx)
        let key = try mutation.issueKey(secret, to: device)
        if request.resetSequence { try SequenceResets(mutation.tx).add(device.id) }
        return RotateDeviceKeyResponse.with {
          $0.key = key
          $0.secret = request.validateOnly ? "" : secret.text
        }
      }
      let device = DeviceID(request.deviceId)
      rules.authentication.forget(device)
      if request.resetSequence, !request.validateOnly {
        // A repeat finds it done, or does what the first time did not get to.
        let resets = try fleet.store.read { try SequenceResets($0).count(of: device) }
        try await fleet.activity.resetSequence(of: device, number: resets)
      }
      return response
    }
  }

  public func revokeDeviceKey(
    _ request: RevokeDeviceKeyRequest, context: ServerContext
  ) async throws -> RevokeDeviceKeyResponse {
    let response: RevokeDeviceKeyResponse = try await rules.mutate(request, context) { mutation in
      let device = try Self.device(request.deviceId, mutation.caller, mutation.tx)
      let credentials = DeviceCredentials(mutation.tx)
      var credential =
        try credentials.find(device.id) ?? DeviceCredential(device: device.id, org: device.org)
      guard credential.revoke(now: mutation.now) else { return RevokeDeviceKeyResponse() }
      try credentials.save(credential)
      try mutation.record(
        "key_revoked", .device, id: device.id.rawValue,
        payload: EventDetail(message: "the keys of device \(device.hardwareID) ended").payload)
      return RevokeDeviceKeyResponse()
    }
    rules.authentication.forget(DeviceID(request.deviceId))
    return response
  }

  // MARK: Who speaks for whom

  /// Lets a caller act as a device, or says why not. A device's first call with a secret makes it the device's own.
  ///
  /// - the device itself → yes; another device → NOT_FOUND
  /// - an operator → every device
  /// - a key of role device, which many share → devices that have not called with a secret of their own, and were not revoked
  func speak(for id: String, _ caller: Caller) async throws {
    if let device = caller.device {
      guard device.id.rawValue == id else { throw ServiceError.notFound(.device, id: id) }
      if !device.isUsed { try await use(device) }
    } else if !caller.isOperator {
      try checkShared(caller)
      let credential = try fleet.store.read { db in
        try DeviceCredentials(db).find(try Self.device(id, caller, db).id)
      }
      if let refusal = caller.refusal(toSpeakFor: credential) { throw refusal }
    }
  }

  private func use(_ device: Caller.DeviceIdentity) async throws {
    try await fleet.store.write { tx in
      let credentials = DeviceCredentials(tx)
      guard var credential = try credentials.find(device.id) else { return }
      let now = Timestamp(milliseconds: tx.nowMilliseconds)
      if credential.use(digest: device.digest, now: now) { try credentials.save(credential) }
    }
    rules.authentication.forget(device.id)
  }

  /// Refuses keys that many devices share where the server is told to; else tells the log once for each.
  func checkShared(_ caller: Caller) throws(ServiceError) {
    guard sharedKeys == .accepted else {
      throw .permissionDenied(
        "this server takes no keys that devices share: register with a key of role enrollment")
    }
    guard fleet.notedSharedKeys.insert(caller.principal) else { return }
    rules.logger.warning(
      "devices share a key of role device; register them with a key of role enrollment instead",
      metadata: ["principal": "\(caller.principal)", "org": "\(caller.org)"])
  }
}

extension Caller {
  /// Why it may not speak for the device of a credential, nil: may; `credential` is nil for a device that never had a secret.
  func refusal(toSpeakFor credential: DeviceCredential?) -> ServiceError? {
    if isOperator { return nil }
    if let device {
      return credential?.secret(digest: device.digest) == nil
        ? .unauthenticated(.apiKeyInvalid) : nil
    }
    if credential?.revokedAt != nil {
      return .permissionDenied(
        "the device's keys were ended; a shared key does not speak for it before an operator gives it another"
      )
    }
    if credential?.claimedAt != nil {
      return .permissionDenied(
        "the device has a key of its own; a shared key no longer speaks for it")
    }
    return nil
  }
}

extension Mutation {
  /// Gives a device a new secret and logs it. Fails for who may not speak for it: that may have changed since the call began.
  ///
  /// What a device itself, or a fleet's key, asks for in place of one that nobody used leaves no second line: they could write lines
  /// for ever.
  func issueKey(_ secret: KeySecret, to device: Domain.Device) throws -> DeviceKey {
    let credentials = DeviceCredentials(tx)
    let known = try credentials.find(device.id)
    if let refusal = caller.refusal(toSpeakFor: known) { throw refusal }
    var credential = known ?? DeviceCredential(device: device.id, org: device.org)
    let issued = DeviceCredential.Secret(
      digest: secret.digest, hint: secret.hint, issuedAt: now)
    let isRepeated = credential.issue(issued, byItself: caller.device != nil)
    try credentials.save(credential)
    if isRepeated, !caller.isOperator { return DeviceKey(issued, of: device.id) }
    try record(
      "key_issued", .device, id: device.id.rawValue,
      payload: EventDetail(
        attributes: ["hint": secret.hint],
        message: "device \(device.hardwareID) was given a key"
      ).payload)
    return DeviceKey(issued, of: device.id)
  }

  /// The key for a repeat whose first answer may be lost, nil when the first one was used or is gone.
  func renewKey(_ first: DeviceKey?, with secret: KeySecret) throws -> DeviceKey? {
    guard let first, let issuedAt = first.issuedAt.flatMap({ Timestamp($0) }) else { return nil }
    let credentials = DeviceCredentials(tx)
    let issued = DeviceCredential.Secret(digest: secret.digest, hint: secret.hint, issuedAt: now)
    guard var credential = try credentials.find(DeviceID(first.deviceId)),
      credential.renew(hint: first.hint, issuedAt: issuedAt, with: issued)
    else { return nil }
    try credentials.save(credential)
    try record(
      "key_issued", .device, id: first.deviceId,
      payload: EventDetail(
        attributes: ["hint": secret.hint, "replaces": first.hint],
        message: "a repeat was given another key, because the first may be lost"
      ).payload)
    return DeviceKey(issued, of: credential.device)
  }
}

extension DeviceKey {
  init(_ secret: DeviceCredential.Secret, of device: DeviceID) {
    self.init()
    deviceId = device.rawValue
    hint = secret.hint
    issuedAt = Google_Protobuf_Timestamp(secret.issuedAt)
  }
}
