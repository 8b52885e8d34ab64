/// A value that can be read from its protobuf wire form: all that descriptors implement.
public protocol WireDecodable: Sendable, Hashable {
  /// The empty message.
  init()
  /// Merges fields until the reader's current end: scalars are replaced, repeated fields and maps grow,
  /// sub-messages merge. After a throw the value is valid but unspecified.
  mutating func merge(from reader: inout WireReader) throws(DecodingError)
}

/// A value with a protobuf wire form, read and written: the part of `Message` that the binary codec needs.
public protocol WireMessage: WireDecodable {
  /// The encoded size in bytes. First pass of encoding: remembers nested sizes in visit order.
  func byteSize(_ sizes: inout WireSizes) -> Int
  /// Second pass of encoding: writes exactly `byteSize` bytes and takes nested sizes in the same order.
  func write(to writer: inout WireWriter)
  /// What a newer schema put into this message; preserved by decoding and re-encoding.
  var unknownFields: UnknownFields { get set }
}

/// A generated protobuf message: a plain value with a binary and a JSON form.
public protocol Message: WireMessage, JSONValue {
  /// The schema's name, such as `rollcall.v1.Deployment`.
  static var fullName: String { get }
  /// Merges the fields of the JSON value that is next. After a throw the value is valid but unspecified.
  mutating func mergeJSON(from reader: inout JSONReader) throws(JSONDecodingError)
}

extension WireDecodable {
  /// Decodes a whole message.
  /// - Throws: `DecodingError` for anything that is not a well-formed message within the options' limits.
  @inlinable public init(wire: UnsafeRawBufferPointer, options: DecodingOptions = .init())
    throws(DecodingError)
  {
    self.init()
    var reader = WireReader(wire, options: options)
    try merge(from: &reader)
  }

  /// Decodes a whole message.
  @inlinable public init(wire: [UInt8], options: DecodingOptions = .init()) throws(DecodingError) {
    self.init()
    try merge(wire: wire, options: options)
  }

  /// Merges an encoded message into this one.
  @inlinable public mutating func merge(wire: [UInt8], options: DecodingOptions = .init())
    throws(DecodingError)
  {
    let result = wire.withUnsafeBytes { bytes -> Result<Void, DecodingError> in
      var reader = WireReader(bytes, options: options)
      do throws(DecodingError) {
        try merge(from: &reader)
        return .success(())
      } catch {
        return .failure(error)
      }
    }
    try result.get()
  }
}

extension WireMessage {
  /// The encoded message. Map entries come in no particular order unless `deterministic`, which sorts
  /// them by key: the same value then gives the same bytes in every process.
  /// - Precondition: the encoded size fits in 2 GiB, protobuf's own limit.
  @inlinable public func serialized(deterministic: Bool = false) -> [UInt8] {
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 64) { memory in
      var sizes = WireSizes(startingIn: memory, deterministic: deterministic)
      let count = byteSize(&sizes)
      if count == 0 { return [] }
      return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
        encode(into: UnsafeMutableRawBufferPointer(buffer), count: count, sizes: sizes)
        initialized = count
      }
    }
  }

  /// Encodes into the start of a buffer of the caller after `byteSize(&sizes)` returned `count`.
  /// Traps when the two passes disagree, which generated code never does.
  @inlinable public func encode(
    into buffer: UnsafeMutableRawBufferPointer, count: Int, sizes: borrowing WireSizes
  ) {
    precondition(count <= buffer.count, "buffer is smaller than the message")
    guard count > 0 else { return }
    var writer = WireWriter(UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]), sizes: sizes)
    write(to: &writer)
    precondition(writer.remaining == 0, "written size differs from the computed size")
  }

  /// A message filled in by a closure: `Step.with { $0.name = "canary" }`.
  @inlinable public static func with<E: Error>(_ populate: (inout Self) throws(E) -> Void) throws(E)
    -> Self
  {
    var message = Self()
    try populate(&message)
    return message
  }
}
