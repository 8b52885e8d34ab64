internal import API
internal import Domain
internal import ProtoWire
internal import RPCCore
internal import Store
internal import Synchronization

/// One Connect: the first message says which device it is, reports follow. Driven by its messages, so that a connected device costs
/// neither a handler nor a task while it has nothing to say.
final class ConnectCall: Sendable {
  private struct Device {
    let id: String
    let connection: DeviceConnection
  }

  private let service: DeviceService
  private let caller: Caller
  private let responses: ResponseStream<ConnectResponse>
  private let stream: DetachedResponseStream<ConnectResponse>
  private let context: ServerContext
  private let device = Mutex<Device?>(nil)

  init(
    _ service: DeviceService, _ caller: Caller, _ responses: ResponseStream<ConnectResponse>,
    _ context: ServerContext
  ) {
    self.service = service
    self.caller = caller
    self.responses = responses
    self.context = context
    stream = responses.detach()
  }

  /// Takes one message; the next is not taken before it returns.
  func receive(_ message: ConnectRequest) async throws {
    try await service.rules.perform(context) { _ in
      guard let device = device.withLock({ $0 }) else { return try await begin(message) }
      try await take(message, from: device)
    }
  }

  private func begin(_ message: ConnectRequest) async throws {
    guard case .hello(let hello)? = message.content else { throw Self.noHello }
    let fleet = service.fleet
    try await service.speak(for: hello.deviceId, caller)
    let (found, revision) = try fleet.store.read { db in
      (try DeviceService.device(hello.deviceId, caller, db), try db.revision())
    }
    let connection = DeviceConnection(
      fleet, device: found.id, caller: caller, stream: stream, service.rules, context)
    device.withLock { $0 = Device(id: hello.deviceId, connection: connection) }
    let number = fleet.connections.add(connection, org: caller.org, after: revision)
    stream.onTermination { [org = caller.org] _ in fleet.connections.remove(number, org: org) }
    _ = try await service.take(hello.deviceId, installed: [], events: [], caller)
    connection.push()
  }

  private func take(_ message: ConnectRequest, from device: Device) async throws {
    guard case .report(let report)? = message.content else {
      throw ServiceError.invalid(field: "content", message: "only reports follow the hello")
    }
    guard device.connection.checkCaller() else { return }
    let taken = try await service.take(
      device.id, installed: report.installed, events: report.events, caller)
    // Waits for a device that reports and does not read.
    try await responses.write(
      .with {
        $0.content = .acknowledgement(.with { $0.acknowledgedSequence = taken.acknowledged })
      })
    if !report.installed.isEmpty { device.connection.push() }
  }

  /// The device has said everything, or broke off.
  func end(_ error: RPCError?) {
    let hasBegun = device.withLock { $0 != nil }
    stream.finish(
      error ?? (hasBegun ? nil : service.rules.mapping.error(Self.noHello, context)))
  }

  private static let noHello = ServiceError.invalid(
    field: "hello", message: "the first message must be a hello")
}
