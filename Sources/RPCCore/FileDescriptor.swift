/// One `.proto` file as the compiler saw it: the raw `FileDescriptorProto` without source info, and the files it imports.
///
/// Reflection serves these bytes unchanged.
public final class FileDescriptor: Sendable {
  /// The path it was imported by: `rollcall/v1/deployments.proto`.
  public let name: String
  /// A serialized `google.protobuf.FileDescriptorProto`.
  public let bytes: [UInt8]
  /// What the file imports, in its order.
  public let dependencies: [FileDescriptor]

  public init(name: String, bytes: [UInt8], dependencies: [FileDescriptor] = []) {
    self.name = name
    self.bytes = bytes
    self.dependencies = dependencies
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
