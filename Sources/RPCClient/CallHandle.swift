import RPCCore

/// A caller's end of a call. Dropping it cancels the call.
final class CallHandle: ClientCallTransport {
  private let call: ClientCall

  init(_ call: ClientCall) {
    self.call = call
  }

  deinit { call.mailbox.cancel(call) }

  func send(_ message: [UInt8]) async throws {
    try await cancellable { try await self.call.mailbox.send(message, on: self.call) }
  }

  func closeSend() async throws {
    call.mailbox.closeSend(on: call)
  }

  func receive() async throws -> [UInt8]? {
    try await cancellable { try await self.call.mailbox.receive(on: self.call) }
  }

  func cancel() {
    call.mailbox.cancel(call)
  }

  func initialMetadata() async throws -> Metadata {
    try await cancellable { try await self.call.mailbox.head() }
  }

  func trailingMetadata() async -> Metadata {
    await outcome().trailers
  }

  /// How the call ended; waits for it.
  func outcome() async -> CallMailbox.Outcome {
    await cancellable { await self.call.mailbox.outcome() }
  }

  /// The only response of a call that ended well.
  func takeResponse() -> [UInt8]? {
    call.mailbox.takeResponse()
  }

  private func cancellable<R: Sendable>(
    _ operation: () async throws -> R
  ) async rethrows -> R {
    try await withTaskCancellationHandler(operation: operation) { call.mailbox.cancel(call) }
  }
}
