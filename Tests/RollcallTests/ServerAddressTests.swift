import Testing

@testable import rollcall

@Suite struct ServerAddressTests {
  @Test(
    arguments: [
      ("host", "host:7070", nil), ("host:1", "host:1", nil), ("10.0.0.1", "10.0.0.1:7070", nil),
      ("::1", "[::1]:7070", nil), ("[::1]", "[::1]:7070", nil), ("[::1]:80", "[::1]:80", nil),
      ("fe80::1%eth0", "[fe80::1%eth0]:7070", nil), ("http://host:7070/", "host:7070", false),
      ("https://host", "host:443", true), ("HTTPS://[::1]:7070", "[::1]:7070", true),
      ("http://host", "host:80", false), ("grpcs://host", "host:7070", true),
      ("host:1/", "host:1", nil), ("::ffff:10.0.0.1", "[::ffff:10.0.0.1]:7070", nil),
      ("unix:/tmp/x", "unix:/tmp/x", nil), ("a:1, b:2", "a:1,b:2", nil),
    ] as [(String, String, Bool?)])
  func `an address is taken in any usual form`(text: String, target: String, tls: Bool?) throws {
    let address = try ServerAddress(text)
    #expect(address.target == target)
    #expect(address.tls == tls)
  }

  @Test(arguments: [
    "", "not an address", "host:", "host:0", "host:65536", "host:x", ":7070", "ftp://host",
    "host/path", "http://host/path", "user@host", "[::1", "[::1]x", "[host]:1",
    "https://a,http://b",
    "host:7070:1:", "::1:28231", "dns:///host:1", "host:1//",
  ])
  func `what is none is refused in words`(text: String) {
    let complaint = #expect(throws: Complaint.self) { try ServerAddress(text) }
    #expect(complaint?.status == .invalid)
    #expect(complaint?.next?.contains("host:port") == true)
  }
}
