/// The response of a unary call with what came beside it.
public struct UnaryResponse<Response: Sendable>: Sendable {
  public var message: Response
  /// What the server sent before the message.
  public var metadata: Metadata
  /// What the server sent with the status.
  public var trailers: Metadata

  public init(message: Response, metadata: Metadata = Metadata(), trailers: Metadata = Metadata()) {
    self.message = message
    self.metadata = metadata
    self.trailers = trailers
  }
}
