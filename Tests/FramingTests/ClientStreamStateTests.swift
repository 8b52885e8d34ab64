import Framing
import RPCCore
import Testing

@Suite struct ClientStreamStateTests {
  private func head(_ fields: (String, String)...) -> ResponseHead {
    var head = ResponseHead()
    for (name, value) in fields {
      name.withBytes { name in value.withBytes { _ = head.note(name: name, value: $0) } }
    }
    return head
  }

  private var ok: ResponseHead { head((":status", "200"), ("content-type", "application/grpc")) }

  private func started(expectsOneMessage: Bool = false) -> ClientStreamState {
    var state = ClientStreamState(expectsOneMessage: expectsOneMessage)
    #expect(state.head(ok, endsStream: false) == .start(.identity))
    return state
  }

  @Test("fields that are not the protocol's are metadata")
  func metadata() {
    var head = ResponseHead()
    let kinds: [(String, Bool)] = [
      (":status", false), ("content-type", false), ("grpc-status", false), ("grpc-message", false),
      ("grpc-status-details-bin", false), ("grpc-encoding", false), (":other", false),
      ("grpc-accept-encoding", false), ("grpc-retry-pushback-ms", false), ("x-id", true),
      ("trace-bin", true),
    ]
    for (name, isMetadata) in kinds {
      let result = name.withBytes { name in "1".withBytes { head.note(name: name, value: $0) } }
      #expect(result == isMetadata, "\(name)")
    }
  }

  @Test("head, messages, trailers")
  func ordinary() {
    var state = ClientStreamState(expectsOneMessage: false)
    let gzip = head(
      (":status", "200"), ("content-type", "application/grpc+proto"), ("grpc-encoding", "gzip"))
    #expect(state.head(head((":status", "103")), endsStream: false) == .ignore)
    #expect(state.head(gzip, endsStream: false) == .start(.gzip))
    #expect(state.message() == .deliver)
    #expect(state.message() == .deliver)
    #expect(
      state.head(head(("grpc-status", "0"), ("grpc-message", "ignored")), endsStream: true)
        == .end(.ok))
    #expect(state.isEnded)
    #expect(state.message() == .ignore)
    #expect(state.head(ok, endsStream: false) == .ignore)
    #expect(state.reset(http2Error: 8) == nil)
  }

  @Test("trailers-only")
  func trailersOnly() {
    var state = ClientStreamState(expectsOneMessage: true)
    let trailers = head(
      (":status", "200"), ("content-type", "application/grpc"), ("grpc-status", "5"),
      ("grpc-message", "no%20such%20thing"))
    #expect(
      state.head(trailers, endsStream: true)
        == .end(RPCStatus(code: .notFound, message: "no such thing")))
  }

  @Test(
    "a response that is not gRPC's gets its code from the HTTP status",
    arguments: [
      ("400", .internalError), ("401", .unauthenticated), ("403", .permissionDenied),
      ("404", .unimplemented), ("429", .unavailable), ("502", .unavailable), ("503", .unavailable),
      ("504", .unavailable), ("500", .unknown), ("302", .unknown), ("", .unknown),
    ] as [(String, StatusCode)])
  func httpStatus(status: String, code: StatusCode) throws {
    var state = ClientStreamState(expectsOneMessage: true)
    let response = head((":status", status), ("content-type", "text/html"))
    guard case .fail(let failure) = state.head(response, endsStream: false) else {
      Issue.record("not failed")
      return
    }
    #expect(failure.code == code)
    var other = ClientStreamState(expectsOneMessage: true)
    guard case .end(let end) = other.head(response, endsStream: true) else {
      Issue.record("not ended")
      return
    }
    #expect(end.code == code)
  }

  @Test("an HTTP 200 that is no gRPC response is UNKNOWN")
  func foreignContent() {
    var state = ClientStreamState(expectsOneMessage: true)
    let page = head((":status", "200"), ("content-type", "text/html"))
    guard case .fail(let status) = state.head(page, endsStream: false) else {
      Issue.record("not failed")
      return
    }
    #expect(status.code == .unknown)
  }

  @Test("an encoding that was not offered is INTERNAL and named")
  func foreignEncoding() {
    var state = ClientStreamState(expectsOneMessage: true)
    let response = head(
      (":status", "200"), ("content-type", "application/grpc"), ("grpc-encoding", "br"))
    #expect(
      state.head(response, endsStream: false)
        == .fail(RPCStatus(code: .internalError, message: "grpc-encoding \"br\" was not offered")))
  }

  @Test(
    "grpc-status as a number",
    arguments: [
      ("0", .ok), ("16", .unauthenticated), ("17", .unknown), ("-1", .unknown), ("x", .unknown),
      ("", .unknown), ("00005", .notFound), ("99999999999", .unknown),
    ] as [(String, StatusCode)])
  func statusNumbers(text: String, code: StatusCode) {
    var state = started()
    guard case .end(let status) = state.head(head(("grpc-status", text)), endsStream: true) else {
      Issue.record("not ended")
      return
    }
    #expect(status.code == code)
  }

  @Test("trailers without grpc-status are UNKNOWN, no trailers at all are INTERNAL")
  func missing() {
    var state = started()
    guard case .end(let status) = state.head(head(("x", "y")), endsStream: true) else {
      Issue.record("not ended")
      return
    }
    #expect(status.code == .unknown)
    var other = started()
    #expect(other.endWithoutTrailers()?.code == .internalError)
    #expect(other.endWithoutTrailers() == nil)
  }

  @Test("a response that is one message has exactly one when it is OK, else it is UNIMPLEMENTED")
  func cardinality() {
    var none = started(expectsOneMessage: true)
    guard case .end(let status) = none.head(head(("grpc-status", "0")), endsStream: true) else {
      Issue.record("not ended")
      return
    }
    #expect(status.code == .unimplemented)
    var error = started(expectsOneMessage: true)
    #expect(
      error.head(head(("grpc-status", "9")), endsStream: true)
        == .end(RPCStatus(code: .failedPrecondition)))
    var two = started(expectsOneMessage: true)
    #expect(two.message() == .deliver)
    guard case .fail(let second) = two.message() else {
      Issue.record("not failed")
      return
    }
    #expect(second.code == .unimplemented)
  }

  @Test("data before the head and a second head are INTERNAL")
  func order() {
    var early = ClientStreamState(expectsOneMessage: false)
    guard case .fail(let first) = early.message() else {
      Issue.record("not failed")
      return
    }
    #expect(first.code == .internalError)
    var twice = started()
    guard case .fail(let second) = twice.head(ok, endsStream: false) else {
      Issue.record("not failed")
      return
    }
    #expect(second.code == .internalError)
  }

  @Test(
    "HTTP/2 error codes",
    arguments: [
      (0, .internalError), (1, .internalError), (2, .internalError), (3, .internalError),
      (4, .internalError), (5, .unknown), (6, .internalError), (7, .unavailable), (8, .cancelled),
      (9, .internalError), (10, .internalError), (11, .resourceExhausted), (12, .permissionDenied),
      (13, .internalError), (14, .unknown), (.max, .unknown),
    ] as [(UInt32, StatusCode)])
  func resets(error: UInt32, code: StatusCode) {
    var state = started()
    #expect(state.reset(http2Error: error)?.code == code)
    #expect(state.reset(http2Error: error) == nil)
  }

  @Test("a CANCEL after the deadline is the deadline")
  func cancelAfterDeadline() {
    var state = started()
    #expect(state.reset(http2Error: 8, deadlineHasPassed: true)?.code == .deadlineExceeded)
  }

  @Test("the first outcome stands")
  func once() {
    var state = started()
    let mine = RPCStatus(code: .deadlineExceeded, message: "mine")
    #expect(state.close(mine) == mine)
    #expect(state.close(RPCStatus(code: .cancelled)) == nil)
    #expect(state.head(head(("grpc-status", "0")), endsStream: true) == .ignore)
  }

  @Test(
    "retry pushback",
    arguments: [
      ("0", .milliseconds(0)), ("1500", .milliseconds(1500)), ("-1", .never), ("", .never),
      ("soon", .never),
    ] as [(String, ResponseHead.Pushback)])
  func pushback(text: String, expected: ResponseHead.Pushback) {
    #expect(head(("grpc-retry-pushback-ms", text)).pushback == expected)
    #expect(head().pushback == .none)
  }
}
