public import HTTP2
public import Logging
public import Transport

/// How a server listens, and its limits. Every limit has a documented default where it is declared.
public struct ServerConfiguration: Sendable {
  public var host: String
  /// 0: any free one; `RPCServer.port` tells.
  public var port: Int
  /// nil: clear text (h2c with prior knowledge).
  public var tls: ServerTLS?
  /// Threads that serve connections.
  public var eventLoops: Int
  public var limits: ServerLimits
  public var connectionLimits: ConnectionLimits
  public var session: SessionConfiguration
  /// Whether reflection is served.
  public var reflection: Bool
  public var logger: Logger

  public init(
    host: String = "127.0.0.1", port: Int = 0, tls: ServerTLS? = nil, eventLoops: Int = 1,
    limits: ServerLimits = .init(), connectionLimits: ConnectionLimits = .init(),
    session: SessionConfiguration = .init(), reflection: Bool = true,
    logger: Logger = Logger(label: "rpc.server")
  ) {
    self.host = host
    self.port = port
    self.tls = tls
    self.eventLoops = eventLoops
    self.limits = limits
    self.connectionLimits = connectionLimits
    self.session = session
    self.reflection = reflection
    self.logger = logger
  }
}
