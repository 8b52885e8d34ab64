/// What a channel is doing about its connection.
///
/// Source: "gRPC Connectivity Semantics and API".
public enum ConnectivityState: UInt8, Sendable, Hashable, CaseIterable {
  /// No connection, and nobody asks for one.
  case idle
  /// Trying the addresses, one after the other.
  case connecting
  /// Connected; the server's SETTINGS have arrived.
  case ready
  /// No address answered; waiting before the next attempt. Calls that do not wait fail.
  case transientFailure
  /// Closed for good.
  case shutdown
}
