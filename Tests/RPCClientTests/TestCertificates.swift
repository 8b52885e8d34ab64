import Foundation

/// Certificates of a test: an authority, a server's for `localhost`, a client's; another authority;
/// and two that signed themselves and may sign no other (`own` for a server, `own-client`).
///
/// Made by the `openssl` command in a folder that goes with the object.
final class TestCertificates: Sendable {
  let folder: URL

  init() throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "rollcall-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    for authority in ["ca", "other-ca"] {
      try openssl(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=\(authority)"
          + " -keyout \(authority).key -out \(authority).pem")
    }
    try "subjectAltName=DNS:localhost\n".write(
      to: folder.appendingPathComponent("names"), atomically: true, encoding: .utf8)
    for name in ["server", "client"] {
      try openssl(
        "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=\(name)"
          + " -keyout \(name).key -out \(name).csr")
      try openssl(
        "x509 -req -in \(name).csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2"
          + " -extfile names -out \(name).pem")
    }
    let usage = "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n"
    try selfSigned(
      "own",
      extensions: usage + "extendedKeyUsage=serverAuth\n"
        + "subjectAltName=DNS:localhost,DNS:*.example.org,IP:127.0.0.1\n")
    try selfSigned("own-client", extensions: usage + "extendedKeyUsage=clientAuth\n")
  }

  /// A certificate that signed itself, with these extensions.
  /// - Parameter days: how long it is valid; -1: it ended a day before it began.
  func selfSigned(_ name: String, extensions: String, days: Int = 2) throws {
    try extensions.write(
      to: folder.appendingPathComponent("\(name).ext"), atomically: true, encoding: .utf8)
    try openssl(
      "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=\(name)"
        + " -keyout \(name).key -out \(name).csr")
    try openssl(
      "x509 -req -in \(name).csr -signkey \(name).key -days \(days) -extfile \(name).ext"
        + " -out \(name).pem")
  }

  func text(_ name: String) throws -> String {
    try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
  }

  deinit {
    // A folder in the system's temporary place; the system removes what stays.
    try? FileManager.default.removeItem(at: folder)
  }

  func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

  private struct Failure: Error {
    var command: String
    var output: String
  }

  private func openssl(_ arguments: String) throws {
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
    process.arguments = arguments.split(separator: " ").map(String.init)
    process.currentDirectoryURL = folder
    process.standardError = output
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    let text = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw Failure(command: arguments, output: String(decoding: text, as: UTF8.self))
    }
  }
}
