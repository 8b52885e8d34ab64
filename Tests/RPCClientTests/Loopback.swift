import RPCClient
import RPCServer

/// Runs `body` with a server and a channel to it, and closes both.
func withServer(
  server configure: (inout ServerConfiguration) -> Void = { _ in },
  client: Channel.Configuration = Channel.Configuration(),
  _ body: (Channel, EchoService, RPCServer) async throws -> Void
) async throws {
  let service = EchoService()
  let server = try await startServer(service, configure)
  let channel = try Channel(target: "127.0.0.1:\(server.port)", configuration: client)
  do {
    try await body(channel, service, server)
    await channel.close(grace: .zero)
    try await server.shutdown(grace: .zero)
  } catch {
    await channel.close(grace: .zero)
    try await server.shutdown(grace: .zero)
    throw error
  }
}

/// A server on a free port of the loopback, or on the one `configure` sets.
func startServer(
  _ service: EchoService, _ configure: (inout ServerConfiguration) -> Void = { _ in }
) async throws -> RPCServer {
  var configuration = ServerConfiguration(host: "127.0.0.1", port: 0)
  configure(&configuration)
  let server = try RPCServer(configuration: configuration, services: [service.registration])
  try await server.start()
  return server
}

/// Backs off for milliseconds, so that tests of lost servers are quick.
let impatient = BackoffPolicy(
  initial: .milliseconds(5), multiplier: 1.2, jitter: 0, maximum: .milliseconds(20),
  connectTimeout: .seconds(5))
