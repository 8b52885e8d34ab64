import Framing
import HTTP2
import NIOCore
import RPCCore
import Transport

/// One call on its channel's event loop, across all its attempts.
///
/// `@unchecked Sendable`: everything but `mailbox`, `wake` and the constants belongs to `loop`.
final class ClientCall: @unchecked Sendable {
  private var request: CallRequest
  /// Whether the call waits for a connection instead of failing.
  let waitForReady: Bool
  let mailbox: CallMailbox
  private let channel: ChannelCore

  private var retry: RetryState
  private var deadlineTimer: Scheduled<Void>?
  private var retryTimer: Scheduled<Void>?
  /// Makes the credentials; nil when there is nothing to make.
  private var making: Task<Void, Never>?
  /// Whether the call has begun and its credentials are not made.
  private(set) var awaitsCredentials = false

  /// The attempt under way.
  private var connection: ChannelConnection?
  private var stream: ClientStream?
  private var response: ClientStreamState
  private var decoder: MessageDecoder
  private var encoder: MessageEncoder
  private var responseHead = ResponseHead()
  private var trailers = Metadata()

  /// Framed requests, kept until the call is committed.
  private var replay: [[UInt8]] = []
  private var replayBytes = 0
  private var isCommitted = false
  private var requestEnded = false
  private var isFull = false
  private(set) var isEnded = false

  init(request: CallRequest, channel: ChannelCore) {
    self.request = request
    waitForReady = request.waitForReady
    self.channel = channel
    mailbox = CallMailbox(creditThreshold: channel.creditThreshold)
    retry = RetryState(policy: request.retry, isRepeatable: request.isRepeatable)
    response = ClientStreamState(expectsOneMessage: request.expectsOneResponse)
    decoder = MessageDecoder(limit: request.maxResponseBytes)
    encoder = MessageEncoder(encoding: request.encoding)
  }

  // MARK: Any thread

  /// There is work in the mailbox.
  func wake() {
    channel.loop.execute { self.takeWork() }
  }

  /// Starts the call, with the metadata of its credentials. Once.
  func start(adding credentials: Metadata = Metadata()) {
    channel.loop.execute {
      self.begin()
      self.authorized(credentials)
    }
  }

  /// Starts the call, which goes to the server when its credentials are made. Once.
  func start(making credentials: CallCredentials) {
    channel.loop.execute {
      self.awaitsCredentials = true
      self.begin()
    }
    let making = Task {
      do throws(RPCError) {
        let metadata = try await credentials.metadata()
        self.channel.loop.execute { self.authorized(metadata) }
      } catch {
        self.channel.loop.execute {
          self.finish(error, trailers: Metadata(), discardsResponses: true)
        }
      }
    }
    channel.loop.execute {
      if self.isEnded { making.cancel() } else { self.making = making }
    }
  }

  // MARK: The loop: life

  /// From here on the deadline counts, and the call can be cancelled.
  private func begin() {
    guard !isEnded else { return }
    if let deadline = request.deadline {
      let left = deadline.remaining()
      if left == .zero {
        deadlinePassed()
        return
      }
      deadlineTimer = channel.schedule(after: left) { self.deadlinePassed() }
    }
    channel.started(self)
    takeWork()
  }

  private func authorized(_ credentials: Metadata) {
    awaitsCredentials = false
    request.metadata.add(contentsOf: credentials)
    channel.place(self)
  }

  private func deadlinePassed() {
    giveUp(RPCError(.deadlineExceeded, "the client's deadline passed before the call ended"))
  }

  /// Ends the call from this side: deadline, cancellation, the channel's end.
  func giveUp(_ error: RPCError) {
    guard !isEnded else { return }
    _ = response.close(error.status)
    resetStream()
    finish(error, trailers: Metadata(), discardsResponses: true)
  }

  private func finish(_ error: RPCError?, trailers: Metadata, discardsResponses: Bool) {
    guard !isEnded else { return }
    isEnded = true
    deadlineTimer?.cancel()
    retryTimer?.cancel()
    making?.cancel()
    deadlineTimer = nil
    retryTimer = nil
    making = nil
    replay = []
    channel.ended(self)
    mailbox.finish(.init(error: error, trailers: trailers), discardsResponses: discardsResponses)
  }

  // MARK: The loop: requests

  private func takeWork() {
    let work = mailbox.takeWork(takesRequests: stream != nil && !isFull && !isEnded)
    guard !isEnded else { return }
    if work.isCancelled {
      giveUp(RPCError(.cancelled, "the call was cancelled"))
      return
    }
    guard let stream, let connection else { return }
    connection.consume(work.credit, of: stream)
    for message in work.requests {
      guard send(message, on: stream, connection) else { return }
    }
    if work.endsRequests {
      requestEnded = true
      connection.end(stream)
    }
    if stream.outboundBytes >= CallMailbox.highWaterMark {
      isFull = true
      connection.notifyWhenDrained(stream)
    }
  }

  /// Frames and sends one message; false when that ended the call.
  private func send(_ message: [UInt8], on stream: ClientStream, _ connection: ChannelConnection)
    -> Bool
  {
    var frame: [UInt8] = []
    do throws(FramingError) {
      try message.withUnsafeBufferPointer { bytes throws(FramingError) in
        try encoder.encode(UnsafeRawBufferPointer(bytes), into: &frame)
      }
    } catch {
      giveUp(RPCError(error.code, error.description))
      return false
    }
    connection.send(frame, on: stream)
    if !isCommitted {
      replayBytes += frame.count
      if replayBytes > request.retryBufferBytes {
        commit()
      } else {
        replay.append(frame)
      }
    }
    return true
  }

  private func commit() {
    isCommitted = true
    replay = []
  }

  // MARK: The loop: attempts

  /// Starts an attempt on a connection that has a stream to spare.
  func start(on connection: ChannelConnection) {
    guard !isEnded else { return }
    response = ClientStreamState(expectsOneMessage: request.expectsOneResponse)
    responseHead = ResponseHead()
    trailers = Metadata()
    isFull = false
    let headers = request.headers(
      scheme: channel.scheme, authority: channel.authority, userAgent: channel.userAgent,
      previousAttempts: retry.attempts - 1, now: .now)
    let opened: ClientStream?
    do throws(RPCError) {
      opened = try connection.open(headers, for: self)
    } catch {
      finish(error, trailers: Metadata(), discardsResponses: true)
      return
    }
    guard let stream = opened else {
      // The connection takes no more streams; the channel looks for another one.
      channel.place(self)
      return
    }
    self.connection = connection
    self.stream = stream
    for frame in replay { connection.send(frame, on: stream) }
    if requestEnded { connection.end(stream) }
    takeWork()
  }

  /// There is no connection that the call could use, or wait for.
  func noConnection(_ reason: CloseReason) {
    var error = RPCError(.unavailable, reason.text)
    if let kind = reason.kind {
      let info = Google_Rpc_ErrorInfo.with {
        $0.reason = kind.rawValue
        $0.domain = "rpc.client"
      }
      error.details = [Google_Protobuf_Any(packing: info)]
    }
    finish(error, trailers: Metadata(), discardsResponses: true)
  }

  private func attemptFailed(
    _ status: RPCStatus, progress: RetryState.Progress, trailers: Metadata
  ) {
    let outcome = retry.attemptFailed(
      code: status.code, progress: isCommitted ? .committed : progress,
      pushback: responseHead.pushback, throttle: &channel.throttle,
      random: Double.random(in: 0...1))
    stream = nil
    connection = nil
    switch outcome {
    case .giveUp:
      finish(
        ResponseStatus.error(status, details: responseHead.statusDetails, trailers: trailers),
        trailers: trailers, discardsResponses: false)
    case .retry(let wait):
      retryTimer = channel.schedule(after: wait) {
        self.retryTimer = nil
        if !self.isEnded { self.channel.place(self) }
      }
    }
  }

  /// Resets the stream unless both sides have ended it.
  private func resetStream() {
    guard let stream, let connection else { return }
    connection.reset(stream)
    self.stream = nil
    self.connection = nil
  }

  // MARK: The loop: responses

  /// An event of the stream of the attempt under way.
  func received(_ event: ClientSessionEvent, from connection: ChannelConnection) {
    switch event {
    case .headers(let stream, let fields, let ends):
      if stream === self.stream { receivedHeaders(fields, endsStream: ends) }
    case .data(let stream, let count):
      receivedData(on: stream, count: count, from: connection)
    case .endOfStream(let stream):
      guard stream === self.stream, let status = response.endWithoutTrailers() else { return }
      resetStream()
      attemptFailed(status, progress: .sent, trailers: Metadata())
    case .closed(let stream, let errorCode, let refused):
      guard stream === self.stream else { return }
      let passed = request.deadline?.hasPassed ?? false
      guard let status = response.reset(http2Error: errorCode, deadlineHasPassed: passed) else {
        return
      }
      attemptFailed(status, progress: progress(of: stream, refused), trailers: Metadata())
    case .lost(let stream):
      guard stream === self.stream else { return }
      let reason = connection.closeReason?.text ?? "the connection was lost"
      guard let status = response.close(RPCStatus(code: .unavailable, message: reason)) else {
        return
      }
      attemptFailed(status, progress: progress(of: stream, false), trailers: Metadata())
    case .drained(let stream):
      guard stream === self.stream else { return }
      isFull = false
      takeWork()
    case .settings, .pingAnswered, .goAway:
      break
    }
  }

  private func progress(of stream: ClientStream, _ refused: Bool) -> RetryState.Progress {
    if !stream.isSent { return .unsent }
    return refused ? .unprocessed : .sent
  }

  private func receivedHeaders(_ fields: Metadata, endsStream: Bool) {
    var head = ResponseHead()
    var metadata = Metadata()
    fields.forEachEntry { name, value in
      if head.note(name: name, value: value) { metadata.append(name, value) }
    }
    switch response.head(head, endsStream: endsStream) {
    case .ignore:
      break
    case .start(let encoding):
      commit()
      decoder = MessageDecoder(limit: request.maxResponseBytes, encoding: encoding)
      mailbox.deliver(head: metadata)
    case .end(let status):
      responseHead = head
      ended(status, trailers: metadata)
    case .fail(let status):
      responseHead = head
      resetStream()
      attemptFailed(status, progress: .sent, trailers: metadata)
    }
  }

  private func ended(_ status: RPCStatus, trailers: Metadata) {
    var status = status
    if status.code == .ok {
      do throws(FramingError) {
        try decoder.finish()
      } catch {
        status = error.status
      }
    }
    // The server may end a call before it has heard all of the request.
    if let stream, let connection, !stream.hasEnded { connection.reset(stream) }
    guard status.code == .ok else {
      attemptFailed(status, progress: .sent, trailers: trailers)
      return
    }
    stream = nil
    connection = nil
    channel.throttle.succeeded()
    finish(nil, trailers: trailers, discardsResponses: false)
  }

  private func receivedData(on stream: ClientStream, count: Int, from connection: ChannelConnection)
  {
    guard stream === self.stream, !response.isEnded else {
      connection.discardData(of: stream, count: count)
      return
    }
    var messages: [(message: [UInt8], wireLength: Int)] = []
    var failure: RPCStatus?
    connection.takeData(of: stream, count: count) { bytes in
      do throws(FramingError) {
        try decoder.feed(bytes) { message, wireLength in
          switch response.message() {
          case .deliver: messages.append((Array(message), wireLength))
          case .ignore: break
          case .fail(let status): failure = failure ?? status
          }
        }
      } catch {
        failure = failure ?? response.close(error.status)
      }
    }
    let credit = mailbox.deliver(messages, bytes: count)
    if let failure {
      resetStream()
      attemptFailed(failure, progress: .sent, trailers: Metadata())
      return
    }
    connection.consume(credit, of: stream)
  }
}
