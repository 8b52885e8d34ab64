import RPCCore

/// How the program ends: what scripts may rely on. Printed by `rollcall --help`.
enum ProgramExit: Int32, CaseIterable, Sendable {
  case done = 0
  case failed = 1
  case invalid = 2
  case notFound = 3
  case notAllowed = 4
  case refused = 5
  case unreachable = 6
  case rolloutEnded = 7
  case rolloutPaused = 8
  case usage = 64

  var meaning: String {
    switch self {
    case .done: "done"
    case .failed: "something failed that nobody expected; the server's log knows more"
    case .invalid: "the server does not take what was asked: a value is wrong"
    case .notFound: "no such model, device, deployment or rollout in this org"
    case .notAllowed: "not logged in, or the key's roles do not allow it"
    case .refused: "not in this state: it exists, has changed, or must be paused first"
    case .unreachable: "no server there, too slow, or too busy; trying again later may help"
    case .rolloutEnded: "the watched rollout was rolled back or aborted instead of completed"
    case .rolloutPaused: "the watched rollout was paused, and --exit-on-pause given"
    case .usage: "the command line is wrong"
    }
  }

  init(_ code: StatusCode) {
    switch code {
    case .ok: self = .done
    case .invalidArgument, .outOfRange: self = .invalid
    case .notFound: self = .notFound
    case .unauthenticated, .permissionDenied: self = .notAllowed
    case .failedPrecondition, .alreadyExists, .aborted: self = .refused
    case .unavailable, .deadlineExceeded, .resourceExhausted: self = .unreachable
    case .cancelled, .unknown, .unimplemented, .internalError, .dataLoss: self = .failed
    }
  }
}
