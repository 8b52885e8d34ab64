import HTTP2
import NIOCore
import NIOPosix
import RPCCore
import Synchronization
import Transport

/// A channel on its event loop: its connections, and the calls that wait for one.
///
/// `@unchecked Sendable`: everything but the constants and `connectivity` belongs to `loop`.
final class ChannelCore: @unchecked Sendable {
  let loop: any EventLoop
  let configuration: Channel.Configuration
  let target: ChannelTarget
  let scheme: StaticString
  let authority: [UInt8]
  let userAgent: [UInt8]
  let creditThreshold: Int
  private let tls: ClientTLS.Ready?
  private let mirror = Mutex(ConnectivityState.idle)
  /// What calls hear of a channel that is closed.
  private static let closed: CloseReason = "the channel is closed"

  var throttle: RetryThrottle
  /// The keepalive interval; grows when a server complains.
  private(set) var keepaliveInterval: Duration?
  private var state: ChannelState
  private var current: ChannelConnection?
  private var connections: [ChannelConnection] = []
  private var waiting: [ClientCall] = []
  private var calls: [ObjectIdentifier: ClientCall] = [:]
  private var closers: [CheckedContinuation<Void, Never>] = []
  private var graceTimer: Scheduled<Void>?

  init(
    target: ChannelTarget, configuration: Channel.Configuration, tls: ClientTLS.Ready?,
    loop: any EventLoop
  ) {
    self.loop = loop
    self.configuration = configuration
    self.target = target
    self.tls = tls
    scheme = tls == nil ? "http" : "https"
    authority = Array((configuration.tls?.serverName ?? target.authority).utf8)
    let product = "grpc-swift-rollcall/1"
    userAgent = Array((configuration.userAgent.map { "\($0) \(product)" } ?? product).utf8)
    creditThreshold = configuration.streamWindow / 4
    throttle = configuration.retryThrottle
    keepaliveInterval = configuration.keepalive.interval.map {
      max($0, configuration.keepalive.shortestInterval)
    }
    state = ChannelState(
      addressCount: target.addresses.count, backoff: configuration.backoff)
  }

  /// The state, from any thread.
  var connectivity: ConnectivityState { mirror.withLock { $0 } }

  /// Runs `body` on the loop after `wait`.
  func schedule(after wait: Duration, _ body: @escaping @Sendable () -> Void) -> Scheduled<Void> {
    // A century is as good as for ever, and does not overflow the loop's clock.
    let longest = Duration.seconds(100 * 365 * 86400)
    return loop.scheduleTask(
      in: .nanoseconds(max(.zero, min(wait, longest)).clampedNanoseconds), body)
  }

  // MARK: Calls

  /// A call lives until `ended`.
  func started(_ call: ClientCall) {
    calls[ObjectIdentifier(call)] = call
    if state.connectivity == .shutdown { call.noConnection(Self.closed) }
  }

  /// Starts a call or an attempt of it as soon as there is a connection.
  func place(_ call: ClientCall) {
    guard !call.isEnded else { return }
    let next = state.call(waitForReady: call.waitForReady)
    publish()
    switch next {
    case .start:
      if let current { current.start(call) }
    case .wait:
      waiting.append(call)
    case .connect(let attempt, let address):
      waiting.append(call)
      connect(attempt, to: address)
    case .fail(let reason):
      call.noConnection(reason)
    case .refuse:
      call.noConnection(Self.closed)
    }
  }

  /// A call has its outcome.
  func ended(_ call: ClientCall) {
    guard calls.removeValue(forKey: ObjectIdentifier(call)) != nil else { return }
    waiting.removeAll { $0 === call }
    current?.forget(call)
    guard calls.isEmpty, state.connectivity == .shutdown else { return }
    closeConnections()
    // The last connection may have gone before its calls heard of it.
    resumeClosers()
  }

  private func startWaiting() {
    let calls = waiting
    waiting = []
    for call in calls { place(call) }
  }

  // MARK: Connections

  private func connect(_ attempt: Int, to index: Int) {
    let address = target.addresses[index]
    let connection = ChannelConnection(number: attempt, peer: "\(address)", channel: self)
    connections.append(connection)
    let timeout = configuration.backoff.connectTimeout.clampedNanoseconds
    let bootstrap = ClientBootstrap(group: loop)
      .connectTimeout(.nanoseconds(timeout))
      .channelOption(ChannelOptions.tcpOption(.tcp_nodelay), value: 1)
      // Nothing is read before the handlers are there.
      .channelOption(ChannelOptions.autoRead, value: false)
    let future: EventLoopFuture<any NIOCore.Channel> =
      switch address {
      case .tcp(let host, let port): bootstrap.connect(host: host, port: port)
      case .unix(let path): bootstrap.connect(unixDomainSocketPath: path)
      }
    future.whenComplete { result in
      do {
        let socket = try result.get()
        guard connection.closeReason == nil else { return socket.close(promise: nil) }
        do {
          try self.configure(socket, for: connection, host: address.host)
        } catch {
          socket.close(promise: nil)
          throw error
        }
      } catch {
        connection.close(because: ConnectFailure.reason(error))
      }
    }
  }

  /// Puts a connection on top of a socket that has just connected: a host with several addresses
  /// has been through several sockets by then.
  private func configure(
    _ socket: any NIOCore.Channel, for connection: ChannelConnection, host: String?
  ) throws {
    let pipeline = socket.pipeline.syncOperations
    if let tls { try pipeline.addHandler(tls.makeHandler(host: host)) }
    let session = try ClientSession(
      configuration: .init(streamWindow: Int32(clamping: configuration.streamWindow)))
    let transport = ClientConnection(session: session, expectsTLS: tls != nil, owner: connection)
    try pipeline.addHandler(transport)
    connection.attach(transport)
    try socket.syncOptions?.setOption(ChannelOptions.autoRead, value: true)
  }

  /// A connection's server has sent its SETTINGS.
  /// - Returns: whether the channel wants it.
  func connected(_ connection: ChannelConnection) -> Bool {
    defer { publish() }
    switch state.connected(attempt: connection.number) {
    case .discard:
      return false
    case .use:
      current = connection
      loop.execute { self.startWaiting() }
      return true
    }
  }

  /// An attempt to connect failed.
  func attemptFailed(_ attempt: Int, because reason: CloseReason) {
    proceed(
      state.failed(attempt: attempt, reason: reason, random: Double.random(in: 0...1)))
  }

  /// A connection takes no more calls.
  func vacated(_ connection: ChannelConnection, because reason: CloseReason) {
    if current === connection { current = nil }
    proceed(
      state.lost(
        connection: connection.number, wasUseful: connection.wasUseful, reason: reason,
        callsWaiting: !waiting.isEmpty, random: Double.random(in: 0...1)))
  }

  private func proceed(_ next: ChannelState.OnFailure) {
    publish()
    switch next {
    case .ignore:
      break
    case .connect(let attempt, let address):
      connect(attempt, to: address)
    case .backOff(let wait, let delay, let reason):
      _ = schedule(after: delay) {
        self.proceed(self.state.waited(wait: wait, callsWaiting: !self.waiting.isEmpty))
      }
      let failing = waiting.filter { !$0.waitForReady }
      waiting.removeAll { !$0.waitForReady }
      for call in failing { call.noConnection(reason) }
    }
  }

  /// A connection is gone.
  func closed(_ connection: ChannelConnection) {
    connections.removeAll { $0 === connection }
    resumeClosers()
  }

  /// A server complained about this client's PINGs (gRFC A8): half as many from now on.
  func pingedTooOften() {
    keepaliveInterval = keepaliveInterval.map { $0 * 2 }
  }

  // MARK: Closing

  /// Takes no new calls, lets those that run finish until `grace` is over, then cancels them.
  func close(grace: Duration) async {
    await withCheckedContinuation { continuation in
      loop.execute {
        self.closers.append(continuation)
        self.beginClose()
        if !self.calls.isEmpty {
          self.graceTimer = self.schedule(after: grace) { self.cancelCalls() }
        }
        self.resumeClosers()
      }
    }
  }

  /// Nobody holds the channel any more: calls that run may finish, then the connection is closed.
  func abandon() {
    loop.execute { self.beginClose() }
  }

  private func beginClose() {
    guard state.close() else { return }
    publish()
    let waiting = waiting + calls.values.filter(\.awaitsCredentials)
    self.waiting = []
    for call in waiting { call.noConnection(Self.closed) }
    current = nil
    for connection in connections { connection.drain() }
    if calls.isEmpty { closeConnections() }
  }

  private func cancelCalls() {
    for call in Array(calls.values) {
      call.giveUp(RPCError(.cancelled, "the channel was closed"))
    }
    closeConnections()
  }

  private func closeConnections() {
    for connection in connections { connection.close(because: Self.closed) }
  }

  private func resumeClosers() {
    guard state.connectivity == .shutdown, connections.isEmpty, calls.isEmpty else { return }
    graceTimer?.cancel()
    graceTimer = nil
    let closers = closers
    self.closers = []
    for closer in closers { closer.resume() }
  }

  private func publish() {
    let now = state.connectivity
    mirror.withLock { $0 = now }
  }
}

extension ChannelTarget.Address {
  fileprivate var host: String? {
    if case .tcp(let host, _) = self { host } else { nil }
  }
}
