/// A schema file as generated code embeds it: the bytes of its `FileDescriptorProto` without source
/// info, and the files it imports. Reflection serves the bytes unchanged.
public final class FileDescriptor: Sendable {
  /// The path that other files import: `rollcall/v1/deployment.proto`.
  public let name: String
  /// What the file imports, in its order.
  public let dependencies: [FileDescriptor]
  private let content: Content

  private enum Content: Sendable {
    case base64(StaticString)
    case bytes([UInt8])
  }

  /// For generated code: a descriptor that costs nothing until somebody asks for its bytes.
  /// - Parameter base64: the serialized `FileDescriptorProto`; line breaks are ignored.
  public init(name: String, dependencies: [FileDescriptor], base64: StaticString) {
    self.name = name
    self.dependencies = dependencies
    content = .base64(base64)
  }

  public init(name: String, bytes: [UInt8], dependencies: [FileDescriptor] = []) {
    self.name = name
    self.dependencies = dependencies
    content = .bytes(bytes)
  }

  /// The serialized `google.protobuf.FileDescriptorProto`, decoded on every call: keep the result.
  public var bytes: [UInt8] {
    switch content {
    case .base64(let text): Base64.decode(generated: text)
    case .bytes(let bytes): bytes
    }
  }

  /// The parsed file, parsed on every call: keep the result.
  /// - Throws: `DecodingError` when the bytes are not a `FileDescriptorProto`.
  public func parsed() throws(DecodingError) -> FileDescriptorProto {
    try FileDescriptorProto(wire: bytes)
  }

  /// This file and everything it imports, each once, imports first.
  public var closure: [FileDescriptor] {
    var seen: Set<String> = []
    var files: [FileDescriptor] = []
    append(to: &files, seen: &seen)
    return files
  }

  private func append(to files: inout [FileDescriptor], seen: inout Set<String>) {
    guard seen.insert(name).inserted else { return }
    for dependency in dependencies { dependency.append(to: &files, seen: &seen) }
    files.append(self)
  }
}
