internal import API
internal import Crypto
internal import Domain
internal import ProtoWire
internal import Store

/// API keys. Their secrets are made and shown by `CreateApiKey` alone.
struct APIKeyResource: Resource {
  let kind = ResourceKind.apiKey

  func wire(_ key: APIKey, _ db: ReadTransaction) -> API.ApiKey { API.ApiKey(key) }
  func name(of key: APIKey) -> String { key.displayName }
  func parent(of key: APIKey) -> String { key.principal.rawValue }
}

extension Mutation {
  /// Stores a new key, which `secret` is the secret of, and logs it.
  func insert(_ key: APIKey, _ secret: KeySecret, log: OrgID? = nil) throws -> API.ApiKey {
    try insert(key, APIKeyResource(), log: log) { try $0.insert($1, digest: secret.digest) }
  }

  /// Revokes a key and logs that in its org.
  @discardableResult
  func revoke(_ key: APIKey) throws -> API.ApiKey {
    var revoked = key
    revoked.revokedAt = now
    return try save(revoked, APIKeyResource(), "revoked", replacing: key)
  }
}

extension API.ApiKey {
  init(_ key: APIKey) {
    self.init()
    id = key.id.rawValue
    principalId = key.principal.rawValue
    displayName = key.displayName
    hint = key.hint
    createdAt = Google_Protobuf_Timestamp(key.createdAt)
    expiresAt = key.expiresAt.map { Google_Protobuf_Timestamp($0) }
    revokedAt = key.revokedAt.map { Google_Protobuf_Timestamp($0) }
    etag = Etag.text(key.revision)
  }
}

extension KeySecret {
  /// A secret of 256 bits from the system's generator.
  static func random(_ kind: Kind = .apiKey) -> KeySecret {
    var generator = SystemRandomNumberGenerator()
    let bytes = (0..<KeySecret.randomByteCount).map { _ in
      UInt8.random(in: .min ... .max, using: &generator)
    }
    guard let secret = KeySecret(kind, random: bytes) else {
      preconditionFailure(
        "\(bytes.count) bytes were drawn, \(KeySecret.randomByteCount) are needed")
    }
    return secret
  }

  /// What is stored of it.
  var digest: [UInt8] { Array(SHA256.hash(data: Array(text.utf8))) }
}
