public import ProtoWire

/// A call that failed, as the peer sees it: code, message and details travel to the other side, so nothing secret belongs in them.
///
/// A handler throws it to choose the status. Any other error a handler throws becomes `INTERNAL` with a generic text.
public struct RPCError: Error, Sendable, Hashable {
  /// Never `.ok`: a call that ends well throws nothing. `.ok` given here counts as `.unknown`.
  public var code: StatusCode
  /// For people. UTF-8; percent-encoded on the wire.
  public var message: String
  /// Typed details (`google.rpc.*` packed into `Any`), sent as `grpc-status-details-bin`.
  public var details: [Google_Protobuf_Any]
  /// Trailing metadata: on a server sent with the status, on a client what came with it.
  public var metadata: Metadata
  /// On a client what the server sent before it failed the call, empty when that was nothing. A server
  /// sends `ServerContext.initialMetadata` instead.
  public var initialMetadata = Metadata()

  public init(
    _ code: StatusCode, _ message: String = "", details: [Google_Protobuf_Any] = [],
    metadata: Metadata = Metadata()
  ) {
    self.code = code == .ok ? .unknown : code
    self.message = message
    self.details = details
    self.metadata = metadata
  }

  public init(
    code: StatusCode, message: String, details: [Google_Protobuf_Any] = [],
    metadata: Metadata = Metadata()
  ) {
    self.init(code, message, details: details, metadata: metadata)
  }

  public var status: RPCStatus { RPCStatus(code: code, message: message) }

  /// What a thrown error means to the peer: an `RPCError` is itself, cancellation is `CANCELLED`, all else is `INTERNAL` without a hint of what happened.
  public init(wrapping error: any Error) {
    switch error {
    case let error as RPCError: self = error
    case is CancellationError: self.init(.cancelled, "the call was cancelled")
    default: self.init(.internalError, "internal error")
    }
  }
}

extension RPCError: CustomStringConvertible {
  public var description: String { status.description }
}
