/// How a call ended: what an interceptor and a log see. `ok` carries no message.
public struct RPCStatus: Sendable, Hashable {
  public var code: StatusCode
  public var message: String

  public init(code: StatusCode, message: String = "") {
    self.code = code
    self.message = message
  }

  public static let ok = RPCStatus(code: .ok)
}

extension RPCStatus: CustomStringConvertible {
  public var description: String { message.isEmpty ? code.name : "\(code.name): \(message)" }
}
