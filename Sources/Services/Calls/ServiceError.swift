/// Why a service refuses a call. ``StatusMapping`` turns it into a status with details.
public enum ServiceError: Error, Sendable, Hashable {
  /// No key, or one that is not accepted. Which of the reasons a key is not accepted for is not told.
  case unauthenticated(Reason)
  /// The caller's roles do not suffice.
  case permissionDenied(String)
  /// A field of the request is wrong, whatever the state of the system.
  case invalid(field: String, message: String)
  /// There is no such thing in the caller's org.
  case notFound(ResourceKind, id: String)
  /// A sibling of that name exists.
  case alreadyExists(ResourceKind, name: String)
  /// The resource changed since its etag was read.
  case etagMismatch(ResourceKind, id: String, given: String, current: String)
  /// The system is not in the state the call needs; `subject` is `kind:id`.
  case precondition(Reason, subject: String, message: String)
  /// A position lies outside what exists now.
  case outOfRange(Reason, message: String, metadata: [String: String])
}

extension ServiceError {
  /// A failed precondition of one resource.
  static func precondition(
    _ reason: Reason, _ kind: ResourceKind, _ id: String, _ message: String
  ) -> ServiceError {
    .precondition(reason, subject: "\(kind.rawValue):\(id)", message: message)
  }
}
