import Foundation
import Testing

@testable import rollcall

@Suite struct ClientProfileTests {
  /// A path in a folder of its own, below one that does not exist yet.
  private func path() -> String {
    FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
      + "/rollcall/config.json"
  }

  private func mode(_ path: String) throws -> Int {
    let value = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions]
    return try #require(value as? NSNumber).intValue
  }

  @Test func `a profile comes back as it was written, readable by its owner only`() throws {
    let path = path()
    let profile = ClientProfile(server: "host:1", key: "sk-1", tls: true, authorities: "/ca.pem")
    try profile.write(path)
    #expect(try ClientProfile.read(path) == profile)
    #expect(try mode(path) == 0o600)
    #expect(try mode((path as NSString).deletingLastPathComponent) == 0o700)
    var other = profile
    other.key = "sk-2"
    try other.write(path)
    #expect(try ClientProfile.read(path) == other)
  }

  @Test func `no file is an empty profile`() throws {
    #expect(try ClientProfile.read(path()) == ClientProfile())
  }

  @Test func `a key that others can read is refused`() throws {
    let path = path()
    try ClientProfile(key: "sk-1").write(path)
    try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: path)
    #expect(throws: ClientProfile.Failure.open(path: path, mode: 0o640)) {
      try ClientProfile.read(path)
    }
  }

  @Test func `a file that is something else is named`() throws {
    let path = path()
    try ClientProfile().write(path)
    try Data("nonsense".utf8).write(to: URL(fileURLWithPath: path))
    let failure = #expect(throws: ClientProfile.Failure.self) { try ClientProfile.read(path) }
    #expect(failure?.description.contains(path) == true)
  }

  @Test func `flags win over the environment, the environment over the file`() throws {
    let file = ClientProfile(server: "file:1", key: "sk-file")
    let environment = ["ROLLCALL_SERVER": "env:1", "ROLLCALL_TLS": "1", "ROLLCALL_KEY": ""]
    let both = try file.overridden(by: ClientProfile(server: "flag:1"), environment: environment)
    #expect(both == ClientProfile(server: "flag:1", key: "sk-file", tls: true))
    #expect(try file.overridden(by: ClientProfile(), environment: environment).server == "env:1")
    #expect(
      try ClientProfile().overridden(by: ClientProfile(), environment: [:]).server
        == "127.0.0.1:7070")
  }

  @Test(arguments: [
    ("0", false), ("false", false), ("FALSE", false), ("no", false), ("Off", false), ("1", true),
    ("true", true), ("Yes", true), ("on\n", true),
  ])
  func `a variable says yes or no in the usual words`(text: String, value: Bool) throws {
    let profile = try ClientProfile().overridden(
      by: ClientProfile(), environment: ["ROLLCALL_TLS": text])
    #expect(profile.tls == value)
  }

  @Test func `another word is refused, naming the variable`() {
    let complaint = #expect(throws: Complaint.self) {
      try ClientProfile().overridden(
        by: ClientProfile(), environment: ["ROLLCALL_TLS": "perhaps"])
    }
    #expect(complaint?.what == "$ROLLCALL_TLS is \"perhaps\"")
  }

  @Test(arguments: ["sk-1\n", "sk-1\r\n", " sk-1 "])
  func `a key loses the line end that a file or a clipboard left on it`(key: String) throws {
    let profile = try ClientProfile().overridden(
      by: ClientProfile(), environment: ["ROLLCALL_KEY": key])
    #expect(profile.key == "sk-1")
  }

  @Test(arguments: ["sk-\u{e9}", "sk 1", "sk-1\u{7f}"])
  func `a key that cannot be one is refused before it is sent`(key: String) {
    let complaint = #expect(throws: Complaint.self) { try Session(ClientProfile(key: key)) }
    #expect(complaint == Complaint.notAKey)
  }

  @Test func `a scheme decides where it is written`() throws {
    func tls(_ flag: String?, _ variables: [String: String] = [:]) throws -> Bool? {
      try ClientProfile(server: "https://file").overridden(
        by: ClientProfile(server: flag), environment: variables
      ).tls
    }
    #expect(try tls("http://host", ["ROLLCALL_TLS": "1"]) == false)
    #expect(try tls("host", ["ROLLCALL_TLS": "1"]) == true)
    #expect(try tls(nil, ["ROLLCALL_SERVER": "http://host"]) == false)
    #expect(try tls(nil) == true)
    #expect(try tls("host") == nil)
  }

  @Test(arguments: [
    (["XDG_CONFIG_HOME": "/x", "HOME": "/h"], "/x/rollcall/config.json"),
    (["XDG_CONFIG_HOME": "", "HOME": "/h"], "/h/.config/rollcall/config.json"),
  ])
  func `the profile lives where the system keeps configuration`(
    environment: [String: String], path: String
  ) {
    #expect(ClientProfile.path(environment: environment) == path)
  }
}
