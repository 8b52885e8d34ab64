/// What an X.509 certificate says of its own use (RFC 5280): read from its DER, without a library.
struct CertificateFacts: Sendable, Hashable {
  /// Whether it may sign other certificates: neither its basic constraints nor its key usage forbid it.
  private(set) var mayIssue = true
  /// `dNSName`s of the subject alternative name, in lower case.
  private(set) var names: [String] = []
  /// `iPAddress`es of the subject alternative name: 4 or 16 bytes.
  private(set) var addresses: [[UInt8]] = []
  /// The purposes of the extended key usage as DER object identifiers; nil: for any.
  private(set) var purposes: [[UInt8]]?

  /// The end of an object identifier 1.3.6.1.5.5.7.3.n or 2.5.29.37.0.
  enum Purpose {
    static let server: [UInt8] = [0x2b, 6, 1, 5, 5, 7, 3, 1]
    static let client: [UInt8] = [0x2b, 6, 1, 5, 5, 7, 3, 2]
    static let any: [UInt8] = [0x55, 0x1d, 0x25, 0]
  }

  /// nil for bytes that are no certificate.
  init?(der: [UInt8]) {
    var outer = DER(der[...])
    guard let certificate = outer.next(0x30) else { return nil }
    var parts = DER(certificate)
    guard let body = parts.next(0x30) else { return nil }
    var fields = DER(body)
    while let (tag, content) = fields.next() {
      // Of the context tags only [3], the extensions, has a sequence of sequences.
      guard tag == 0xa3 else { continue }
      var wrapper = DER(content)
      guard let list = wrapper.next(0x30) else { return nil }
      var extensions = DER(list)
      while let one = extensions.next(0x30) { guard note(one) else { return nil } }
    }
  }

  private mutating func note(_ one: ArraySlice<UInt8>) -> Bool {
    var parts = DER(one)
    guard let identifier = parts.next(0x06), var part = parts.next() else { return false }
    // `critical` stands in between unless it is the default.
    if part.tag == 0x01 {
      guard let value = parts.next() else { return false }
      part = value
    }
    guard part.tag == 0x04 else { return false }
    var value = DER(part.content)
    switch Array(identifier) {
    case [0x55, 0x1d, 0x0f]:
      guard let bits = value.next(0x03) else { return false }
      // The first byte counts unused bits; keyCertSign is bit 5.
      if (bits.dropFirst().first ?? 0) & 0x04 == 0 { mayIssue = false }
    case [0x55, 0x1d, 0x13]:
      guard let constraints = value.next(0x30) else { return false }
      var fields = DER(constraints)
      if fields.next(0x01)?.first ?? 0 == 0 { mayIssue = false }
    case [0x55, 0x1d, 0x11]:
      guard let list = value.next(0x30) else { return false }
      var all = DER(list)
      while let (tag, content) = all.next() {
        if tag == 0x82 { names.append(String(decoding: content, as: UTF8.self).lowercased()) }
        if tag == 0x87 { addresses.append(Array(content)) }
      }
    case [0x55, 0x1d, 0x25]:
      guard let list = value.next(0x30) else { return false }
      var all = DER(list)
      var found: [[UInt8]] = []
      while let purpose = all.next(0x06) { found.append(Array(purpose)) }
      purposes = found
    default: break
    }
    return true
  }

  /// Whether it serves a purpose.
  func serves(_ purpose: [UInt8]) -> Bool {
    purposes?.contains { $0 == purpose || $0 == Purpose.any } ?? true
  }

  /// Whether it is made out to a host name: the whole name, or `*` for its first label (RFC 6125).
  func isFor(name: String) -> Bool {
    let name = name.lowercased()
    return names.contains { pattern in
      if pattern == name { return true }
      guard pattern.hasPrefix("*."), let dot = name.firstIndex(of: "."), dot > name.startIndex
      else { return false }
      let rest = name[name.index(after: dot)...]
      return rest.contains(".") && pattern.dropFirst(2) == rest
    }
  }
}

/// Elements of DER, one after the other.
private struct DER {
  private var rest: ArraySlice<UInt8>

  init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

  /// The next element; nil at the end, and where the bytes are no DER.
  mutating func next() -> (tag: UInt8, content: ArraySlice<UInt8>)? {
    var bytes = rest
    guard let tag = bytes.popFirst(), let first = bytes.popFirst() else { return nil }
    var length = Int(first)
    if first >= 0x80 {
      guard (0x81...0x84).contains(first) else { return nil }
      length = 0
      for _ in 0..<(first & 0x7f) {
        guard let byte = bytes.popFirst() else { return nil }
        length = length << 8 | Int(byte)
      }
    }
    guard bytes.count >= length else { return nil }
    rest = bytes.dropFirst(length)
    return (tag, bytes.prefix(length))
  }

  /// The next element when it has this tag.
  mutating func next(_ tag: UInt8) -> ArraySlice<UInt8>? {
    var copy = self
    guard let (found, content) = copy.next(), found == tag else { return nil }
    self = copy
    return content
  }
}
