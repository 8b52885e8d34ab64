import Testing

@testable import rollcall

@Suite struct ListenAddressTests {
  @Test(arguments: [
    ("127.0.0.1:7070", "127.0.0.1", 7070), ("localhost:0", "localhost", 0),
    ("[::1]:65535", "::1", 65_535),
    ("0.0.0.0:00080", "0.0.0.0", 80),
  ])
  func `an address is host and port`(text: String, host: String, port: Int) {
    #expect(ListenAddress(argument: text) == ListenAddress(host: host, port: port))
  }

  @Test(arguments: [
    "", "7070", ":7070", "host:", "host:65536", "host:-1", "host:+1", "::1:7070", "[::1:7070",
    "[]:1", "host:7o",
  ])
  func `what is no address is refused`(text: String) {
    #expect(ListenAddress(argument: text) == nil)
  }

  @Test(arguments: ["127.0.0.1:7070", "[::1]:1"])
  func `an address reads as it was written`(text: String) {
    #expect(ListenAddress(argument: text)?.description == text)
  }
}
