import Glibc
import ProtoWire
import RPCClient
import RPCCore
import Store
import Transport

/// A failure as it is told to a person: what happened, why, and what to do next. Never a stack trace.
struct Complaint: Error, Equatable, CustomStringConvertible {
  let what: String
  /// More about it, a line each.
  var why: [String] = []
  /// What to do next.
  var next: String?
  let status: ProgramExit

  init(_ what: String, why: [String] = [], next: String? = nil, status: ProgramExit) {
    self.what = what
    self.why = why
    self.next = next
    self.status = status
  }

  /// "rollcall: what" and the rest indented below.
  var description: String {
    let lines = ["rollcall: " + what] + why.map { "  " + $0 } + (next.map { ["  → " + $0] } ?? [])
    return lines.map(TextTable.oneLine).joined(separator: "\n")
  }

  static let noKey = Complaint(
    "no API key is set",
    next:
      "rollcall login --key sk-…   (the server wrote an admin key to its data folder at first start)",
    status: .notAllowed)

  static let notAKey = Complaint(
    "the API key holds characters that no key has",
    next: "copy it again: sk-… of letters, digits, hyphens and underscores, nothing else",
    status: .invalid)

  static let halfAnIdentity = Complaint(
    "--tls-cert and --tls-key belong together", next: "give both, or neither", status: .usage)

  /// Any failure of a command; nil for those that the argument parser tells better itself.
  init?(wrapping error: any Error, server: String = "this address") {
    switch error {
    case let complaint as Complaint: self = complaint
    case let error as RPCError: self.init(error, server: server)
    case .target(_) as ChannelError:
      self.init(
        "\(error)", next: "name a server as host:port with --server", status: .invalid)
    case let error as ChannelError: self.init(error.description, status: .invalid)
    case let failure as Terminal.Failure:
      self.init(
        "the output cannot be written: \(String(cString: strerror(failure.code)))",
        next: "the server had answered: look before you repeat what changes something",
        status: .failed)
    case let failure as ClientProfile.Failure:
      self.init(failure.description, next: failure.next, status: .failed)
    case let error as BackupError: self.init(error)
    case let failure as DemoData.Failure: self.init(failure.description, status: .failed)
    case is CancellationError: self.init("interrupted", status: .failed)
    default: return nil
    }
  }

  /// What a call's end means to the person who asked for it. `server` is the address that was called.
  init(_ error: RPCError, server: String) {
    var why: [String] = []
    var reason = ""
    var retryAfter: Int64?
    for detail in error.details {
      if let info = try? detail.unpacked(as: Google_Rpc_ErrorInfo.self) {
        reason = info.reason
      } else if let request = try? detail.unpacked(as: Google_Rpc_BadRequest.self) {
        why += request.fieldViolations.filter { $0.description != error.message }
          .map { "\($0.field): \($0.description)" }
      } else if let failure = try? detail.unpacked(as: Google_Rpc_PreconditionFailure.self) {
        why += failure.violations.map { "\($0.subject): \($0.description)" }
      } else if let failure = try? detail.unpacked(as: Google_Rpc_QuotaFailure.self) {
        why += failure.violations.map { "\($0.subject): \($0.description)" }
      } else if let retry = try? detail.unpacked(as: Google_Rpc_RetryInfo.self) {
        retryAfter = max(1, retry.retryDelay?.seconds ?? 1)
      }
    }
    why.removeAll { error.message.contains($0) }
    self.init(
      Self.sentence(error, server: server), why: why,
      next: Self.next(error, reason: reason, server: server, retryAfter: retryAfter),
      status: ProgramExit(error.code))
  }

  private static func sentence(_ error: RPCError, server: String) -> String {
    switch error.code {
    case .unavailable: "the server at \(server) cannot be reached: \(error.message)"
    case .deadlineExceeded: "the server at \(server) did not answer in time"
    case .cancelled: "the call was cancelled"
    case .unimplemented: "the server at \(server) does not know this call: \(error.message)"
    case .internalError, .unknown, .dataLoss:
      "the server at \(server) failed: \(error.message.isEmpty ? error.code.name : error.message)"
    default: error.message.isEmpty ? "the server refused: \(error.code.name)" : error.message
    }
  }

  private static func next(_ error: RPCError, reason: String, server: String, retryAfter: Int64?)
    -> String?
  {
    let code = error.code
    switch reason {
    case "ETAG_MISMATCH": return "somebody changed it meanwhile: look again, then repeat"
    case "ROLLOUT_PROGRESSING": return "rollcall rollouts pause … first"
    case "EXPOSURE_REGRESSION": return "add --allow-regression if devices may go back"
    case "ARTIFACT_LOST": return "push the same file to the version again: that restores it"
    case "REVISION_COMPACTED": return "watch again: that begins with what is now"
    default: break
    }
    if code == .unavailable, let advice = advice(reason) { return advice }
    if let retryAfter { return "try again in \(Figures.span(seconds: retryAfter))" }
    switch code {
    case .unavailable where reason == "SHUTTING_DOWN": return "try again once it is back"
    case .unavailable: return "start one with `rollcall serve`, or name another with --server"
    case .deadlineExceeded: return "try again, or wait longer with --timeout"
    case .unauthenticated: return "rollcall login --server \(server) --key sk-…"
    case .permissionDenied: return "`rollcall whoami` shows what the key may do"
    case .unimplemented: return "client and server may be of different versions: rollcall --version"
    case .resourceExhausted: return "try again a little later"
    case .internalError, .unknown, .dataLoss: return "the server's log has the details"
    default: return nil
    }
  }

  /// What to do about a connection that did not come about, by the reason that the client names; nil: nothing special.
  private static func advice(_ reason: String) -> String? {
    switch CloseReason.Kind(rawValue: reason) {
    case .speaksNoTLS: "call it with --no-tls, or name its TLS port with --server"
    case .hungUp: "does it speak TLS? if not: --no-tls"
    case .refused:
      "if it serves without TLS: --no-tls; if it wants a certificate: --tls-cert and --tls-key"
    case .certificateRequired: "show one with --tls-cert FILE --tls-key FILE"
    case .certificateRefused: "--tls-cert must be signed by an authority that the server trusts"
    case .untrusted: "name the server's authority with --tls-ca FILE"
    case .otherName: "call the server by a name that its certificate holds"
    case .closedByPeer: "does it speak TLS only? then --tls, or --tls-ca FILE"
    case nil: nil
    }
  }
}
