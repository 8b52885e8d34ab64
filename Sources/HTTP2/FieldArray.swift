import CNGHTTP2
import RPCCore

/// Header fields that never change, prepared once for the C library.
public struct FixedFields: @unchecked Sendable {
  // Unchecked: the memory is written once, here, and lives as long as the process.
  let base: UnsafeMutablePointer<nghttp2_nv>
  let count: Int

  public init(_ fields: [(StaticString, StaticString)]) {
    count = fields.count
    base = .allocate(capacity: max(1, fields.count))
    let flags = UInt8(
      NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue | NGHTTP2_NV_FLAG_NO_COPY_VALUE.rawValue)
    for (index, field) in fields.enumerated() {
      (base + index).initialize(
        to: nghttp2_nv(
          name: UnsafeMutablePointer(mutating: field.0.utf8Start),
          value: UnsafeMutablePointer(mutating: field.1.utf8Start),
          namelen: field.0.utf8CodeUnitCount, valuelen: field.1.utf8CodeUnitCount, flags: flags))
    }
  }

  /// `:status: 200` and the content type of gRPC.
  public static let response = FixedFields([
    (":status", "200"), ("content-type", "application/grpc"),
  ])
  /// `grpc-status: 0`.
  static let okTrailers = FixedFields([("grpc-status", "0")])
}

/// Scratch space for the C library's field arrays.
struct FieldArray: ~Copyable {
  private var base: UnsafeMutablePointer<nghttp2_nv>
  private var capacity = 16
  private(set) var count = 0

  init() { base = .allocate(capacity: 16) }

  deinit { base.deallocate() }

  /// The array; its pointers are into what was given to `append`.
  var fields: UnsafeMutablePointer<nghttp2_nv> { base }

  mutating func clear() { count = 0 }

  mutating func append(_ fixed: FixedFields) {
    for index in 0..<fixed.count { append(fixed.base[index]) }
  }

  /// The fields of a field block, which must stay until the array was submitted: the C library copies them.
  mutating func append(block: UnsafeRawBufferPointer) {
    var fields = FieldIterator(block)
    while let field = fields.next() {
      append(
        nghttp2_nv(
          name: Self.pointer(field.name), value: Self.pointer(field.value),
          namelen: field.name.count, valuelen: field.value.count, flags: 0))
    }
  }

  private mutating func append(_ field: nghttp2_nv) {
    if count == capacity {
      let grown = UnsafeMutablePointer<nghttp2_nv>.allocate(capacity: capacity * 2)
      grown.update(from: base, count: count)
      base.deallocate()
      base = grown
      capacity *= 2
    }
    (base + count).initialize(to: field)
    count += 1
  }

  private static func pointer(_ bytes: UnsafeRawBufferPointer) -> UnsafeMutablePointer<UInt8>? {
    bytes.baseAddress.map {
      UnsafeMutableRawPointer(mutating: $0).assumingMemoryBound(to: UInt8.self)
    }
  }
}
