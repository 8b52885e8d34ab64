import RPCClient

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// `interop-client HOST:PORT [CASE…]`: plays the interoperability cases against a server.
///
/// Ends with 0 when all passed.
@main
struct Main {
  static func main() async throws {
    let arguments = CommandLine.arguments.dropFirst()
    guard let target = arguments.first else {
      print("usage: interop-client HOST:PORT [CASE…]")
      exit(2)
    }
    let wanted = arguments.dropFirst()
    let channel = try Channel(target: target)
    var failures = 0
    var passed = 0
    for (name, run) in InteropCases.all where wanted.isEmpty || wanted.contains(name) {
      do {
        try await run(channel)
        passed += 1
      } catch {
        failures += 1
        print("FAIL \(name): \(error)")
      }
    }
    await channel.close()
    print("interop-client \(target): \(passed) passed, \(failures) failed")
    exit(failures == 0 && passed > 0 ? 0 : 1)
  }
}
