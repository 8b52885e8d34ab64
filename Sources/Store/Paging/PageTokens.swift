internal import Crypto
internal import Domain

/// Makes and checks page tokens: opaque keyset positions, bound by a keyed hash to the query that
/// made them, so a token can be neither forged nor used with other filters. The key lives in the
/// database, so tokens survive a restart.
public struct PageTokens: Sendable {
  private let key: SymmetricKey

  init(key: [UInt8]) { self.key = SymmetricKey(data: key) }

  /// The token of the page after `cursor`. `query` names everything that defines the list besides
  /// the page: the method, org and every filter, one element each.
  public func token(_ cursor: PageCursor, query: [String]) -> String {
    var body: [UInt8] = []
    for part in cursor.parts {
      switch part {
      case .integer(let value):
        body.append(1)
        withUnsafeBytes(of: value.bigEndian) { body.append(contentsOf: $0) }
      case .text(let value):
        body.append(2)
        withUnsafeBytes(of: UInt32(truncatingIfNeeded: value.utf8.count).bigEndian) {
          body.append(contentsOf: $0)
        }
        body.append(contentsOf: value.utf8)
      }
    }
    return Base64URL.encode(signature(body, query) + body)
  }

  /// The cursor of a token, nil for the empty one: the first page. Throws `.invalidPageToken` for a
  /// damaged or forged one and one of another query.
  public func cursor(_ token: String, query: [String]) throws(StoreError) -> PageCursor? {
    if token.isEmpty { return nil }
    guard let bytes = Base64URL.decode(token), bytes.count >= Self.signatureLength else {
      throw .invalidPageToken
    }
    let body = Array(bytes[Self.signatureLength...])
    let expected = signature(body, query)
    var difference: UInt8 = 0
    for (given, computed) in zip(bytes, expected) { difference |= given ^ computed }
    guard difference == 0, let cursor = Self.parse(body) else { throw .invalidPageToken }
    return cursor
  }

  private static let signatureLength = 16

  private func signature(_ body: [UInt8], _ query: [String]) -> [UInt8] {
    var mac = HMAC<SHA256>(key: key)
    for element in query {
      withUnsafeBytes(of: UInt32(truncatingIfNeeded: element.utf8.count).bigEndian) {
        mac.update(data: Array($0))
      }
      mac.update(data: Array(element.utf8))
    }
    // A length no element can have separates the query from the body.
    mac.update(data: [0xff, 0xff, 0xff, 0xff])
    mac.update(data: body)
    return Array(mac.finalize().prefix(Self.signatureLength))
  }

  private static func parse(_ body: [UInt8]) -> PageCursor? {
    var parts: [PageCursor.Part] = []
    var rest = body[...]
    while let kind = rest.popFirst() {
      switch kind {
      case 1:
        guard rest.count >= 8 else { return nil }
        let value = rest.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        parts.append(.integer(Int64(bitPattern: value)))
        rest = rest.dropFirst(8)
      case 2:
        guard rest.count >= 4 else { return nil }
        let length = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
        rest = rest.dropFirst(4)
        guard rest.count >= length else { return nil }
        parts.append(.text(String(decoding: rest.prefix(length), as: UTF8.self)))
        rest = rest.dropFirst(length)
      default: return nil
      }
    }
    return PageCursor(parts)
  }
}

/// Where a page of a list starts: the sort key of the last row of the page before it.
public struct PageCursor: Sendable, Hashable {
  /// The sort key of the last row of the page before, in the order of the ORDER BY.
  public enum Part: Sendable, Hashable {
    case integer(Int64)
    case text(String)
  }
  public var parts: [Part]

  public init(_ parts: [Part]) { self.parts = parts }

  /// The part at `index` as text; "" when the cursor has another shape.
  public func text(_ index: Int) -> String {
    if index < parts.count, case .text(let value) = parts[index] { return value }
    return ""
  }

  /// The part at `index` as a number; nil when the cursor has another shape.
  public func integer(_ index: Int) -> Int64? {
    if index < parts.count, case .integer(let value) = parts[index] { return value }
    return nil
  }
}
