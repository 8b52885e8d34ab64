import ProtoWire
import RPCCore
import Testing
import Transport

@testable import rollcall

@Suite struct ComplaintTests {
  @Test(arguments: [
    (StatusCode.notFound, ProgramExit.notFound), (.unauthenticated, .notAllowed),
    (.permissionDenied, .notAllowed), (.failedPrecondition, .refused), (.aborted, .refused),
    (.alreadyExists, .refused), (.unavailable, .unreachable), (.deadlineExceeded, .unreachable),
    (.resourceExhausted, .unreachable), (.invalidArgument, .invalid), (.outOfRange, .invalid),
    (.internalError, .failed), (.unknown, .failed), (.dataLoss, .failed), (.unimplemented, .failed),
    (.cancelled, .failed),
  ])
  func `a status becomes a documented exit code`(code: StatusCode, status: ProgramExit) {
    #expect(Complaint(RPCError(code, "why"), server: "host:1").status == status)
  }

  @Test func `a server that is not there says what to do next`() {
    let complaint = Complaint(
      RPCError(.unavailable, "connection refused"), server: "127.0.0.1:7070")
    #expect(
      complaint.description == """
        rollcall: the server at 127.0.0.1:7070 cannot be reached: connection refused
          → start one with `rollcall serve`, or name another with --server
        """)
  }

  @Test func `a watch that begins too early is begun again`() {
    let info = Google_Rpc_ErrorInfo.with { $0.reason = "REVISION_COMPACTED" }
    let error = RPCError(
      .outOfRange, "revision 1 is gone", details: [Google_Protobuf_Any(packing: info)])
    #expect(
      Complaint(error, server: "host:1").next == "watch again: that begins with what is now")
  }

  @Test func `every wrong field is named once`() {
    var request = Google_Rpc_BadRequest()
    request.fieldViolations = [
      ("model.name", "is empty"), ("model.labels", "has 65 labels, at most 64"),
    ]
    .map { field, text in
      var violation = Google_Rpc_BadRequest.FieldViolation()
      violation.field = field
      violation.description = text
      return violation
    }
    let error = RPCError(
      .invalidArgument, "the model is not valid",
      details: [Google_Protobuf_Any(packing: request)])
    #expect(
      Complaint(error, server: "host:1").description == """
        rollcall: the model is not valid
          model.name: is empty
          model.labels: has 65 labels, at most 64
        """)
  }

  @Test func `a reason has its own advice`() {
    var info = Google_Rpc_ErrorInfo()
    info.reason = "ETAG_MISMATCH"
    let error = RPCError(
      .aborted, "the rollout has changed", details: [Google_Protobuf_Any(packing: info)])
    #expect(
      Complaint(error, server: "").next == "somebody changed it meanwhile: look again, then repeat")
  }

  @Test(arguments: CloseReason.Kind.allCases)
  func `a connection that did not come about has advice by its reason, whatever its words`(
    kind: CloseReason.Kind
  ) {
    let info = Google_Rpc_ErrorInfo.with { $0.reason = kind.rawValue }
    let error = RPCError(
      .unavailable, "words", details: [Google_Protobuf_Any(packing: info)])
    let next = Complaint(error, server: "host:1").next
    #expect(next?.contains("tls") == true || kind == .otherName)
    #expect(next != Complaint(RPCError(.unavailable, "words"), server: "host:1").next)
  }

  @Test func `what a peer writes cannot move the cursor`() {
    let complaint = Complaint(RPCError(.notFound, "a\u{1b}[2Jb\nc"), server: "")
    #expect(complaint.description == "rollcall: a [2Jb c")
  }
}
