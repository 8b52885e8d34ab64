internal import API
internal import Crypto
internal import Domain
internal import ProtoWire

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
