/// A schema file as generated code embeds it: the bytes of its `FileDescriptorProto` without source
/// info, and the files it imports. Reflection serves the bytes as they are.
public struct FileDescriptor: Sendable {
  /// The path that other files import, such as `rollcall/v1/catalog.proto`.
  public let name: String
  /// Files imported by this one, in import order.
  public let dependencies: [FileDescriptor]
  private let base64: StaticString

  /// - Parameter base64: the serialized `FileDescriptorProto`; line breaks are ignored.
  public init(name: String, dependencies: [FileDescriptor], base64: StaticString) {
    self.name = name
    self.dependencies = dependencies
    self.base64 = base64
  }

  /// The serialized `FileDescriptorProto`, decoded on every call: keep the result.
  public var serialized: [UInt8] {
    base64.withUTF8Buffer { Base64Text.decode($0) }
  }

  /// The parsed file, parsed on every call: keep the result.
  /// - Throws: `DecodingError` when the embedded text was edited.
  public func parsed() throws(DecodingError) -> FileDescriptorProto {
    try FileDescriptorProto(wire: serialized)
  }

  /// This file and everything it imports, each once, imports first.
  public var transitiveClosure: [FileDescriptor] {
    var seen: Set<String> = []
    var files: [FileDescriptor] = []
    func visit(_ file: FileDescriptor) {
      guard seen.insert(file.name).inserted else { return }
      for dependency in file.dependencies { visit(dependency) }
      files.append(file)
    }
    visit(self)
    return files
  }
}

/// The base64 alphabet of embedded descriptors (RFC 4648 section 4), written by the generator.
public enum Base64Text {
  static let alphabet = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  /// Padded text in one line.
  public static func encode(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let count = min(3, bytes.count - start)
      var group: UInt32 = 0
      for index in 0..<3 {
        group = group << 8 | (index < count ? UInt32(bytes[start + index]) : 0)
      }
      for index in 0..<4 {
        let sextet = Int(group >> UInt32(18 - 6 * index) & 63)
        text.append(index <= count ? alphabet[sextet] : UInt8(ascii: "="))
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// Ignores every character outside the alphabet: line breaks and padding.
  static func decode(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8] {
    var values = [UInt8](repeating: 0xff, count: 256)
    for (value, character) in alphabet.enumerated() { values[Int(character)] = UInt8(value) }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count / 4 * 3)
    var group: UInt32 = 0
    var bits = 0
    for character in text {
      let value = values[Int(character)]
      guard value != 0xff else { continue }
      group = group << 6 | UInt32(value)
      bits += 6
      if bits >= 8 {
        bits -= 8
        bytes.append(UInt8(truncatingIfNeeded: group >> UInt32(bits)))
      }
    }
    return bytes
  }
}
