public import NIOCore

/// How long a connection may keep a server waiting, and how many there may be.
public struct ConnectionLimits: Sendable, Hashable {
  /// From accepting to a complete client preface and SETTINGS, TLS handshake included.
  public var preface: TimeAmount = .seconds(10)
  /// From sending SETTINGS to their acknowledgement.
  public var settingsAcknowledgement: TimeAmount = .seconds(10)
  /// From the begin of a header block to its end.
  public var headerBlock: TimeAmount = .seconds(10)
  /// Without a stream, before the connection is closed with GOAWAY; nil: never.
  public var idle: TimeAmount? = .minutes(10)
  /// Without a byte from the client, before a PING is sent; nil: never.
  public var keepaliveInterval: TimeAmount? = .seconds(60)
  /// From that PING to any byte of the client, before the connection is dropped.
  public var keepaliveTimeout: TimeAmount = .seconds(20)
  /// The time over which the minimum rate is averaged: a response that waits for its client longer, below that rate, is reset; a
  /// socket that takes less for so long is closed.
  public var noProgress: TimeAmount = .seconds(30)
  /// Bytes a second.
  public var minimumRate = 1024
  /// Connections of a server; more are closed as they are accepted. The process's limit of open files may allow fewer.
  public var maxConnections = 10_000
  /// Of those, connections of one address, of IPv6 one network of 64 bits; nil: at most as many as are left for all others.
  public var maxConnectionsPerNetwork: Int?

  public init() {}
}
