import Framing
import HTTP2
import RPCCore

/// What one call asks for, with the channel's defaults filled in.
struct CallRequest: Sendable {
  var path: [UInt8]
  var expectsOneResponse: Bool
  var deadline: Deadline?
  var metadata: Metadata
  var encoding: MessageEncoding
  var waitForReady: Bool
  var retry: RetryPolicy
  /// Whether the server may execute the call more than once.
  var isRepeatable: Bool
  /// Bytes of requests kept for a retry.
  var retryBufferBytes: Int
  var maxResponseBytes: Int

  /// The header block of one attempt.
  /// - Parameter previousAttempts: attempts that the server may have seen (gRFC A6).
  func headers(
    scheme: StaticString, authority: [UInt8], userAgent: [UInt8], previousAttempts: Int,
    now: Deadline
  ) -> RequestHeaders {
    var headers = RequestHeaders()
    headers.append(":method", "POST")
    headers.append(":scheme", scheme)
    headers.append(":path", path)
    headers.append(":authority", authority)
    headers.append("te", "trailers")
    headers.append("content-type", "application/grpc")
    headers.append("user-agent", userAgent)
    if let deadline {
      let left = deadline.remaining(from: now).clampedNanoseconds
      headers.append("grpc-timeout", GRPCTimeout.format(nanoseconds: left))
    }
    if encoding == .gzip { headers.append("grpc-encoding", "gzip") }
    headers.append("grpc-accept-encoding", MessageEncoding.acceptedNames)
    if previousAttempts > 0 {
      headers.append("grpc-previous-rpc-attempts", Array("\(previousAttempts)".utf8))
    }
    headers.append(metadata)
    return headers
  }
}
