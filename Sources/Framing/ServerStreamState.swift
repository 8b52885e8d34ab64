public import RPCCore

/// The life of one call's stream, as a server must drive it.
///
/// Pure: events go in, actions come out. Source: "gRPC over HTTP/2", Requests and Responses.
public struct ServerStreamState: Sendable {
  private enum Inbound: UInt8, Sendable { case open, halfClosed }
  private enum Outbound: UInt8, Sendable { case idle, headSent, ended }

  private var inbound = Inbound.open
  private var outbound = Outbound.idle
  private var requestCount = 0
  private let expectsOneRequest: Bool

  /// - Parameter expectsOneRequest: whether the method takes exactly one message.
  @inlinable
  public init(kind: MethodKind) {
    self.init(expectsOneRequest: !kind.clientStreams)
  }

  public init(expectsOneRequest: Bool) {
    self.expectsOneRequest = expectsOneRequest
  }

  /// Whether trailers have been sent, or the stream is gone.
  public var isEnded: Bool { outbound == .ended }

  /// Whether the client may still send.
  public var isReceiving: Bool { inbound == .open }

  /// What to do with a request message.
  public enum OnMessage: Sendable, Hashable {
    case deliver
    /// The call is over; give its bytes back and drop it.
    case ignore
    /// End the call with this status.
    case fail(RPCStatus)
  }

  /// A whole request message arrived.
  public mutating func message() -> OnMessage {
    guard outbound != .ended else { return .ignore }
    requestCount += 1
    if expectsOneRequest, requestCount > 1 {
      return .fail(
        RPCStatus(code: .internalError, message: "more than one message in a unary request"))
    }
    return .deliver
  }

  /// What to do with the end of the request.
  public enum OnHalfClose: Sendable, Hashable {
    /// Start the handler of a unary request, or end the handler's sequence of requests.
    case deliver
    case ignore
    /// End the call with this status.
    case fail(RPCStatus)
  }

  /// The client sent END_STREAM.
  public mutating func halfClose() -> OnHalfClose {
    guard inbound == .open else { return .ignore }
    inbound = .halfClosed
    guard outbound != .ended else { return .ignore }
    if expectsOneRequest, requestCount == 0 {
      return .fail(RPCStatus(code: .internalError, message: "the request has no message"))
    }
    return .deliver
  }

  /// The handler wants its initial metadata sent.
  /// - Returns: whether to send the head now; it is sent once.
  public mutating func sendHead() -> Bool {
    guard outbound == .idle else { return false }
    outbound = .headSent
    return true
  }

  /// How to send a response message.
  public enum OnSend: Sendable, Hashable {
    case headThenMessage
    case message
    /// The stream is over: the writer learns that the call was cancelled.
    case drop
  }

  /// The handler wrote a response message.
  public mutating func sendMessage() -> OnSend {
    switch outbound {
    case .idle:
      outbound = .headSent
      return .headThenMessage
    case .headSent: return .message
    case .ended: return .drop
    }
  }

  /// How to end the response.
  public enum OnFinish: Sendable, Hashable {
    /// One header block that ends the stream: head and status together.
    case trailersOnly(thenReset: Bool)
    case trailers(thenReset: Bool)
    /// The stream is over.
    case drop
  }

  /// The call has a status.
  ///
  /// `thenReset` asks for RST_STREAM(NO_ERROR) behind the trailers: the client has not finished its
  /// request, and nobody will read the rest of it (RFC 9113 §8.1).
  public mutating func finish() -> OnFinish {
    defer { outbound = .ended }
    switch outbound {
    case .idle: return .trailersOnly(thenReset: inbound == .open)
    case .headSent: return .trailers(thenReset: inbound == .open)
    case .ended: return .drop
    }
  }

  /// The peer reset the stream, or the connection is gone.
  /// - Returns: whether a handler has to be cancelled.
  public mutating func reset() -> Bool {
    inbound = .halfClosed
    guard outbound != .ended else { return false }
    outbound = .ended
    return true
  }
}
