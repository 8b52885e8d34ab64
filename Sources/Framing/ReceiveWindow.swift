/// Decides when the flow-control window of a stream is given back to the peer.
///
/// A message's bytes are returned when the application TAKES the message, so a reader that does not
/// read stops its peer. Bytes of a message that is still arriving are returned at once while no
/// complete message waits: a message larger than the window could never complete otherwise. What a
/// stream can hold is thus bounded by one window plus one message of the largest legal size.
public struct ReceiveWindow: Sendable {
  /// Bytes received and not yet given back.
  public private(set) var held = 0

  /// Complete messages that nobody has taken.
  public private(set) var waiting = 0

  public init() {}

  /// `bytes` of DATA arrived and completed `messages`.
  /// - Returns: bytes to give back now.
  public mutating func received(_ bytes: Int, completing messages: Int) -> Int {
    held += bytes
    waiting += messages
    return waiting == 0 ? releaseAll() : 0
  }

  /// The application took a message of `wireLength` bytes, prefix included.
  /// - Returns: bytes to give back now.
  public mutating func took(wireLength: Int) -> Int {
    waiting -= 1
    if waiting == 0 { return releaseAll() }
    let bytes = min(wireLength, held)
    held -= bytes
    return bytes
  }

  /// The stream is over or its reader gone: nothing will be taken any more.
  /// - Returns: bytes to give back to the connection.
  public mutating func abandon() -> Int {
    waiting = 0
    return releaseAll()
  }

  private mutating func releaseAll() -> Int {
    defer { held = 0 }
    return held
  }
}
