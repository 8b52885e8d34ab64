public import RPCCore

/// The life of one call's response, as a client must read it.
///
/// Pure: events go in, actions come out. Source: "gRPC over HTTP/2", Responses.
public struct ClientStreamState: Sendable {
  private enum Phase: Sendable {
    case awaitingHead
    case messages
    case ended
  }

  private var phase = Phase.awaitingHead
  private let expectsOneMessage: Bool
  /// Messages received.
  public private(set) var messageCount = 0

  /// - Parameter expectsOneMessage: whether the method answers with exactly one message. An end with
  ///   OK and none, and a second one, are UNIMPLEMENTED: the server has another idea of the method.
  public init(expectsOneMessage: Bool) {
    self.expectsOneMessage = expectsOneMessage
  }

  /// Whether the call has its outcome; every further event is ignored.
  public var isEnded: Bool { phase == .ended }

  /// What to do with a header block.
  public enum OnHead: Sendable, Hashable {
    /// An interim response (1xx), or a block after the end.
    case ignore
    /// The head: initial metadata; messages come in this encoding.
    case start(MessageEncoding)
    /// The end, with the status the server sent. The block's metadata is trailing metadata.
    case end(RPCStatus)
    /// The end, because the response is not gRPC's. Reset the stream with CANCEL.
    case fail(RPCStatus)
  }

  /// A header block arrived: head, trailers-only response, or trailers.
  public mutating func head(_ head: ResponseHead, endsStream: Bool) -> OnHead {
    switch phase {
    case .ended:
      return .ignore
    case .messages:
      guard endsStream else {
        return fail(.internalError, "a second header block that does not end the stream")
      }
      return end(head)
    case .awaitingHead:
      if let status = head.httpStatus, (100..<200).contains(status), !endsStream { return .ignore }
      if endsStream { return end(head) }
      return start(head)
    }
  }

  private mutating func start(_ head: ResponseHead) -> OnHead {
    guard head.httpStatus == 200 else {
      let status = head.httpStatus ?? 0
      return fail(StatusCode(httpStatus: status), "HTTP status \(status) instead of 200")
    }
    guard head.contentType == .grpc else {
      return fail(.unknown, "the content-type of the response is not application/grpc")
    }
    switch head.encoding {
    case .unknown:
      return fail(.internalError, "grpc-encoding \"\(head.foreignEncoding)\" was not offered")
    case .known(let encoding):
      phase = .messages
      return .start(encoding)
    }
  }

  private mutating func end(_ head: ResponseHead) -> OnHead {
    guard let number = head.grpcStatus else {
      phase = .ended
      if let status = head.httpStatus, status != 200 {
        return .end(
          RPCStatus(code: StatusCode(httpStatus: status), message: "HTTP status \(status)"))
      }
      return .end(RPCStatus(code: .unknown, message: "the response ended without grpc-status"))
    }
    let code = StatusCode(wire: number)
    phase = .ended
    if code == .ok, expectsOneMessage, messageCount == 0 {
      return .end(RPCStatus(code: .unimplemented, message: "the response has no message"))
    }
    return .end(RPCStatus(code: code, message: code == .ok ? "" : head.message))
  }

  /// What to do with a message.
  public enum OnMessage: Sendable, Hashable {
    case deliver
    /// The call is over; drop it.
    case ignore
    /// Reset the stream with CANCEL.
    case fail(RPCStatus)
  }

  /// A whole message arrived.
  public mutating func message() -> OnMessage {
    switch phase {
    case .ended:
      return .ignore
    case .awaitingHead:
      phase = .ended
      return .fail(RPCStatus(code: .internalError, message: "data before the response head"))
    case .messages:
      messageCount += 1
      if expectsOneMessage, messageCount > 1 {
        phase = .ended
        return .fail(
          RPCStatus(
            code: .unimplemented,
            message: "more than one message where the method gives one response"))
      }
      return .deliver
    }
  }

  /// The stream ended with DATA: there are no trailers.
  /// - Returns: the outcome, or nil when the call has one.
  public mutating func endWithoutTrailers() -> RPCStatus? {
    close(RPCStatus(code: .internalError, message: "the server ended the stream without trailers"))
  }

  /// The peer reset the stream.
  ///
  /// - Parameter deadlineHasPassed: a CANCEL that arrives when the deadline is over means that the
  ///   server saw it pass first.
  public mutating func reset(http2Error: UInt32, deadlineHasPassed: Bool = false) -> RPCStatus? {
    var code = StatusCode(http2Error: http2Error)
    if code == .cancelled, deadlineHasPassed { code = .deadlineExceeded }
    return close(
      RPCStatus(code: code, message: "the server reset the stream with error \(http2Error)"))
  }

  /// This side gives up: deadline, cancellation, lost connection, a defect in the message bytes.
  /// - Returns: `status`, or nil when the call has its outcome already.
  public mutating func close(_ status: RPCStatus) -> RPCStatus? {
    guard phase != .ended else { return nil }
    phase = .ended
    return status
  }

  private mutating func fail(_ code: StatusCode, _ message: String) -> OnHead {
    phase = .ended
    return .fail(RPCStatus(code: code, message: message))
  }
}
