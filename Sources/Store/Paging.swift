internal import Crypto

/// What a list asks for: a page's size and where it starts.
///
/// Tokens are opaque keyset positions: the sort key of the last row, bound by a keyed hash to the
/// query that made them, so a token can be neither forged nor used with other filters.
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

  /// The part at `index` as an integer; 0 when the cursor has another shape.
  public func integer(_ index: Int) -> Int64 {
    if index < parts.count, case .integer(let value) = parts[index] { return value }
    return 0
  }
}

/// Page sizes: 50 by default, at most 200; a larger one is reduced, a negative one refused.
public enum PageSize {
  public static let standard = 50
  public static let maximum = 200

  /// The size to use for a requested one; nil when it is negative (INVALID_ARGUMENT).
  ///
  /// 0 → 50, 1 → 1, 200 → 200, 201 → 200, −1 → nil.
  public static func effective(_ requested: Int32) -> Int? {
    if requested < 0 { return nil }
    return requested == 0 ? standard : min(Int(requested), maximum)
  }
}

/// Makes and checks page tokens. The key lives in the database, so tokens survive a restart.
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

/// Base64 for URLs without padding (RFC 4648 section 5).
enum Base64URL {
  private static let digits = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

  static func encode(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count * 4 + 2) / 3)
    var bits = 0
    var pending: UInt32 = 0
    for byte in bytes {
      pending = pending << 8 | UInt32(byte)
      bits += 8
      while bits >= 6 {
        bits -= 6
        text.append(digits[Int(pending >> UInt32(bits)) & 63])
      }
      pending &= (1 << UInt32(bits)) - 1
    }
    if bits > 0 { text.append(digits[Int(pending << UInt32(6 - bits)) & 63]) }
    return String(decoding: text, as: UTF8.self)
  }

  static func decode(_ text: String) -> [UInt8]? {
    var bytes: [UInt8] = []
    var bits = 0
    var pending: UInt32 = 0
    for character in text.utf8 {
      guard let value = value(character) else { return nil }
      pending = pending << 6 | value
      bits += 6
      if bits >= 8 {
        bits -= 8
        bytes.append(UInt8(truncatingIfNeeded: pending >> UInt32(bits)))
        pending &= (1 << UInt32(bits)) - 1
      }
    }
    // Leftover bits must be the zeros that encoding pads with, so that a token has one spelling.
    return bits < 6 && pending == 0 ? bytes : nil
  }

  private static func value(_ character: UInt8) -> UInt32? {
    switch character {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(character - 65)
    case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(character - 97 + 26)
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(character - 48 + 52)
    case UInt8(ascii: "-"): 62
    case UInt8(ascii: "_"): 63
    default: nil
    }
  }
}
