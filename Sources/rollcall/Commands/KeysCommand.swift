import API
import ArgumentParser
import ProtoWire

/// `rollcall keys …`: who may call.
struct KeysCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "keys", abstract: "API keys: who may call, and as what.",
    subcommands: [List.self, Create.self, Revoke.self], defaultSubcommand: List.self)

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List the keys, without their secrets.", usage: "rollcall keys list [<options>]")
    @OptionGroup var options: ServerOptions
    @OptionGroup var paging: PagingOptions

    func run() async throws {
      try await Session.run(options) { session in
        var request = ListApiKeysRequest()
        request.pageSize = paging.pageSize
        request.pageToken = paging.pageToken
        let answer = try await session.auth.listApiKeys(request, options: session.options)
        try await session.show(answer) {
          let names = Names(session: session)
          var table = TextTable("KEY", "PRINCIPAL", "NAME", "CREATED", "STATE")
          for key in answer.apiKeys {
            table.add(
              key.hint + "…", try await names.principal(key.principalId), key.displayName,
              Words.time(key.createdAt), Self.state(key))
          }
          return paging.footed(
            table, count: answer.apiKeys.count, total: answer.totalSize,
            next: answer.nextPageToken)
        }
      }
    }

    private static func state(_ key: ApiKey) -> String {
      if let revoked = key.revokedAt { return "revoked " + Words.time(revoked) }
      guard let expires = key.expiresAt else { return "valid" }
      return
        (expires.seconds <= Google_Protobuf_Timestamp.now.seconds ? "expired " : "valid until ")
        + Words.time(expires)
    }
  }

  struct Create: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Create a service account with a key, or one more key. It is shown once.",
      usage: "rollcall keys create [<options>] <name> --role <role> ...",
      discussion:
        "NAME and --role make an account; --principal gives another key to one that is there.")
    @OptionGroup var options: ServerOptions
    @Argument(help: "Unique name of the new account.") var name: String?
    @Option(help: "Name or id of who is there already and gets another key.")
    var principal: String?
    @Option(
      name: .customLong("role"),
      help:
        "viewer, operator, reviewer, admin or enrollment (for devices to register with); may be repeated."
    )
    var roles: [RoleArgument] = []

    func validate() throws {
      guard (name == nil) != (principal == nil) else {
        throw ValidationError(
          "give the NAME of a new account, or --principal with one that is there")
      }
      guard (name == nil) == roles.isEmpty else {
        throw ValidationError(
          name == nil
            ? "--role is for a new account; one that is there has its roles"
            : "a new account needs a --role")
      }
    }

    func run() async throws {
      try await Session.run(options) { session in
        let owner = try await owner(session)
        var request = CreateApiKeyRequest()
        request.principalId = owner.id
        request.displayName = owner.name
        request.requestId = Session.requestID()
        let answer = try await session.auth.createApiKey(request, options: session.once)
        let hint = answer.apiKey?.hint ?? ""
        try session.showSecret(
          answer, of: "the key",
          next: "rollcall keys revoke \(hint)… and rollcall keys create --principal \(owner.name)"
        ) { "\(answer.secret)\n(shown this once; key \(hint)… of \(owner.name))" }
      }
    }

    /// Whose key it is to be: a new account, or whom --principal names.
    private func owner(_ session: Session) async throws -> Principal {
      if let principal { return try await Lookup(session: session).principal(principal) }
      var wanted = Principal()
      wanted.name = name ?? ""
      wanted.kind = .serviceAccount
      wanted.roles = roles.map(\.role)
      var request = CreatePrincipalRequest()
      request.principal = wanted
      request.requestId = Session.requestID()
      return try await session.auth.createPrincipal(request, options: session.options).principal
        .unwrapped()
    }
  }

  struct Revoke: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Revoke a key, by what `keys list` shows of it or by its id.",
      usage: "rollcall keys revoke [<options>] <key>")
    @OptionGroup var options: ServerOptions
    @Argument(
      help: "The key as listed, as many of its first characters as tell it from others, or its id.")
    var key: String

    func run() async throws {
      try await Session.run(options) { session in
        var request = RevokeApiKeyRequest()
        request.apiKeyId = try await Lookup(session: session).apiKey(key)
        request.requestId = Session.requestID()
        let answer = try await session.auth.revokeApiKey(request, options: session.options)
        try session.show(answer) { "Revoked key \(key)." }
      }
    }
  }
}
