import RPCServer

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// `interop-server --listen HOST:PORT`: serves `grpc.testing.TestService` until it is killed.
@main
struct Main {
  static func main() async throws {
    let arguments = CommandLine.arguments
    guard arguments.count == 3, arguments[1] == "--listen",
      let colon = arguments[2].lastIndex(of: ":"),
      let port = Int(arguments[2][arguments[2].index(after: colon)...])
    else {
      print("usage: interop-server --listen HOST:PORT")
      exit(2)
    }
    let server = try RPCServer(
      configuration: ServerConfiguration(host: String(arguments[2][..<colon]), port: port),
      services: [TestService().registration])
    try await server.start()
    print("interop-server listens on port \(server.port)")
    await server.run()
  }
}
