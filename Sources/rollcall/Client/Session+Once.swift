import RPCCore

extension Session {
  /// For calls whose answer shows a secret: a repetition's answer comes without it, so such a call is repeated only when the
  /// server cannot have executed it.
  var once: CallOptions {
    var options = options
    options.retry?.scope = .idempotentMethods
    return options
  }
}
