public import Logging
public import RPCCore

/// How a server listens, and its limits.
public struct ServerConfiguration: Sendable {
  public var host: String
  /// 0: any free one; `RPCServer.port` tells.
  public var port: Int
  /// nil: clear text (h2c with prior knowledge).
  public var tls: ServerTLS?
  /// Whether `start` raises the process's limit of open files as far as it may: a connection is one, and 1,024 is a common default.
  public var raisesDescriptorLimit = true
  /// Threads that serve connections.
  public var eventLoops: Int
  public var limits: ServerLimits
  /// What a method's calls may cost, asked once for each method when the server is made.
  public var methodLimits: @Sendable (AnyMethodDescriptor) -> MethodLimits
  /// Whether reflection is served.
  public var reflection: Bool
  /// The `domain` of the `google.rpc.ErrorInfo` that every error gets which does not bring one, with the code's name as its reason; nil: none is added.
  public var errorDomain: String?
  public var logger: Logger

  public init(
    host: String = "127.0.0.1", port: Int = 0, tls: ServerTLS? = nil, eventLoops: Int = 1,
    limits: ServerLimits = .init(),
    methodLimits: @escaping @Sendable (AnyMethodDescriptor) -> MethodLimits =
      MethodLimits.standard, reflection: Bool = true,
    errorDomain: String? = nil, logger: Logger = Logger(label: "rpc.server")
  ) {
    self.host = host
    self.port = port
    self.tls = tls
    self.eventLoops = eventLoops
    self.limits = limits
    self.methodLimits = methodLimits
    self.reflection = reflection
    self.errorDomain = errorDomain
    self.logger = logger
  }
}
