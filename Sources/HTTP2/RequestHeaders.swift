internal import CNGHTTP2
public import RPCCore

/// The header block of a request, in one flat piece of memory.
///
/// Pseudo-header fields must be appended first (RFC 9113 §8.3). Names must be lower case.
public struct RequestHeaders: Sendable {
  private struct Field: Sendable {
    var name: Range<Int>
    var value: Range<Int>
    var isSecret: Bool
  }

  private var bytes: [UInt8] = []
  private var fields: [Field] = []

  public init() {
    bytes.reserveCapacity(256)
    fields.reserveCapacity(12)
  }

  /// The size as RFC 9113 §6.5.2 counts it: 32 bytes for each field beside name and value.
  public var listSize: Int { bytes.count + 32 * fields.count }

  /// Appends one field.
  /// - Parameter isSecret: never put the value into HPACK's table (RFC 7541 §7.1.3).
  public mutating func append(
    _ name: some Collection<UInt8>, _ value: some Collection<UInt8>, isSecret: Bool = false
  ) {
    let start = bytes.count
    bytes.append(contentsOf: name)
    let middle = bytes.count
    bytes.append(contentsOf: value)
    fields.append(
      Field(name: start..<middle, value: middle..<bytes.count, isSecret: isSecret))
  }

  /// Appends one field.
  public mutating func append(_ name: StaticString, _ value: some Collection<UInt8>) {
    append(name.bytes, value)
  }

  /// Appends one field.
  public mutating func append(_ name: StaticString, _ value: StaticString) {
    append(name.bytes, value.bytes)
  }

  /// Appends the entries of `metadata`; the value of `authorization` is kept out of HPACK's table.
  public mutating func append(_ metadata: Metadata) {
    metadata.forEachEntry { name, value in
      append(name, value, isSecret: name.elementsEqual(Self.authorization))
    }
  }

  private static let authorization = Array("authorization".utf8)

  /// Calls `body` with the fields as nghttp2 takes them; it copies them.
  func withFields<R>(_ body: (UnsafePointer<nghttp2_nv>?, Int) -> R) -> R {
    // nghttp2 takes mutable pointers but only reads.
    bytes.withUnsafeBufferPointer { bytes in
      let base = bytes.baseAddress.map { UnsafeMutablePointer(mutating: $0) }
      let list = fields.map { field in
        nghttp2_nv(
          name: base.map { $0 + field.name.lowerBound },
          value: base.map { $0 + field.value.lowerBound },
          namelen: field.name.count, valuelen: field.value.count,
          flags: field.isSecret ? UInt8(NGHTTP2_NV_FLAG_NO_INDEX.rawValue) : 0)
      }
      return list.withUnsafeBufferPointer { body($0.baseAddress, $0.count) }
    }
  }
}

extension StaticString {
  fileprivate var bytes: UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(start: utf8Start, count: utf8CodeUnitCount)
  }
}
