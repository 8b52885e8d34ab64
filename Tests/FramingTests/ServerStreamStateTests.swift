import Framing
import RPCCore
import Testing

@Suite struct ServerStreamStateTests {
  @Test("a unary call: one message, half close, head, message, trailers")
  func unary() {
    var state = ServerStreamState(kind: .unary)
    #expect(state.message() == .deliver)
    #expect(state.halfClose() == .deliver)
    #expect(state.sendMessage() == .headThenMessage)
    #expect(state.finish() == .trailers(thenReset: false))
    #expect(state.isEnded)
    #expect(state.finish() == .drop)
  }

  @Test("an error before anything was sent is trailers-only")
  func trailersOnly() {
    var state = ServerStreamState(kind: .unary)
    _ = state.message()
    _ = state.halfClose()
    #expect(state.finish() == .trailersOnly(thenReset: false))
  }

  @Test("a call that ends before its request does resets the stream behind the trailers")
  func early() {
    var state = ServerStreamState(kind: .bidirectionalStreaming)
    #expect(state.message() == .deliver)
    #expect(state.sendHead() == true)
    #expect(state.sendHead() == false)
    #expect(state.sendMessage() == .message)
    #expect(state.isReceiving)
    #expect(state.finish() == .trailers(thenReset: true))
    #expect(state.message() == .ignore)
    #expect(state.halfClose() == .ignore)
    #expect(state.sendMessage() == .drop)
    var other = ServerStreamState(kind: .clientStreaming)
    #expect(other.finish() == .trailersOnly(thenReset: true))
  }

  @Test("a unary request has exactly one message", arguments: [MethodKind.unary, .serverStreaming])
  func cardinality(kind: MethodKind) {
    var none = ServerStreamState(kind: kind)
    guard case .fail(let missing) = none.halfClose() else {
      Issue.record("not failed")
      return
    }
    #expect(missing.code == .internalError)
    var two = ServerStreamState(kind: kind)
    #expect(two.message() == .deliver)
    guard case .fail(let surplus) = two.message() else {
      Issue.record("not failed")
      return
    }
    #expect(surplus.code == .internalError)
  }

  @Test(
    "a request stream may have any number of messages",
    arguments: [MethodKind.clientStreaming, .bidirectionalStreaming])
  func streams(kind: MethodKind) {
    var empty = ServerStreamState(kind: kind)
    #expect(empty.halfClose() == .deliver)
    #expect(empty.halfClose() == .ignore)
    var many = ServerStreamState(kind: kind)
    for _ in 0..<5 { #expect(many.message() == .deliver) }
  }

  @Test("a reset cancels the handler once, and nothing is sent afterwards")
  func reset() {
    var state = ServerStreamState(kind: .serverStreaming)
    _ = state.message()
    #expect(state.reset() == true)
    #expect(state.reset() == false)
    #expect(state.sendMessage() == .drop)
    #expect(state.sendHead() == false)
    #expect(state.finish() == .drop)
    var done = ServerStreamState(kind: .unary)
    _ = done.finish()
    #expect(done.reset() == false)
  }

  @Test("defects of the byte stream have their codes")
  func codes() {
    let rows: [(FramingError, StatusCode)] = [
      (.invalidFlag(2), .internalError),
      (.messageTooLarge(length: 5, limit: 4), .resourceExhausted),
      (.compressedWithoutEncoding, .internalError),
      (.gzip(.tooLarge(limit: 4)), .resourceExhausted),
      (.gzip(.corrupt), .internalError), (.gzip(.truncated), .internalError),
      (.gzip(.trailingBytes(count: 1)), .internalError),
      (.truncatedMessage(missing: 1), .internalError),
    ]
    for (error, code) in rows { #expect(error.code == code) }
    #expect(
      FramingError.messageTooLarge(length: 5, limit: 4).status.message
        == "message of 5 bytes exceeds the limit of 4")
  }

  @Test("refusals have their codes")
  func refusals() {
    #expect(RequestRefusal.unsupportedEncoding.status.code == .unimplemented)
    #expect(RequestRefusal.unsupportedCodec.status.code == .unimplemented)
    #expect(RequestRefusal.malformedTimeout.status.code == .internalError)
  }
}
