import API
import Domain
import ProtoWire
import RPCCore
import Store
import Testing

@testable import Services

/// Who may speak for a device.
@Suite struct DeviceKeyTests {
  typealias Methods = DeviceServiceMethods

  func register(
    _ fixture: FleetFixture, _ hardwareID: String, as secret: String, id: String = "",
    platform: Platform = .linux, shared: SharedKeys = .accepted
  ) async throws -> RegisterResponse {
    let service = DeviceService(
      rules: fixture.base.rules, fleet: fixture.fleet, files: fixture.base.files,
      sharedKeys: shared)
    return try await service.register(
      .with {
        $0.device = .with {
          $0.hardwareId = hardwareID
          $0.platform = platform
        }
        $0.requestId = id
      }, context: try fixture.base.call(secret, Methods.register.erased))
  }

  func sync(
    _ fixture: FleetFixture, _ device: String, as secret: String, events: [DeviceEvent] = [],
    shared: SharedKeys = .accepted
  ) async throws -> SyncResponse {
    let service = DeviceService(
      rules: fixture.base.rules, fleet: fixture.fleet, files: fixture.base.files,
      sharedKeys: shared)
    return try await service.sync(
      .with {
        $0.deviceId = device
        $0.events = events
      }, context: try fixture.base.call(secret, Methods.sync.erased))
  }

  func rotate(
    _ fixture: FleetFixture, _ device: String, as secret: String, id: String = "",
    reset: Bool = false
  ) async throws -> RotateDeviceKeyResponse {
    try await fixture.devices.rotateDeviceKey(
      .with {
        $0.deviceId = device
        $0.requestId = id
        $0.resetSequence = reset
      }, context: try fixture.base.call(secret, Methods.rotateDeviceKey.erased))
  }

  @Test func `a device's own key is that device and no other`() async throws {
    let fixture = try await FleetFixture()
    let enrollment = try await fixture.base.principal("enrol", [.enrollment])
    let one = try await register(fixture, "one", as: enrollment)
    let two = try await register(fixture, "two", as: enrollment)
    let (first, second) = (try #require(one.device).id, try #require(two.device).id)
    #expect(one.secret.hasPrefix("dk-") && one.secret != two.secret)
    #expect(one.key?.hint == String(one.secret.prefix(8)))
    _ = try await sync(fixture, first, as: one.secret)
    for (device, secret) in [(second, one.secret), (first, two.secret)] {
      let other = await refusal { _ = try await sync(fixture, device, as: secret) }
      #expect(other?.code == .notFound)
      let report = await refusal {
        _ = try await fixture.devices.reportEvents(
          .with {
            $0.deviceId = device
            $0.events = [DeviceServiceTests.failure(1, "d", "v")]
          }, context: try fixture.base.call(secret, Methods.reportEvents.erased))
      }
      #expect(report?.code == .notFound)
      let rotated = await refusal { _ = try await rotate(fixture, device, as: secret) }
      #expect(rotated?.code == .notFound)
    }
    // It registers itself again, and nobody else.
    let again = try await register(fixture, "one", as: one.secret, platform: .embedded)
    #expect(again.device?.platform == .embedded && again.secret.isEmpty && !again.created)
    for hardwareID in ["two", "three"] {
      let other = await refusal {
        _ = try await register(fixture, hardwareID, as: one.secret)
      }
      #expect(other?.code == .permissionDenied)
    }
    let who = try await fixture.base.auth.whoAmI(
      WhoAmIRequest(), context: try fixture.base.call(one.secret, AuthServiceMethods.whoAmI.erased))
    #expect(who.deviceId == first)
    let read = await refusal {
      try fixture.base.authorize(one.secret, Methods.getDevice.erased)
    }
    #expect(read?.code == .permissionDenied)
  }

  @Test func `a key of role enrollment makes new devices known and touches no other`() async throws
  {
    let fixture = try await FleetFixture()
    let enrollment = try await fixture.base.principal("enrol", [.enrollment])
    let first = try await register(fixture, "hw", as: enrollment, id: "r1")
    let device = try #require(first.device).id
    let revision = try fixture.base.revision()
    let taken = await refusal {
      _ = try await register(fixture, "hw", as: enrollment, platform: .ios)
    }
    #expect(taken?.code == .alreadyExists)
    #expect(try fixture.base.revision() == revision)
    for method in [
      Methods.sync.erased, Methods.connect.erased, Methods.reportEvents.erased,
      Methods.downloadArtifact.erased, Methods.rotateDeviceKey.erased, Methods.listDevices.erased,
    ] {
      let other = await refusal {
        try fixture.base.authorize(enrollment, method)
      }
      #expect(other?.code == .permissionDenied, "\(method)")
    }
    // The answer got lost: the same request gets another secret, and the first is worth nothing.
    let repeated = try await register(fixture, "hw", as: enrollment, id: "r1")
    #expect(repeated.device?.id == device && repeated.secret != first.secret)
    #expect(throws: RPCError.self) { try fixture.base.caller(first.secret) }
    _ = try await sync(fixture, device, as: repeated.secret)
    // Once it was used, whoever repeats the request learns nothing.
    let late = try await register(fixture, "hw", as: enrollment, id: "r1")
    #expect(late.secret.isEmpty)
    _ = try await sync(fixture, device, as: repeated.secret)
  }

  @Test func `a rotated key takes over at its first use, one an operator asked for at once`()
    async throws
  {
    let fixture = try await FleetFixture()
    let enrollment = try await fixture.base.principal("enrol", [.enrollment])
    let registered = try await register(fixture, "hw", as: enrollment)
    let device = try #require(registered.device).id
    _ = try await sync(fixture, device, as: registered.secret)
    let lost = try await rotate(fixture, device, as: registered.secret, id: "r1")
    let rotated = try await rotate(fixture, device, as: registered.secret, id: "r1")
    #expect(throws: RPCError.self) { try fixture.base.caller(lost.secret) }
    _ = try await sync(fixture, device, as: registered.secret)
    _ = try await sync(fixture, device, as: rotated.secret)
    #expect(throws: RPCError.self) { try fixture.base.caller(registered.secret) }
    let forced = try await rotate(fixture, device, as: fixture.base.secret)
    #expect(throws: RPCError.self) { try fixture.base.caller(rotated.secret) }
    _ = try await sync(fixture, device, as: forced.secret)
    _ = try await fixture.devices.revokeDeviceKey(
      .with { $0.deviceId = device }, context: try fixture.call(Methods.revokeDeviceKey.erased))
    #expect(throws: RPCError.self) { try fixture.base.caller(forced.secret) }
    let kinds = try fixture.base.store.read { db in
      try EventLog(db).page(
        after: 0, org: try fixture.base.caller(fixture.base.secret).org.rawValue, limit: 100)
    }.filter { $0.event.resourceID == device }.map(\.event.kind)
    #expect(
      kinds == [
        "device.registered", "device.key_issued", "device.key_issued", "device.key_issued",
        "device.key_issued", "device.key_revoked",
      ])
  }

  @Test func `a connected device's stream ends with its key, and no other's`() async throws {
    let fixture = try await FleetFixture()
    let enrollment = try await fixture.base.principal("enrol", [.enrollment])
    let one = try await register(fixture, "one", as: enrollment)
    let two = try await register(fixture, "two", as: enrollment)
    func lease(_ answer: RegisterResponse) async throws -> CallerLease {
      _ = try await sync(fixture, try #require(answer.device).id, as: answer.secret)
      let context = try fixture.base.call(answer.secret, Methods.connect.erased)
      return fixture.base.rules.lease(try context.authenticatedCaller(), context)
    }
    let (first, second) = (try await lease(one), try await lease(two))
    #expect(first.refusal() == nil && second.refusal() == nil)
    _ = try await fixture.devices.revokeDeviceKey(
      .with { $0.deviceId = one.device?.id ?? "" },
      context: try fixture.call(Methods.revokeDeviceKey.erased))
    #expect(first.refusal()?.code == .unauthenticated)
    #expect(second.refusal() == nil)
  }

  @Test func `a shared key speaks for a device until that has called with a key of its own`()
    async throws
  {
    let fixture = try await FleetFixture()
    let shared = try await fixture.base.principal("old", [.device])
    let registered = try await register(fixture, "hw", as: shared)
    let device = try #require(registered.device).id
    _ = try await sync(fixture, device, as: shared)
    let changed = try await register(fixture, "hw", as: shared, platform: .embedded)
    #expect(changed.device?.id == device && changed.device?.platform == .embedded)
    // The device has learnt to rotate.
    let own = try await rotate(fixture, device, as: shared)
    _ = try await sync(fixture, device, as: shared)
    _ = try await sync(fixture, device, as: own.secret)
    let late = await refusal { _ = try await sync(fixture, device, as: shared) }
    #expect(late?.code == .permissionDenied)
    #expect(
      late?.message == "the device has a key of its own; a shared key no longer speaks for it")
    let taken = await refusal {
      _ = try await register(fixture, "hw", as: shared, platform: .ios)
    }
    #expect(taken?.code == .alreadyExists)
    // A server may be told to take none at all.
    let other = try #require(try await register(fixture, "other", as: shared).device).id
    for refused in [
      await refusal { _ = try await sync(fixture, other, as: shared, shared: .refused) },
      await refusal { _ = try await register(fixture, "new", as: shared, shared: .refused) },
    ] { #expect(refused?.code == .permissionDenied) }
    _ = try await sync(fixture, device, as: own.secret, shared: .refused)
  }

  @Test
  func `no shared key speaks for a revoked device, also for one without a key`()
    async throws
  {
    let fixture = try await FleetFixture(devices: 2)
    let shared = try await fixture.base.principal("old", [.device])
    let registered = try await register(fixture, "hw", as: shared)
    // One has a key that it never called with, the other comes from before there were any.
    let older = Domain.Device(
      id: DeviceID(fixture.base.store.ids.make()), org: try fixture.base.caller(shared).org,
      hardwareID: "older", registeredAt: Timestamp(milliseconds: 0),
      traits: DeviceTraits(platform: 1, deviceClass: ""))
    try await fixture.base.store.write { try Devices($0).insert(older) }
    let devices = [try #require(registered.device).id, older.id.rawValue]
    for device in devices {
      let context = try fixture.base.call(shared, Methods.connect.erased)
      let lease = fixture.base.rules.lease(
        try context.authenticatedCaller(), context, for: DeviceID(device))
      _ = try await sync(fixture, device, as: shared)
      #expect(lease.refusal() == nil)
      let before = try fixture.base.revision()
      for _ in 0..<2 {
        _ = try await fixture.devices.revokeDeviceKey(
          .with { $0.deviceId = device }, context: try fixture.call(Methods.revokeDeviceKey.erased))
      }
      #expect(try fixture.base.revision() == before + 1)
      #expect(lease.refusal()?.code == .permissionDenied)
      for refused in [
        await refusal { _ = try await sync(fixture, device, as: shared) },
        await refusal { _ = try await rotate(fixture, device, as: shared) },
      ] {
        #expect(refused?.code == .permissionDenied)
        #expect(refused?.message.hasPrefix("the device's keys were ended") == true)
      }
    }
    let again = await refusal { _ = try await register(fixture, "hw", as: shared, platform: .ios) }
    #expect(again?.code == .permissionDenied)
    #expect(throws: RPCError.self) { try fixture.base.caller(registered.secret) }
    // An operator's new key is the way back; until the device has called with it, the fleet's works as before.
    let renewed = try await rotate(fixture, devices[0], as: fixture.base.secret)
    _ = try await sync(fixture, devices[0], as: renewed.secret)
    _ = try await rotate(fixture, devices[1], as: fixture.base.secret)
    _ = try await sync(fixture, devices[1], as: shared)
  }

  @Test func `a device that asks for key after key and uses none fills no log`() async throws {
    let fixture = try await FleetFixture()
    let registered = try await register(
      fixture, "hw", as: try await fixture.base.principal("enrol", [.enrollment]))
    let device = try #require(registered.device).id
    _ = try await sync(fixture, device, as: registered.secret)
    let before = try fixture.base.revision()
    var secrets: [String] = []
    for _ in 0..<5 {
      secrets.append(try await rotate(fixture, device, as: registered.secret).secret)
    }
    #expect(try fixture.base.revision() == before + 1)
    #expect(try fixture.base.caller(registered.secret).tier == .individual)
    // The last one is good, those before it are not, and its use makes the next one news.
    for secret in secrets.dropLast() {
      #expect(throws: RPCError.self) { try fixture.base.caller(secret) }
    }
    _ = try await sync(fixture, device, as: secrets[4])
    _ = try await rotate(fixture, device, as: secrets[4])
    #expect(try fixture.base.revision() == before + 2)
    // What operators do is always logged.
    _ = try await rotate(fixture, device, as: fixture.base.secret)
    _ = try await rotate(fixture, device, as: fixture.base.secret)
    #expect(try fixture.base.revision() == before + 4)
  }

  @Test func `who calls is held to the rate of its kind`() async throws {
    let fixture = try await ServiceFixture()
    func tier(_ roles: [API.Role]) async throws -> Caller.Tier {
      let name = roles.map { "p\($0.rawValue)" }.joined()
      let caller = try fixture.caller(try await fixture.principal(name, roles))
      return caller.tier
    }
    #expect(try await tier([.viewer]) == .individual)
    #expect(try await tier([.reviewer]) == .individual)
    #expect(try await tier([.enrollment]) == .fleet)
    #expect(try await tier([.device, .viewer]) == .fleet)
    #expect(try await tier([.operator, .device]) == .operator)
    #expect(try await tier([.admin]) == .operator)
  }

  @Test func `a key is given to nobody who may no longer speak for the device`() async throws {
    let fixture = try await FleetFixture(devices: 1)
    let registered = try await register(
      fixture, "hw", as: try await fixture.base.principal("enrol", [.enrollment]))
    let device = try #require(registered.device).id
    _ = try await sync(fixture, device, as: registered.secret)
    // Accepted while the keys were good, at the writer after they were ended.
    let caller = try fixture.base.caller(registered.secret)
    _ = try await fixture.devices.revokeDeviceKey(
      .with { $0.deviceId = device }, context: try fixture.call(Methods.revokeDeviceKey.erased))
    let late = await refusal {
      _ = try await fixture.devices.rotateDeviceKey(
        .with { $0.deviceId = device },
        context: ServerContext(method: Methods.rotateDeviceKey.erased, caller: caller))
    }
    #expect(late?.code == .unauthenticated)
  }

  @Test func `a count of events that was spoilt begins anew, for operators`() async throws {
    let fixture = try await FleetFixture(devices: 1)
    let rollout = try #require(try await fixture.started().rollout)
    let device = fixture.fleetIDs[0]
    func report(_ sequence: Int64) async throws -> Int64 {
      try await fixture.sync(
        device,
        events: [DeviceServiceTests.failure(sequence, rollout.deploymentId, fixture.versions[1])]
      ).acknowledgedSequence
    }
    #expect(try await report(1_000_000_000) == 1_000_000_000)
    let beyond = await refusal { _ = try await report(.max) }
    #expect(beyond?.field == "events[0].sequence")
    #expect(try await report(1) == 1_000_000_000)
    let own = try await rotate(fixture, device, as: fixture.base.secret)
    let refused = await refusal {
      _ = try await rotate(fixture, device, as: own.secret, reset: true)
    }
    #expect(refused?.code == .permissionDenied)
    let reset = try await rotate(
      fixture, device, as: fixture.base.secret, id: "r1", reset: true)
    #expect(try await report(1) == 1)
    #expect(try await report(2) == 2)
    // A repeat renews the key that may be lost, and no event counts twice for it.
    let repeated = try await rotate(
      fixture, device, as: fixture.base.secret, id: "r1", reset: true)
    #expect(repeated.secret != reset.secret)
    #expect(try await report(1) == 2)
    _ = try await rotate(fixture, device, as: fixture.base.secret, reset: true)
    #expect(try await report(1) == 1)
  }
}
