import Glibc

/// Listens, lets the system accept, and never says a word.
struct SilentServer {
  private let socket: Int32
  let port: Int

  struct Failure: Error {
    var errno: Int32
  }

  init() throws {
    socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let socket = socket
    let result = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
        bind(socket, pointer, size) == 0 && listen(socket, 8) == 0
          && getsockname(socket, pointer, &size) == 0
      }
    }
    guard result else { throw Failure(errno: errno) }
    port = Int(UInt16(bigEndian: address.sin_port))
  }

  func close() {
    Glibc.close(socket)
  }
}
