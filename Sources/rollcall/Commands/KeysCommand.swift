import API
import ArgumentParser

/// `rollcall keys …`: who may call.
struct KeysCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "keys", abstract: "API keys: who may call, and as what.",
    subcommands: [Create.self, Revoke.self])

  struct Create: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Create a service account with a key. The key is shown once.")
    @OptionGroup var options: ServerOptions
    @Argument(help: "Unique name of the account.") var name: String
    @Option(
      name: .customLong("role"),
      help:
        "viewer, operator, reviewer, admin or enrollment (for devices to register with); may be repeated."
    )
    var roles: [RoleArgument]

    func run() async throws {
      try await Session.run(options) { session in
        var principal = Principal()
        principal.name = name
        principal.kind = .serviceAccount
        principal.roles = roles.map(\.role)
        var request = CreatePrincipalRequest()
        request.principal = principal
        request.requestId = Session.requestID()
        let created = try await session.auth.createPrincipal(request, options: session.options)
        var keyRequest = CreateApiKeyRequest()
        keyRequest.principalId = try created.principal.unwrapped().id
        keyRequest.displayName = name
        keyRequest.requestId = Session.requestID()
        let answer = try await session.auth.createApiKey(keyRequest, options: session.options)
        try session.show(answer) {
          "\(answer.secret)\n(shown this once; key \(answer.apiKey?.id ?? "") of \(name))"
        }
      }
    }
  }

  struct Revoke: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Revoke a key by its id.")
    @OptionGroup var options: ServerOptions
    @Argument(help: "Id of the key.") var key: String

    func run() async throws {
      try await Session.run(options) { session in
        var request = RevokeApiKeyRequest()
        request.apiKeyId = key
        request.requestId = Session.requestID()
        let answer = try await session.auth.revokeApiKey(request, options: session.options)
        try session.show(answer) { "Revoked key \(key)." }
      }
    }
  }
}
