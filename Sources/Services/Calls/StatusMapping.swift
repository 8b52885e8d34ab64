internal import Domain
internal import Logging
internal import RPCCore
internal import Store

/// From what went wrong to what the caller is told. The switches have no default: a new case of a
/// leaf's error does not compile until somebody decided about it.
struct StatusMapping: Sendable {
  let logger: Logger
  /// Makes the id under which an unexpected error is found in the log.
  let makeCallID: @Sendable () -> String

  func error(_ error: any Error, _ context: ServerContext) -> RPCError {
    switch error {
    case let error as RPCError: error
    case let error as ServiceError: Self.map(error)
    case let error as DomainError: Self.map(error)
    case let error as StoreError: map(error, context)
    case let error as ArtifactError: map(error, context)
    case is CancellationError:
      ErrorDetails.error(.cancelled, .cancelled, "the call was cancelled")
    default: unexpected("\(error)", context)
    }
  }

  // MARK: Services

  static func map(_ error: ServiceError) -> RPCError {
    switch error {
    case .unauthenticated(let reason):
      return ErrorDetails.error(
        .unauthenticated, reason,
        reason == .apiKeyMissing
          ? "no API key: send the metadata \"authorization: Bearer sk-…\""
          : "the API key is not accepted")
    case .permissionDenied(let message):
      return ErrorDetails.error(.permissionDenied, .roleMissing, message)
    case .invalid(let field, let message):
      let (field, message) = (field.excerpt, message.excerpt(1024))
      return ErrorDetails.error(
        .invalidArgument, .invalidField, "\(field): \(message)", metadata: ["field": field],
        with: [
          ErrorDetails.badRequest(field: field, message: message, reason: .invalidField)
        ])
    case .notFound(let kind, let id):
      let id = id.excerpt
      let message = "there is no \(kind.noun) \"\(id)\""
      return ErrorDetails.error(
        .notFound, .notFound, message,
        metadata: ["resourceType": kind.rawValue, "resourceId": id],
        with: [ErrorDetails.resource(kind, name: id, message: message)])
    case .alreadyExists(let kind, let name):
      let name = name.excerpt
      let message = "a \(kind.noun) named \"\(name)\" exists already"
      return ErrorDetails.error(
        .alreadyExists, .alreadyExists, message,
        metadata: ["resourceType": kind.rawValue, "name": name],
        with: [ErrorDetails.resource(kind, name: name, message: message)])
    case .etagMismatch(let kind, let id, let given, let current):
      let (id, given) = (id.excerpt, given.excerpt)
      let message =
        "the \(kind.noun) \"\(id)\" has changed: its etag is \"\(current)\", not \"\(given)\""
      return ErrorDetails.error(
        .aborted, .etagMismatch, message,
        metadata: ["resourceType": kind.rawValue, "resourceId": id, "etag": current],
        with: [ErrorDetails.resource(kind, name: id, message: message)])
    case .precondition(let reason, let subject, let message):
      return precondition(reason, subject: subject, message: message)
    case .outOfRange(let reason, let message, let metadata):
      return ErrorDetails.error(.outOfRange, reason, message, metadata: metadata)
    }
  }

  private static func precondition(
    _ reason: Reason, subject: String, message: String, metadata: [String: String] = [:]
  ) -> RPCError {
    let (subject, message) = (subject.excerpt, message.excerpt(1024))
    return ErrorDetails.error(
      .failedPrecondition, reason, message,
      metadata: metadata.merging(["subject": subject]) { given, _ in given },
      with: [ErrorDetails.preconditionFailure(reason, subject: subject, message: message)])
  }

  // MARK: Domain

  static func map(_ error: DomainError) -> RPCError {
    switch error {
    case .invalid(let field, let message):
      return map(ServiceError.invalid(field: field, message: message))
    case .illegalTransition(let resource, let event, let current, let required):
      return precondition(
        .illegalTransition, subject: resource, message: error.description,
        metadata: [
          "event": event, "currentState": current,
          "requiredStates": required.joined(separator: ","),
        ])
    case .regression(let current, let requested):
      return precondition(
        .exposureRegression, subject: "rollout", message: error.description,
        metadata: [
          "currentExposure": "\(current.millionths)",
          "requestedExposure": "\(requested.millionths)",
        ])
    case .nothingToRollBack:
      return precondition(.noRollout, subject: "deployment", message: error.description)
    }
  }

  // MARK: Store

  private func map(_ error: StoreError, _ context: ServerContext) -> RPCError {
    switch error {
    case .storageFull:
      return Self.storageFull()
    case .overloaded(let waiting, let limit):
      return ErrorDetails.error(
        .resourceExhausted, .overloaded, error.description,
        metadata: ["waiting": "\(waiting)", "limit": "\(limit)"],
        with: [
          ErrorDetails.quotaFailure(subject: "server", message: error.description),
          ErrorDetails.retry(after: 100),
        ])
    case .overdrawn(let subject, let waiting, let limit):
      return ErrorDetails.error(
        .resourceExhausted, .overloaded, error.description,
        metadata: ["subject": subject, "waiting": "\(waiting)", "limit": "\(limit)"],
        with: [
          ErrorDetails.quotaFailure(subject: subject, message: error.description),
          ErrorDetails.retry(after: 500),
        ])
    case .scanTooLong:
      return ErrorDetails.error(
        .resourceExhausted, .overloaded, error.description,
        with: [ErrorDetails.quotaFailure(subject: "call", message: error.description)])
    case .locked:
      return ErrorDetails.error(
        .unavailable, .storageLocked, error.description, with: [ErrorDetails.retry(after: 1_000)])
    case .noDescriptor:
      return Self.noDescriptor()
    // Two calls at the same moment: what the repository looked for was not there yet.
    case .constraint("unique", _), .constraint("primaryKey", _):
      return ErrorDetails.error(
        .alreadyExists, .alreadyExists, "another one of the same name was stored meanwhile")
    case .requestIDReused(let requestID):
      return ErrorDetails.error(
        .alreadyExists, .requestIDReused, error.description, metadata: ["requestId": requestID])
    case .compacted(let requested, let oldest):
      return ErrorDetails.error(
        .outOfRange, .revisionCompacted, error.description,
        metadata: ["requestedRevision": "\(requested)", "oldestRevision": "\(oldest)"])
    case .futureRevision(let requested, let newest):
      return ErrorDetails.error(
        .outOfRange, .revisionInFuture, error.description,
        metadata: ["requestedRevision": "\(requested)", "newestRevision": "\(newest)"])
    case .invalidPageToken:
      return ErrorDetails.error(
        .invalidArgument, .invalidPageToken, error.description, metadata: ["field": "page_token"],
        with: [
          ErrorDetails.badRequest(
            field: "page_token", message: error.description, reason: .invalidPageToken)
        ])
    case .interrupted:
      return ErrorDetails.error(.cancelled, .cancelled, "the call was cancelled")
    case .closed:
      return Self.shuttingDown()
    // A constraint that no repository or service turned into an answer is a bug of ours.
    case .constraint, .folderInUse, .folderUnusable, .databaseMissing, .newerDatabase,
      .changedMigration, .failure:
      return unexpected(error.description, context)
    }
  }

  private func map(_ error: ArtifactError, _ context: ServerContext) -> RPCError {
    switch error {
    case .tooLarge(let size, let limit):
      return ErrorDetails.error(
        .resourceExhausted, .artifactTooLarge, error.description,
        metadata: ["size": "\(size)", "limit": "\(limit)"],
        with: [ErrorDetails.quotaFailure(subject: "artifact", message: error.description)])
    case .sizeMismatch(let announced, let received):
      return Self.artifactMismatch(
        "header.artifact.size_bytes", error.description,
        ["announced": "\(announced)", "received": "\(received)"])
    case .digestMismatch(let announced, let received):
      return Self.artifactMismatch(
        "header.artifact.sha256", error.description,
        ["announced": announced, "received": received])
    case .storageFull: return Self.storageFull()
    case .closed: return Self.shuttingDown()
    case .noDescriptor: return Self.noDescriptor()
    case .missing(let digest), .damaged(let digest, _, _):
      logger.error("an artifact is lost", metadata: ["error": "\(error)"])
      return ErrorDetails.error(
        .dataLoss, .artifactLost, error.description, metadata: ["sha256": digest])
    case .io: return unexpected(error.description, context)
    }
  }

  private static func artifactMismatch(
    _ field: String, _ message: String, _ metadata: [String: String]
  ) -> RPCError {
    ErrorDetails.error(
      .invalidArgument, .artifactMismatch, message, metadata: metadata,
      with: [ErrorDetails.badRequest(field: field, message: message, reason: .artifactMismatch)])
  }

  private static func storageFull() -> RPCError {
    ErrorDetails.error(
      .resourceExhausted, .storageFull, "the server's disk is full",
      with: [
        ErrorDetails.quotaFailure(subject: "server", message: "the disk is full"),
        ErrorDetails.retry(after: 5_000),
      ])
  }

  private static func noDescriptor() -> RPCError {
    ErrorDetails.error(
      .resourceExhausted, .overloaded, "the server has too many files open",
      with: [
        ErrorDetails.quotaFailure(subject: "server", message: "no file descriptor is left"),
        ErrorDetails.retry(after: 1_000),
      ])
  }

  private static func shuttingDown() -> RPCError {
    ErrorDetails.error(
      .unavailable, .shuttingDown, "the server is shutting down",
      with: [ErrorDetails.retry(after: 1_000)])
  }

  // MARK: Everything else

  /// The peer gets a generic text and an id; the log gets the id and the truth.
  private func unexpected(_ description: String, _ context: ServerContext) -> RPCError {
    let id = makeCallID()
    logger.error(
      "call failed unexpectedly",
      metadata: [
        "call": "\(id)", "method": "\(context.method)", "peer": "\(context.peer)",
        "error": "\(description)",
      ])
    return ErrorDetails.error(
      .internalError, .internalError, "internal error; the server's log has it as call \(id)",
      with: [ErrorDetails.request(id)])
  }
}
