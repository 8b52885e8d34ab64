import HTTP2
import NIOCore

/// The timers of one connection as a table looked at twice a second instead of as timers of their own. Pure; times are nanoseconds of one monotonic clock.
struct ConnectionClock {
  /// What is to be done about a connection.
  enum Verdict: Hashable {
    case fine
    /// Send a PING: nothing was heard for the keepalive interval.
    case ping
    /// End it with GOAWAY and this reason.
    case close(Reason)
  }

  enum Reason: String, Hashable {
    case preface = "no complete preface in time"
    case settingsAcknowledgement = "SETTINGS were not acknowledged in time"
    case headerBlock = "a header block was not completed in time"
    case idle = "no stream was open for the idle time"
    case keepalive = "a keepalive PING was not answered in time"

    /// What the GOAWAY says: only who keeps the connection busy without end is asked to calm down.
    var code: Session.ResetCode {
      switch self {
      case .preface: .protocolError
      case .settingsAcknowledgement: .settingsTimeout
      case .headerBlock: .enhanceYourCalm
      case .idle, .keepalive: .noError
      }
    }
  }

  let limits: ConnectionLimits
  private let openedAt: Int64
  private var heardAt: Int64
  private var isPrefaceComplete = false
  private var areSettingsAcknowledged = false
  /// The header block that is incomplete, and since when; 0: none.
  private var headerBlock = 0
  private var headerBlockSince: Int64 = 0
  private var idleSince: Int64?
  private var pingedAt: Int64?

  init(limits: ConnectionLimits, now: Int64) {
    self.limits = limits
    openedAt = now
    heardAt = now
    idleSince = now
  }

  /// Bytes arrived; `headerBlock` is the number of the one that they leave incomplete, or 0.
  mutating func heard(now: Int64, headerBlock: Int) {
    heardAt = now
    pingedAt = nil
    if headerBlock != self.headerBlock {
      self.headerBlock = headerBlock
      headerBlockSince = now
    }
  }

  /// The client has sent a frame, so its preface is complete.
  mutating func prefaceCompleted() { isPrefaceComplete = true }

  mutating func settingsAcknowledged() {
    isPrefaceComplete = true
    areSettingsAcknowledged = true
  }

  /// Looks at every timer; `openStreams` as of now.
  mutating func look(now: Int64, openStreams: Int) -> Verdict {
    func passed(_ since: Int64, _ limit: TimeAmount) -> Bool { now - since >= limit.nanoseconds }
    if !isPrefaceComplete, passed(openedAt, limits.preface) { return .close(.preface) }
    if !areSettingsAcknowledged, passed(openedAt, limits.settingsAcknowledgement) {
      return .close(isPrefaceComplete ? .settingsAcknowledgement : .preface)
    }
    if headerBlock != 0, passed(headerBlockSince, limits.headerBlock) {
      return .close(.headerBlock)
    }
    if openStreams > 0 {
      idleSince = nil
    } else if let since = idleSince {
      if let idle = limits.idle, passed(since, idle) { return .close(.idle) }
    } else {
      idleSince = now
    }
    if let pinged = pingedAt {
      if passed(pinged, limits.keepaliveTimeout) { return .close(.keepalive) }
    } else if let interval = limits.keepaliveInterval, passed(heardAt, interval) {
      pingedAt = now
      return .ping
    }
    return .fine
  }
}
