import Framing
import RPCCore
import Synchronization

/// Where a call's task and its event loop meet: messages, metadata and the outcome, behind one lock.
///
/// A task that sends or receives takes the lock, and suspends only when the other side is behind; the
/// loop is woken once for any number of changes. At most one task sends and one receives at a time.
final class CallMailbox: Sendable {
  /// Bytes of requests that may wait here before a sender is suspended.
  static let highWaterMark = 64 * 1024

  /// A response message and what it took on the wire.
  private struct Response {
    var message: [UInt8]
    var wireLength: Int
  }

  /// How the call ended: the trailing metadata, and the error unless it ended well.
  struct Outcome: Sendable {
    var error: RPCError?
    var trailers: Metadata
  }

  /// What the loop has to do.
  struct Work: Sendable {
    var requests: [[UInt8]] = []
    var endsRequests = false
    var credit = 0
    var isCancelled = false
  }

  private struct State {
    var work = Work()
    var workBytes = 0
    var isScheduled = false
    var sendClosed = false
    var sender: CheckedContinuation<Void, any Error>?

    var responses: [Response] = []
    var nextResponse = 0
    var window = ReceiveWindow()
    var receiver: CheckedContinuation<[UInt8]?, any Error>?

    var head: Metadata?
    var headWaiters: [CheckedContinuation<Metadata, any Error>] = []
    var outcome: Outcome?
    var outcomeWaiters: [CheckedContinuation<Outcome, Never>] = []

    /// Whether the loop has to be woken; marks it as woken.
    mutating func schedule() -> Bool {
      if isScheduled { return false }
      isScheduled = true
      return true
    }

    mutating func takeResponse() -> [UInt8]? {
      guard nextResponse < responses.count else { return nil }
      let response = responses[nextResponse]
      responses[nextResponse].message = []
      nextResponse += 1
      if nextResponse == responses.count {
        responses.removeAll(keepingCapacity: true)
        nextResponse = 0
      }
      work.credit += window.took(wireLength: response.wireLength)
      return response.message
    }
  }

  private let state = Mutex(State())
  /// Credit below this waits for more: a window update for every message costs more than it gives.
  private let creditThreshold: Int

  init(creditThreshold: Int) {
    self.creditThreshold = creditThreshold
  }

  // MARK: The task's side

  /// Queues a request, suspending while too much waits.
  func send(_ message: [UInt8], on call: ClientCall) async throws {
    try await withCheckedThrowingContinuation {
      (continuation: CheckedContinuation<Void, any Error>) in
      var mustWake = false
      let result: Result<Void, any Error>? = state.withLock { state in
        if let outcome = state.outcome { return .failure(outcome.sendError) }
        if state.sendClosed {
          return .failure(
            RPCError(.internalError, "a message was sent after the end of the request"))
        }
        if state.sender != nil {
          return .failure(RPCError(.internalError, "two tasks send on one call at the same time"))
        }
        state.work.requests.append(message)
        state.workBytes += message.count
        mustWake = state.schedule()
        if state.workBytes < Self.highWaterMark { return .success(()) }
        state.sender = continuation
        return nil
      }
      if mustWake { call.wake() }
      if let result { continuation.resume(with: result) }
    }
  }

  /// Ends the request behind what was sent.
  func closeSend(on call: ClientCall) {
    let mustWake = state.withLock { state in
      guard state.outcome == nil, !state.sendClosed else { return false }
      state.sendClosed = true
      state.work.endsRequests = true
      return state.schedule()
    }
    if mustWake { call.wake() }
  }

  /// The next response, nil after a good end.
  func receive(on call: ClientCall) async throws -> [UInt8]? {
    try await withCheckedThrowingContinuation {
      (continuation: CheckedContinuation<[UInt8]?, any Error>) in
      var mustWake = false
      let result: Result<[UInt8]?, any Error>? = state.withLock { state in
        if let message = state.takeResponse() {
          if state.work.credit >= creditThreshold { mustWake = state.schedule() }
          return .success(message)
        }
        if let outcome = state.outcome {
          return outcome.error.map { .failure($0) } ?? .success(nil)
        }
        if state.receiver != nil {
          return .failure(
            RPCError(.internalError, "two tasks receive on one call at the same time"))
        }
        state.receiver = continuation
        return nil
      }
      if mustWake { call.wake() }
      if let result { continuation.resume(with: result) }
    }
  }

  /// The initial metadata.
  func head() async throws -> Metadata {
    try await withCheckedThrowingContinuation {
      (continuation: CheckedContinuation<Metadata, any Error>) in
      let result: Result<Metadata, any Error>? = state.withLock { state in
        if let head = state.head { return .success(head) }
        if let outcome = state.outcome {
          // A trailers-only answer has no head of its own.
          return outcome.error.map { .failure($0) } ?? .success(Metadata())
        }
        state.headWaiters.append(continuation)
        return nil
      }
      if let result { continuation.resume(with: result) }
    }
  }

  /// How the call ended.
  func outcome() async -> Outcome {
    await withCheckedContinuation { continuation in
      let outcome: Outcome? = state.withLock { state in
        if state.outcome == nil { state.outcomeWaiters.append(continuation) }
        return state.outcome
      }
      if let outcome { continuation.resume(returning: outcome) }
    }
  }

  /// Ends the call with CANCELLED.
  func cancel(_ call: ClientCall) {
    let mustWake = state.withLock { state in
      guard state.outcome == nil else { return false }
      state.work.isCancelled = true
      return state.schedule()
    }
    if mustWake { call.wake() }
  }

  /// Queues the only request of a call that is not started yet.
  func prepare(_ message: [UInt8]) {
    state.withLock { state in
      state.work.requests.append(message)
      state.work.endsRequests = true
      state.sendClosed = true
      // The start of the call takes it.
      state.isScheduled = true
    }
  }

  /// The message of a unary call that ended well; nil when it is taken.
  func takeResponse() -> [UInt8]? {
    state.withLock { $0.takeResponse() }
  }

  // MARK: The loop's side

  /// What has come together since the last call.
  /// - Parameter takesRequests: whether requests are wanted now; else they stay, and senders wait.
  func takeWork(takesRequests: Bool) -> Work {
    let (work, sender) = state.withLock { state in
      state.isScheduled = false
      var work = state.work
      state.work = Work()
      if takesRequests {
        state.workBytes = 0
        let sender = state.sender
        state.sender = nil
        return (work, sender)
      }
      state.work.requests = work.requests
      state.work.endsRequests = work.endsRequests
      work.requests = []
      work.endsRequests = false
      return (work, nil)
    }
    sender?.resume()
    return work
  }

  /// The response's head arrived.
  func deliver(head: Metadata) {
    let waiters = state.withLock { state in
      state.head = head
      let waiters = state.headWaiters
      state.headWaiters = []
      return waiters
    }
    for waiter in waiters { waiter.resume(returning: head) }
  }

  /// `bytes` of DATA arrived, which completed `messages`.
  /// - Returns: bytes of the stream's window to give back now.
  func deliver(
    _ messages: [(message: [UInt8], wireLength: Int)], bytes: Int
  ) -> Int {
    let (credit, receiver, message) = state.withLock { state in
      var credit = state.window.received(bytes, completing: messages.count)
      for (message, wireLength) in messages {
        state.responses.append(Response(message: message, wireLength: wireLength))
      }
      guard state.receiver != nil, let message = state.takeResponse() else {
        return (credit, CheckedContinuation<[UInt8]?, any Error>?.none, [UInt8]?.none)
      }
      credit += state.work.credit
      state.work.credit = 0
      let receiver = state.receiver
      state.receiver = nil
      return (credit, receiver, message)
    }
    receiver?.resume(returning: message)
    return credit
  }

  /// The call has ended. Only the first outcome counts.
  /// - Parameter discardsResponses: whether messages that nobody has received are dropped: the
  ///   caller gave up.
  func finish(_ outcome: Outcome, discardsResponses: Bool) {
    struct Waiters {
      var sender: CheckedContinuation<Void, any Error>?
      var receiver: CheckedContinuation<[UInt8]?, any Error>?
      var heads: [CheckedContinuation<Metadata, any Error>] = []
      var outcomes: [CheckedContinuation<Outcome, Never>] = []
    }
    var outcome = outcome
    let waiters: Waiters? = state.withLock { state in
      guard state.outcome == nil else { return nil }
      outcome.error?.initialMetadata = state.head ?? Metadata()
      state.outcome = outcome
      state.work.requests = []
      state.workBytes = 0
      if discardsResponses {
        state.responses = []
        state.nextResponse = 0
        _ = state.window.abandon()
      }
      let waiters = Waiters(
        sender: state.sender, receiver: state.receiver, heads: state.headWaiters,
        outcomes: state.outcomeWaiters)
      state.sender = nil
      state.receiver = nil
      state.headWaiters = []
      state.outcomeWaiters = []
      return waiters
    }
    guard let waiters else { return }
    waiters.sender?.resume(throwing: outcome.sendError)
    for waiter in waiters.heads {
      waiter.resume(with: outcome.error.map { .failure($0) } ?? .success(Metadata()))
    }
    waiters.receiver?.resume(with: outcome.error.map { .failure($0) } ?? .success(nil))
    for waiter in waiters.outcomes { waiter.resume(returning: outcome) }
  }
}

extension CallMailbox.Outcome {
  /// What a sender hears: the server does not want to hear more, even if it ended the call well.
  var sendError: RPCError {
    error ?? RPCError(.cancelled, "the server ended the call before the end of the request")
  }
}
