import API
import Domain
import Glibc
import Logging
import ProtoWire
import RPCCore
import Store
import Testing

@testable import Services

/// A store in a folder of its own, two orgs with an admin each, and the services over them.
final class ServiceFixture {
  let path: String
  let store: Store
  let files: ArtifactFiles
  let rules: CallRules
  let authentication: Authentication
  /// The secret of the first start.
  let secret: String

  init(
    maximumArtifactSize: Int64 = 1 << 20,
    _ configuration: StoreConfiguration = StoreConfiguration(),
    now: @escaping @Sendable () -> Timestamp = {
      Timestamp(milliseconds: StoreClock.nowMilliseconds())
    }
  ) async throws {
    path = "/tmp/rollcall-services-\(UInt64.random(in: .min ... .max))"
    // One reader each: whoever holds it and waits for another would wait for ever.
    var configuration = configuration
    configuration.pooledReaders = 1
    store = try Store.open(path, configuration)
    files = try ArtifactFiles(data: path, maximumSize: maximumArtifactSize)
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    authentication = Authentication(store: store, now: now)
    rules = CallRules(store: store, logger: logger, authentication: authentication)
    let file = try #require(try await Bootstrap.run(store: store, logger: logger))
    secret = try Self.text(of: file)
  }

  deinit {
    store.close()
    files.close()
    Self.remove(path)
  }

  var auth: AuthService { AuthService(rules: rules, authentication: authentication) }

  /// The caller behind a secret, as the interceptor sees it; its error when it is refused.
  func caller(_ secret: String, _ method: AnyMethodDescriptor = AuthServiceMethods.whoAmI.erased)
    throws -> Caller
  {
    var metadata = Metadata()
    try metadata.add("Bearer " + secret, for: "authorization")
    let context = ServerContext(method: method, requestMetadata: metadata)
    try authentication.callStarted(context)
    return try #require(context.caller as? Caller)
  }

  /// A call of the first start's admin.
  func admin(_ method: AnyMethodDescriptor) throws -> ServerContext {
    ServerContext(method: method, caller: try caller(secret))
  }

  /// A new org and a call of its admin.
  func otherOrg(_ name: String = "other") async throws -> String {
    try await auth.createOrg(
      .with { $0.org = .with { $0.name = name } },
      context: try admin(AuthServiceMethods.createOrg.erased)
    ).secret
  }

  /// A call with a key of a new principal of these roles in the first org.
  func principal(_ name: String, _ roles: [API.Role]) async throws -> String {
    let created = try await auth.createPrincipal(
      .with {
        $0.principal = .with {
          $0.name = name
          $0.kind = .serviceAccount
          $0.roles = roles
        }
      }, context: try admin(AuthServiceMethods.createPrincipal.erased))
    return try await auth.createApiKey(
      .with { $0.principalId = created.principal?.id ?? "" },
      context: try admin(AuthServiceMethods.createApiKey.erased)
    ).secret
  }

  /// A call with this secret.
  func call(_ secret: String, _ method: AnyMethodDescriptor) throws -> ServerContext {
    ServerContext(method: method, caller: try caller(secret))
  }

  /// Whether a call with this secret is let in; the interceptor's error when it is not.
  func authorize(_ secret: String, _ method: AnyMethodDescriptor) throws {
    var metadata = Metadata()
    try metadata.add("Bearer " + secret, for: "authorization")
    try Authorization([], authentication: authentication).callStarted(
      ServerContext(method: method, requestMetadata: metadata))
  }

  /// How many events the store has logged.
  func revision() throws -> Int64 { try store.read { try $0.revision() } }

  static func text(of path: String) throws -> String {
    let descriptor = open(path, O_RDONLY)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 4_096)
    let count = read(descriptor, &bytes, bytes.count)
    return String(decoding: bytes.prefix(max(0, count)).prefix { $0 != 0x0A }, as: UTF8.self)
  }

  static func remove(_ path: String) {
    guard let directory = opendir(path) else { return }
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      guard name != ".", name != ".." else { continue }
      if entry.pointee.d_type == UInt8(DT_DIR) {
        remove(path + "/" + name)
      } else {
        unlink(path + "/" + name)
      }
    }
    closedir(directory)
    rmdir(path)
  }
}

extension RPCError {
  /// The reason of its one ErrorInfo; a text that names the defect when there is not exactly one.
  var reason: String {
    let infos = details.filter { $0.typeUrl.hasSuffix("/google.rpc.ErrorInfo") }
    guard infos.count == 1, let info = try? Google_Rpc_ErrorInfo(wire: infos[0].value) else {
      return "\(infos.count) ErrorInfos"
    }
    return info.domain == "rollcall" ? info.reason : "domain \(info.domain)"
  }

  /// The field of its BadRequest.
  var field: String? {
    details.first { $0.typeUrl.hasSuffix("/google.rpc.BadRequest") }
      .flatMap { try? Google_Rpc_BadRequest(wire: $0.value) }?.fieldViolations.first?.field
  }
}

/// The error that `body` throws; records an issue when it throws none, or another kind.
func refusal(
  sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Void
) async -> RPCError? {
  do {
    try await body()
    Issue.record("nothing was refused", sourceLocation: sourceLocation)
    return nil
  } catch let error as RPCError {
    return error
  } catch {
    Issue.record("\(error) is no RPCError", sourceLocation: sourceLocation)
    return nil
  }
}
