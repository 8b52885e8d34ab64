/// Whose request it is, and which: a request id is unique for one principal and method.
public struct IdempotencyKey: Sendable, Hashable {
  public var org: String
  public var principal: String
  /// Full RPC name.
  public var method: String
  public var requestID: String

  public init(org: String, principal: String, method: String, requestID: String) {
    self.org = org
    self.principal = principal
    self.method = method
    self.requestID = requestID
  }
}

/// The answer of a mutation that may be repeated.
public struct IdempotentResponse: Sendable, Hashable {
  public var bytes: [UInt8]
  /// Whether the bytes are those of an error: the mutation was carried out, and its caller refused.
  public var isRefusal: Bool
  /// True when the mutation had been carried out before and these are the stored bytes.
  public var isReplay: Bool

  public init(bytes: [UInt8], isRefusal: Bool = false, isReplay: Bool = false) {
    self.bytes = bytes
    self.isRefusal = isRefusal
    self.isReplay = isReplay
  }
}
