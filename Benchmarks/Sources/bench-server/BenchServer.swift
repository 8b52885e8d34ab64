import BenchAPI
import RPCCore
import RPCServer

/// `bench-server --listen HOST:PORT [--loops N]`: the service of `bench/v1/bench.proto` with the records that all peers of the measurement serve.
@main
struct BenchServer {
  struct Options {
    var host = "127.0.0.1"
    var port = 9000
    var loops = 1

    init(_ arguments: [String]) throws {
      var rest = arguments[...]
      while let name = rest.popFirst() {
        guard let value = rest.popFirst() else { throw Problem.usage("\(name) needs a value") }
        switch name {
        case "--listen":
          let parts = value.split(separator: ":")
          guard parts.count == 2, let port = Int(parts[1]) else {
            throw Problem.usage("\(value) is not HOST:PORT")
          }
          host = String(parts[0])
          self.port = port
        case "--loops":
          guard let loops = Int(value), loops > 0 else {
            throw Problem.usage("\(value) is not a number of event loops")
          }
          self.loops = loops
        default: throw Problem.usage("\(name) is not an option: --listen HOST:PORT --loops N")
        }
      }
    }
  }

  enum Problem: Error { case usage(String) }

  static func main() async throws {
    let options = try Options(Array(CommandLine.arguments.dropFirst()))
    var configuration = ServerConfiguration(
      host: options.host, port: options.port, eventLoops: options.loops)
    configuration.limits.maxConcurrentStreams = 1000
    let server = try RPCServer(
      configuration: configuration, services: [BenchService().registration])
    try await server.start()
    print("listening on \(options.host):\(server.port)")
    await server.run()
  }
}
