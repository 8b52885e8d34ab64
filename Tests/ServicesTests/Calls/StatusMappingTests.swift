import Domain
import Logging
import ProtoWire
import RPCCore
import Store
import Testing

@testable import Services

@Suite struct StatusMappingTests {
  struct Surprise: Error, CustomStringConvertible {
    var description: String { "secret detail" }
  }

  let mapping = StatusMapping(logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }) {
    "call-1"
  }
  let context = ServerContext(
    method: AnyMethodDescriptor(service: "s", name: "m", kind: .unary))

  @Test(
    "Every error has one ErrorInfo, and the details that apply",
    arguments: [
      (
        ServiceError.notFound(.device, id: "d") as any Error, StatusCode.notFound,
        "RESOURCE_NOT_FOUND", "ResourceInfo"
      ),
      (
        ServiceError.alreadyExists(.model, name: "m"), .alreadyExists, "RESOURCE_EXISTS",
        "ResourceInfo"
      ),
      (
        ServiceError.invalid(field: "f", message: "m"), .invalidArgument, "INVALID_FIELD",
        "BadRequest"
      ),
      (
        ServiceError.etagMismatch(.model, id: "m", given: "1", current: "2"), .aborted,
        "ETAG_MISMATCH", "ResourceInfo"
      ),
      (
        ServiceError.precondition(.lastAdmin, subject: "principal:p", message: "m"),
        .failedPrecondition, "LAST_ADMIN", "PreconditionFailure"
      ),
      (
        DomainError.invalid(field: "f", message: "m"), .invalidArgument, "INVALID_FIELD",
        "BadRequest"
      ),
      (
        DomainError.illegalTransition(
          resource: "rollout", event: "pause", current: "PAUSED", required: ["PROGRESSING"]),
        .failedPrecondition, "ILLEGAL_TRANSITION", "PreconditionFailure"
      ),
      (StoreError.storageFull, .resourceExhausted, "STORAGE_FULL", "RetryInfo"),
      (
        StoreError.overloaded(waiting: 2, limit: 1), .resourceExhausted, "OVERLOADED",
        "QuotaFailure"
      ),
      (
        StoreError.compacted(requested: 1, oldest: 5), .outOfRange, "REVISION_COMPACTED",
        "ErrorInfo"
      ),
      (
        StoreError.futureRevision(requested: 9, newest: 5), .outOfRange, "REVISION_IN_FUTURE",
        "ErrorInfo"
      ),
      (
        StoreError.requestIDReused(requestID: "r"), .alreadyExists, "REQUEST_ID_REUSED", "ErrorInfo"
      ),
      (StoreError.invalidPageToken, .invalidArgument, "INVALID_PAGE_TOKEN", "BadRequest"),
      (StoreError.closed, .unavailable, "SHUTTING_DOWN", "RetryInfo"),
      (StoreError.failure("secret detail"), .internalError, "INTERNAL", "RequestInfo"),
      (
        StoreError.constraint(kind: "unique", name: "secret detail"), .alreadyExists,
        "RESOURCE_EXISTS", "ErrorInfo"
      ),
      (
        StoreError.constraint(kind: "check", name: "secret detail"), .internalError, "INTERNAL",
        "RequestInfo"
      ),
      (
        ArtifactError.digestMismatch(announced: "a", received: "b"), .invalidArgument,
        "ARTIFACT_MISMATCH", "BadRequest"
      ),
      (
        ArtifactError.tooLarge(size: 2, limit: 1), .resourceExhausted, "ARTIFACT_TOO_LARGE",
        "QuotaFailure"
      ),
      (
        ArtifactError.io(operation: "secret detail", path: "", code: 5), .internalError,
        "INTERNAL", "RequestInfo"
      ),
      (CancellationError(), .cancelled, "CANCELLED", "ErrorInfo"),
      (Surprise(), .internalError, "INTERNAL", "RequestInfo"),
    ] as [(any Error, StatusCode, String, String)])
  func mapping(error: any Error, code: StatusCode, reason: String, detail: String) {
    let mapped = mapping.error(error, context)
    #expect(mapped.code == code)
    #expect(mapped.reason == reason)
    #expect(mapped.details.contains { $0.typeUrl == "type.googleapis.com/google.rpc.\(detail)" })
    #expect(!mapped.message.contains("secret"))
    #expect(!mapped.message.isEmpty)
  }

  @Test func `an RPCError passes unchanged`() {
    let error = RPCError(.dataLoss, "gone")
    #expect(mapping.error(error, context) == error)
  }

  @Test func `reasons are spelled as the convention says`() {
    for reason in Reason.allCases {
      #expect(reason.rawValue.utf8.count <= 63)
      #expect(reason.rawValue.allSatisfy { $0.isUppercase || $0 == "_" })
    }
  }
}
