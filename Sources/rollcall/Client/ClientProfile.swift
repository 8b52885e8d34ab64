import Foundation

/// What `rollcall login` remembers: which server to call, and as whom.
///
/// Kept in `$XDG_CONFIG_HOME/rollcall/config.json`, by default `~/.config/rollcall/config.json`, readable by its owner only.
struct ClientProfile: Codable, Equatable, Sendable {
  var server: String?
  var key: String?
  /// Call with TLS.
  var tls: Bool?
  /// PEM file of the authorities to trust instead of the system's.
  var authorities: String?
  /// PEM files of a certificate to show to the server, and of its key.
  var certificate: String?
  var certificateKey: String?

  enum Failure: Error, Equatable, CustomStringConvertible {
    case unreadable(path: String, why: String)
    case unwritable(path: String, why: String)
    case open(path: String, mode: UInt32)
    case folder(path: String)

    var description: String {
      switch self {
      case .unreadable(let path, let why): "\(path) cannot be read: \(why)"
      case .unwritable(let path, let why): "\(path) cannot be written: \(why)"
      case .folder(let path): "\(path) is a folder, where `rollcall login` writes a file"
      case .open(let path, let mode):
        "\(path) holds a key and can be read by others (mode 0\(String(mode, radix: 8)))"
      }
    }

    /// What to do about it.
    var next: String {
      switch self {
      case .unreadable: "rollcall login writes a new one"
      case .unwritable: "check the folder's owner, or name another one with $XDG_CONFIG_HOME"
      case .open(let path, _): "chmod 600 \(path)"
      case .folder: "move it away, or name another place with $XDG_CONFIG_HOME"
      }
    }
  }

  /// Where the profile lives.
  static func path(environment: [String: String]) -> String {
    let base =
      // A path that is not absolute is none, says the XDG Base Directory Specification.
      environment["XDG_CONFIG_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil }
      ?? (environment["HOME"] ?? ".") + "/.config"
    return base + "/rollcall/config.json"
  }

  /// Reads a profile; an empty one when there is no file. A file with a key that others can read is refused.
  static func read(_ path: String) throws(Failure) -> ClientProfile {
    guard let attributes = try? FileManager.default.attributesOfItem(atPath: path) else {
      return ClientProfile()
    }
    if attributes[.type] as? FileAttributeType == .typeDirectory {
      throw .folder(path: path)
    }
    do {
      let profile = try JSONDecoder().decode(
        ClientProfile.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
      let mode = (attributes[.posixPermissions] as? NSNumber)?.uint32Value ?? 0
      if profile.key != nil, mode & 0o077 != 0 { throw Failure.open(path: path, mode: mode) }
      return profile
    } catch let failure as Failure {
      throw failure
    } catch {
      throw .unreadable(path: path, why: "it is not the JSON that `rollcall login` writes")
    }
  }

  /// Replaces the file in one step, mode 0600 in a folder of mode 0700.
  func write(_ path: String) throws(Failure) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    let temporary = path + ".\(getpid()).new"
    do {
      try FileManager.default.createDirectory(
        atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true,
        attributes: [.posixPermissions: 0o700])
      let bytes = try encoder.encode(self) + Data("\n".utf8)
      // Private from the first byte on, whatever the folder's and the process's masks say.
      try LocalFile.remove(temporary)
      let file = try LocalFile.appending(temporary, mode: 0o600)
      try file.write(Array(bytes))
      try file.replace(path, permissions: 0o600)
    } catch let complaint as Complaint {
      unlink(temporary)
      throw .unwritable(path: path, why: complaint.what)
    } catch {
      throw .unwritable(path: path, why: error.localizedDescription)
    }
  }

  /// Flags win over environment, environment over the file, the file over the default.
  ///
  /// Server and key lose the line end that a file or a clipboard left on them. What an address says about TLS counts where it is
  /// written: `--server https://…` beats a $ROLLCALL_TLS, and `--tls` beats the address.
  func overridden(
    by flags: ClientProfile, environment: [String: String]
  ) throws(Complaint) -> ClientProfile {
    func variable(_ name: String) -> String? {
      environment[name].map { $0.trimmingBlanks() }.flatMap { $0.isEmpty ? nil : $0 }
    }
    func scheme(_ server: String?) throws(Complaint) -> Bool? {
      guard let server else { return nil }
      return try ServerAddress(server).tls
    }
    var variableTLS: Bool?
    if let text = variable("ROLLCALL_TLS") {
      guard let value = BooleanText.value(text) else {
        throw Complaint(
          "$ROLLCALL_TLS is \"\(text)\"", next: "say 1, true, yes or on; or 0, false, no or off",
          status: .invalid)
      }
      variableTLS = value
    }
    let server = flags.server ?? variable("ROLLCALL_SERVER") ?? self.server ?? "127.0.0.1:7070"
    let flagScheme = try scheme(flags.server)
    let variableScheme = try scheme(variable("ROLLCALL_SERVER"))
    let ownScheme = try scheme(server)
    let tls = flags.tls ?? flagScheme ?? variableTLS ?? variableScheme ?? self.tls ?? ownScheme
    return ClientProfile(
      server: server.trimmingBlanks(),
      key: (flags.key ?? variable("ROLLCALL_KEY") ?? key)?.trimmingBlanks(),
      tls: tls,
      authorities: flags.authorities ?? variable("ROLLCALL_TLS_CA") ?? authorities,
      certificate: flags.certificate ?? variable("ROLLCALL_TLS_CERT") ?? certificate,
      certificateKey: flags.certificateKey ?? variable("ROLLCALL_TLS_KEY") ?? certificateKey)
  }

  /// The profile with paths that hold wherever a later command runs.
  func withAbsolutePaths() -> ClientProfile {
    func absolute(_ path: String?) -> String? { path.map { URL(fileURLWithPath: $0).path } }
    var profile = self
    profile.authorities = absolute(authorities)
    profile.certificate = absolute(certificate)
    profile.certificateKey = absolute(certificateKey)
    return profile
  }
}
