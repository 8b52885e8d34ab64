import NIOCore
import NIOPosix
import Transport

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Says in a few words why a socket did not connect.
enum ConnectFailure {
  static func reason(_ error: any Error) -> CloseReason {
    switch error {
    case let error as NIOConnectionError:
      if let failure = error.connectionErrors.first { return reason(failure.error) }
      return "the host name was not found"
    case let error as IOError:
      return CloseReason(String(cString: strerror(error.errnoCode)))
    case ChannelError.connectTimeout(let amount):
      return "no connection within \(amount.nanoseconds / 1_000_000) ms"
    default:
      return CloseReason(error)
    }
  }

  private typealias ChannelError = NIOCore.ChannelError
}
