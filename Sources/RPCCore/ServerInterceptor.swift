/// Sees every call of a server twice: before its request is decoded and after its status is known.
///
/// Both run on the call's event loop and must not block it: a bounded lookup is fine, waiting is not.
public protocol ServerInterceptor: Sendable {
  /// Authenticates, limits, annotates. Throwing an `RPCError` refuses the call with it; the handler never starts, and the interceptors after this one are not asked.
  func callStarted(_ context: ServerContext) throws

  /// Called once per call, refused ones included, for each interceptor whose `callStarted` was called.
  func callFinished(_ context: ServerContext, status: RPCStatus)
}

extension ServerInterceptor {
  public func callStarted(_ context: ServerContext) throws {}
  public func callFinished(_ context: ServerContext, status: RPCStatus) {}
}
