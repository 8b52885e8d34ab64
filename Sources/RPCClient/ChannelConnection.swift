import HTTP2
import NIOCore
import RPCCore
import Transport

/// One connection of a channel: its streams, the calls that wait for one, its keepalive.
///
/// `@unchecked Sendable`: belongs to the channel's event loop, and is only touched there.
final class ChannelConnection: ClientConnectionOwner, @unchecked Sendable {
  /// The number of the attempt that made it.
  let number: Int
  /// The address as people read it.
  let peer: String
  /// A cycle while the channel holds this connection, which it does until the connection is closed.
  private let channel: ChannelCore
  private var transport: ClientConnection?
  private var isReady = false
  private var readyAt = Deadline.now
  private var hasAnswered = false
  private(set) var isDraining = false
  /// Why the connection is gone; nil while it is not.
  private(set) var closeReason: CloseReason?
  private var maxStreams = 0
  private var waiting: [ClientCall] = []
  private var keepalive: Keepalive?
  private var timer: Scheduled<Void>?

  init(number: Int, peer: String, channel: ChannelCore) {
    self.number = number
    self.peer = peer
    self.channel = channel
  }

  /// The socket is connected, and talks through this handler.
  func attach(_ transport: ClientConnection) {
    guard closeReason == nil else { return }
    self.transport = transport
    let limit = channel.configuration.backoff.connectTimeout
    timer = channel.schedule(after: limit) {
      guard !self.isReady else { return }
      self.transport?.close(because: "no HTTP/2 SETTINGS from the server within \(limit)")
    }
  }

  // MARK: Calls

  /// Starts a call, now or when the server's MAX_CONCURRENT_STREAMS allows.
  func start(_ call: ClientCall) {
    guard let transport, !isDraining, closeReason == nil else {
      channel.place(call)
      return
    }
    if transport.session.openStreams < maxStreams {
      call.start(on: self)
    } else {
      waiting.append(call)
    }
  }

  /// Opens a stream; nil when the connection takes no more.
  /// - Throws: RESOURCE_EXHAUSTED for headers that the server would not read.
  func open(_ headers: RequestHeaders, for call: ClientCall) throws(RPCError) -> ClientStream? {
    guard let transport, closeReason == nil else { return nil }
    let limit = transport.session.requestHeaderLimit
    guard headers.listSize <= limit else {
      throw RPCError(
        .resourceExhausted,
        "request headers of \(headers.listSize) bytes exceed the limit of \(limit)")
    }
    do {
      let stream = try transport.session.open(headers, endsStream: false, owner: call)
      transport.scheduleFlush()
      return stream
    } catch {
      drain()
      return nil
    }
  }

  func send(_ bytes: [UInt8], on stream: ClientStream) {
    guard let transport else { return }
    bytes.withUnsafeBytes { transport.session.send($0, on: stream) }
    transport.scheduleFlush()
  }

  func end(_ stream: ClientStream) {
    transport?.session.end(stream)
    transport?.scheduleFlush()
  }

  /// Resets a stream with CANCEL.
  func reset(_ stream: ClientStream) {
    transport?.session.reset(stream, errorCode: 8)
    transport?.scheduleFlush()
  }

  func consume(_ count: Int, of stream: ClientStream) {
    guard count > 0 else { return }
    transport?.session.consume(count, of: stream)
    transport?.scheduleFlush()
  }

  func notifyWhenDrained(_ stream: ClientStream) {
    transport?.session.notifyWhenDrained(stream)
    transport?.scheduleFlush()
  }

  func takeData(of stream: ClientStream, count: Int, _ body: (UnsafeRawBufferPointer) -> Void) {
    transport?.session.takeData(of: stream, count: count, body)
  }

  /// Drops DATA that nobody wants.
  func discardData(of stream: ClientStream, count: Int) {
    takeData(of: stream, count: count) { _ in }
    consume(count, of: stream)
  }

  /// A call that may be waiting here has ended.
  func forget(_ call: ClientCall) {
    waiting.removeAll { $0 === call }
  }

  // MARK: Life

  /// Whether it answered a call, or lived longer than the channel's first wait.
  var wasUseful: Bool {
    hasAnswered || readyAt.advanced(by: channel.configuration.backoff.initial).hasPassed
  }

  /// Takes no new calls; closes when the last stream has. Without SETTINGS there is none yet.
  func drain() {
    guard isReady else { return close(because: "the connection is not needed any more") }
    guard closeReason == nil, !isDraining else { return }
    isDraining = true
    transport?.session.goAway()
    transport?.scheduleFlush()
    releaseWaiting(because: "the connection takes no more calls")
  }

  /// Closes at once. Before there is a socket this gives up the attempt: a socket that connects
  /// later is closed by the channel.
  func close(because reason: CloseReason) {
    if let transport {
      transport.close(because: reason)
    } else if closeReason == nil {
      ended(because: reason)
    }
  }

  /// The calls that wait here go back to the channel.
  private func releaseWaiting(because reason: CloseReason) {
    let calls = waiting
    waiting = []
    channel.vacated(self, because: reason.of(peer))
    for call in calls { channel.place(call) }
  }

  private func startWaiting() {
    while let transport, !isDraining, closeReason == nil, !waiting.isEmpty,
      transport.session.openStreams < maxStreams
    {
      // Out of the queue first: the start may end this call, or send all that wait elsewhere.
      waiting.removeFirst().start(on: self)
    }
  }

  // MARK: ClientConnectionOwner

  func connection(_ connection: ClientConnection, received event: ClientSessionEvent) {
    switch event {
    case .headers(let stream, _, _):
      hasAnswered = true
      (stream.owner as? ClientCall)?.received(event, from: self)
    case .data(let stream, _), .endOfStream(let stream), .drained(let stream), .lost(let stream):
      (stream.owner as? ClientCall)?.received(event, from: self)
    case .closed(let stream, _, _):
      (stream.owner as? ClientCall)?.received(event, from: self)
      stream.owner = nil
      startWaiting()
    case .settings(let maxConcurrentStreams):
      maxStreams = maxConcurrentStreams
      if !isReady {
        isReady = true
        readyAt = .now
        becameReady()
      }
      startWaiting()
    case .pingAnswered:
      break
    case .goAway(let errorCode, let text):
      // 11 is ENHANCE_YOUR_CALM: the server finds that this client pings too often.
      if errorCode == 11, text == "too_many_pings" { channel.pingedTooOften() }
      guard !isDraining else { return }
      isDraining = true
      releaseWaiting(because: "the server takes no more calls")
    }
  }

  func connectionIsAlive(_ connection: ClientConnection) {
    keepalive?.received(now: Deadline.now.nanoseconds)
  }

  func connection(_ connection: ClientConnection, closedBecause reason: CloseReason) {
    ended(because: reason)
  }

  private func ended(because reason: CloseReason) {
    closeReason = reason.of(peer)
    timer?.cancel()
    timer = nil
    if isReady {
      releaseWaiting(because: reason)
    } else {
      channel.attemptFailed(number, because: reason.of(peer))
    }
    channel.closed(self)
  }

  private func becameReady() {
    timer?.cancel()
    timer = nil
    guard channel.connected(self) else {
      drain()
      return
    }
    guard let interval = channel.keepaliveInterval else { return }
    let policy = channel.configuration.keepalive
    let keepalive = Keepalive(
      interval: interval.clampedNanoseconds, timeout: policy.timeout.clampedNanoseconds,
      permitWithoutCalls: policy.permitWithoutCalls, now: Deadline.now.nanoseconds)
    self.keepalive = keepalive
    armKeepalive(at: keepalive.firstTimer)
  }

  private func armKeepalive(at moment: Int64) {
    let wait = Duration.nanoseconds(moment - Deadline.now.nanoseconds)
    timer = channel.schedule(after: wait) { self.keepaliveTimer() }
  }

  private func keepaliveTimer() {
    guard let transport, closeReason == nil else { return }
    let open = transport.session.openStreams
    switch keepalive?.timer(now: Deadline.now.nanoseconds, openCalls: open) {
    case .rearm(let moment):
      armKeepalive(at: moment)
    case .ping(let nextTimer):
      transport.session.ping()
      transport.scheduleFlush()
      armKeepalive(at: nextTimer)
    case .close:
      transport.close(because: "the server did not answer a keepalive PING")
    case nil:
      break
    }
  }
}
