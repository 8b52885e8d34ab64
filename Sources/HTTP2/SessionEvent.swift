/// What a session recorded, in order.
public enum SessionEvent {
  /// A request's header block is complete; whether more follows says `isRemoteClosed`.
  case headers(ServerStream.Reference)
  /// `inbound` grew.
  case data(ServerStream.Reference)
  /// The client has ended the request.
  case remoteEnd(ServerStream.Reference)
  /// The session took bytes of an `outbound` whose producer waits.
  case drained(ServerStream.Reference)
  /// The stream is gone, by this HTTP/2 error code; 0: it ended well. Release it.
  case closed(ServerStream.Reference, UInt32)
  /// The client has acknowledged the SETTINGS.
  case settingsAcknowledged
  /// A PING came back.
  case pingAcknowledged
  /// The client sends no new streams.
  case goAway(UInt32)
}

/// Why a session cannot go on. What it still has to say (GOAWAY) can be fetched; then the connection is to be closed.
public enum SessionError: Error, Hashable, Sendable {
  /// The bytes are not HTTP/2: a wrong client preface.
  case notHTTP2
  /// The client broke the protocol or a limit; the number is the C library's.
  case protocolViolation(Int)
  /// The client's invalid frames exceed `faultBurst`.
  case tooManyFaults
  /// The client's empty frames exceed `frameBudget`.
  case tooManyEmptyFrames
  /// The client's PINGs exceed `pingBurst`.
  case tooManyPings
  /// The client resets streams as soon as it has opened them, beyond `resetBurst` (CVE-2023-44487).
  case tooManyResets
  /// The C library has no memory.
  case outOfMemory

  /// What a GOAWAY says of it. Clients of gRPC know `too_many_pings` and double their keepalive interval.
  var debugText: String {
    switch self {
    case .notHTTP2: "not_http2"
    case .protocolViolation: "protocol_violation"
    case .tooManyFaults: "too_many_invalid_frames"
    case .tooManyEmptyFrames: "too_many_empty_frames"
    case .tooManyPings: "too_many_pings"
    case .tooManyResets: "too_many_resets"
    case .outOfMemory: "out_of_memory"
    }
  }
}
