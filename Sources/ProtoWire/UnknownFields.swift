/// Fields of a message that its schema does not know, kept as their wire bytes in arrival order and
/// written after the known ones.
@frozen public struct UnknownFields: Hashable, Sendable {
  /// `nil` when there are none, so that equality and the common case cost nothing.
  @usableFromInline var raw: [UInt8]?

  @inlinable public init() { raw = nil }

  /// Takes whole tag-value pairs as they stand on the wire. The caller vouches for their form.
  @inlinable public init(wire bytes: [UInt8]) { raw = bytes.isEmpty ? nil : bytes }

  /// The wire bytes: tags and values, one after another.
  @inlinable public var bytes: [UInt8] { raw ?? [] }
  @inlinable public var isEmpty: Bool { raw == nil }
  @inlinable public var byteCount: Int {
    @inline(__always) get {
      guard let raw else { return 0 }
      return raw.count
    }
  }

  @inlinable mutating func append(_ wire: UnsafeRawBufferPointer) {
    if raw == nil {
      raw = Array(wire)
    } else {
      raw!.append(contentsOf: wire)
    }
  }
}
