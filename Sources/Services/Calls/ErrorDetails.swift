internal import ProtoWire
internal import RPCCore

/// What a server of these services says of itself in errors that are not theirs.
public enum ErrorDomain {
  /// The domain of every ErrorInfo.
  public static let name = ErrorDetails.domain
}

extension String {
  /// What an error quotes of a text of the caller, so that a hostile one costs nothing more.
  var excerpt: String { excerpt(256) }

  /// The first `limit` bytes, or all of them.
  func excerpt(_ limit: Int) -> String {
    guard utf8.count > limit else { return self }
    var end = utf8.index(startIndex, offsetBy: limit)
    while end.samePosition(in: unicodeScalars) == nil { end = utf8.index(before: end) }
    return self[..<end] + "…"
  }
}

/// Builds an error of the API: a status with exactly one ErrorInfo and whatever else applies.
enum ErrorDetails {
  /// Who defines our reasons.
  static let domain = "rollcall"

  /// An error with its ErrorInfo first; metadata keys are lowerCamelCase.
  static func error(
    _ code: StatusCode, _ reason: Reason, _ message: String, metadata: [String: String] = [:],
    with more: [any Message] = []
  ) -> RPCError {
    var info = Google_Rpc_ErrorInfo()
    info.reason = reason.rawValue
    info.domain = domain
    info.metadata = metadata.mapValues(\.excerpt)
    return RPCError(code, message, details: [pack(info)] + more.map { pack($0) })
  }

  static func badRequest(field: String, message: String, reason: Reason) -> Google_Rpc_BadRequest {
    var violation = Google_Rpc_BadRequest.FieldViolation()
    violation.field = field
    violation.description = message
    violation.reason = reason.rawValue
    var detail = Google_Rpc_BadRequest()
    detail.fieldViolations = [violation]
    return detail
  }

  static func preconditionFailure(
    _ reason: Reason, subject: String, message: String
  ) -> Google_Rpc_PreconditionFailure {
    var violation = Google_Rpc_PreconditionFailure.Violation()
    violation.type = reason.rawValue
    violation.subject = subject
    violation.description = message
    var detail = Google_Rpc_PreconditionFailure()
    detail.violations = [violation]
    return detail
  }

  static func quotaFailure(subject: String, message: String) -> Google_Rpc_QuotaFailure {
    var violation = Google_Rpc_QuotaFailure.Violation()
    violation.subject = subject
    violation.description = message
    var detail = Google_Rpc_QuotaFailure()
    detail.violations = [violation]
    return detail
  }

  static func retry(after milliseconds: Int32) -> Google_Rpc_RetryInfo {
    var detail = Google_Rpc_RetryInfo()
    detail.retryDelay = Google_Protobuf_Duration(.milliseconds(milliseconds))
    return detail
  }

  static func resource(
    _ kind: ResourceKind, name: String, message: String
  ) -> Google_Rpc_ResourceInfo {
    var detail = Google_Rpc_ResourceInfo()
    detail.resourceType = kind.messageName
    detail.resourceName = name
    detail.description = message
    return detail
  }

  static func request(_ id: String) -> Google_Rpc_RequestInfo {
    var detail = Google_Rpc_RequestInfo()
    detail.requestId = id
    return detail
  }

  static func pack(_ message: any Message) -> Google_Protobuf_Any {
    var packed = Google_Protobuf_Any()
    packed.typeUrl = "type.googleapis.com/" + type(of: message).fullName
    packed.value = message.serialized(deterministic: true)
    return packed
  }
}
