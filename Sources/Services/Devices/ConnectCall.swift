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

  private enum State {
    /// Nobody waits for it yet.
    case new
    /// It has not said which device it is, and is counted under this number.
    case unknown(Int)
    case device(Device)
  }

  /// Streams that may wait for a hello: of a key that speaks for many devices, which may all begin at once, and of a device's own.
  private static let sharedLimit = 1_000
  private static let ownLimit = 1

  private let service: DeviceService
  private let caller: Caller
  private let responses: ResponseStream<ConnectResponse>
  private let stream: DetachedResponseStream<ConnectResponse>
  private let context: ServerContext
  private let state = Mutex(State.new)

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

  /// The call waits for its first message from now on.
  func start() {
    let (number, oldest) = service.fleet.introductions.begin(
      self, of: caller.principal, limit: limit)
    state.withLock { $0 = .unknown(number) }
    oldest?.giveUp()
    stream.onTermination { [self] _ in forget() }
  }

  /// Takes one message; the next is not taken before it returns.
  func receive(_ message: ConnectRequest) async throws {
    try await service.rules.perform(context) { _ in
      guard case .device(let device) = state.withLock({ $0 }) else {
        return try await begin(message)
      }
      try await take(message, from: device)
    }
  }

  private func begin(_ message: ConnectRequest) async throws {
    guard case .hello(let hello)? = message.content else { throw Self.noHello }
    let fleet = service.fleet
    try await service.speak(for: hello.deviceId, caller)
    let id = try fleet.store.read { try DeviceService.device(hello.deviceId, caller, $0).id }
    let connection = DeviceConnection(
      fleet, device: id, caller: caller, stream: stream, service.rules, context)
    isIntroduced()
    state.withLock { $0 = .device(Device(id: hello.deviceId, connection: connection)) }
    fleet.connections.add(connection, org: caller.org)
    // What ended meanwhile was forgotten before it was there.
    guard !stream.isTerminated else { return forget() }
    fleet.activity.saw(id, now: Timestamp(milliseconds: StoreClock.nowMilliseconds()))
    await fleet.connections.greet(connection)
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
    if !report.installed.isEmpty { device.connection.look() }
  }

  /// The device has said everything, or broke off.
  func end(_ error: RPCError?) {
    let isDevice = if case .device = state.withLock({ $0 }) { true } else { false }
    stream.finish(
      error ?? (isDevice ? nil : service.rules.mapping.error(Self.noHello, context)))
  }

  private var limit: Int { caller.device == nil ? Self.sharedLimit : Self.ownLimit }

  /// The caller has too many calls of which this is the oldest.
  private func giveUp() {
    let subject = "principal \(caller.principal)"
    let message =
      "\(subject) has opened another stream: of more than \(limit) that wait for a hello, the oldest ends"
    stream.finish(
      ErrorDetails.error(
        .resourceExhausted, .overloaded, message,
        with: [
          ErrorDetails.quotaFailure(subject: subject, message: message),
          ErrorDetails.retry(after: 1_000),
        ]))
  }

  private func isIntroduced() {
    guard case .unknown(let number) = state.withLock({ $0 }) else { return }
    service.fleet.introductions.end(number, of: caller.principal)
  }

  /// The stream has ended.
  private func forget() {
    isIntroduced()
    guard case .device(let device) = state.withLock({ $0 }) else { return }
    service.fleet.connections.remove(device.connection, org: caller.org)
  }

  private static let noHello = ServiceError.invalid(
    field: "hello", message: "the first message must be a hello")
}
