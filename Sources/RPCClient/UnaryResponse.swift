public import RPCCore

/// The response of a unary call with what came beside it.
public struct UnaryResponse<Response: Sendable>: Sendable {
  /// The message.
  public var message: Response
  /// What the server sent before the message.
  public var metadata: Metadata
  /// What the server sent with the status.
  public var trailers: Metadata
}
