/// The etag of a resource: the revision of its last change, as text.
enum Etag {
  static func text(_ revision: Int64) -> String { String(revision) }

  /// Refuses a given etag that is not the current one; an empty one was not given.
  static func check(
    _ given: String, _ kind: ResourceKind, _ id: String, revision: Int64
  ) throws(ServiceError) {
    if given.isEmpty { return }
    let current = text(revision)
    guard given == current else {
      throw .etagMismatch(kind, id: id, given: given, current: current)
    }
  }

  /// As ``check(_:_:_:revision:)`` for calls that demand one.
  static func require(
    _ given: String, _ kind: ResourceKind, _ id: String, revision: Int64
  ) throws(ServiceError) {
    guard !given.isEmpty else {
      throw .invalid(field: "etag", message: "is required: read the \(kind.noun) first")
    }
    try check(given, kind, id, revision: revision)
  }
}
