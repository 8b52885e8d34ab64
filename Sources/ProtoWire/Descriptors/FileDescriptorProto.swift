// The descriptors are read with a hand-written subset of google/protobuf/descriptor.proto: that schema is
// proto2, and the generator needs them to exist before it can generate anything.

/// One schema file as the compiler parsed it.
public struct FileDescriptorProto: WireDecodable {
  public var name = ""
  public var package = ""
  public var dependency: [String] = []
  public var publicDependency: [Int32] = []
  public var messageType: [DescriptorProto] = []
  public var enumType: [EnumDescriptorProto] = []
  public var service: [ServiceDescriptorProto] = []
  public var `extension`: [FieldDescriptorProto] = []
  public var options = FileOptions()
  public var sourceCodeInfo = SourceCodeInfo()
  /// "proto3", "editions", or empty for proto2.
  public var syntax = ""

  public init() {}

  public mutating func merge(from reader: inout WireReader) throws(DecodingError) {
    while !reader.atEnd {
      switch try reader.tag() {
      case 10: name = try reader.string()
      case 18: package = try reader.string()
      case 26: dependency.append(try reader.string())
      case 34: try reader.appendMessage(to: &messageType)
      case 42: try reader.appendMessage(to: &enumType)
      case 50: try reader.appendMessage(to: &service)
      case 58: try reader.appendMessage(to: &`extension`)
      case 66: try reader.message(&options)
      case 74: try reader.message(&sourceCodeInfo)
      case 80: publicDependency.append(try reader.int32())
      case 98: syntax = try reader.string()
      case let tag: try reader.skip(tag)
      }
    }
  }
}

/// The file options that the generator honours.
public struct FileOptions: WireDecodable {
  /// Replaces the prefix derived from the package; may be present and empty.
  public var swiftPrefix: String?
  public var deprecated = false

  public init() {}

  public mutating func merge(from reader: inout WireReader) throws(DecodingError) {
    while !reader.atEnd {
      switch try reader.tag() {
      case 184: deprecated = try reader.bool()
      case 314: swiftPrefix = try reader.string()
      case let tag: try reader.skip(tag)
      }
    }
  }
}

/// Comments and positions of a file's declarations.
public struct SourceCodeInfo: WireDecodable {
  public var location: [Location] = []

  public init() {}

  public mutating func merge(from reader: inout WireReader) throws(DecodingError) {
    while !reader.atEnd {
      switch try reader.tag() {
      case 10: try reader.appendMessage(to: &location)
      case let tag: try reader.skip(tag)
      }
    }
  }

  /// A declaration: its path is field numbers and indices from the file down.
  public struct Location: WireDecodable {
    public var path: [Int32] = []
    public var leadingComments = ""
    public var trailingComments = ""
    public var leadingDetachedComments: [String] = []

    public init() {}

    public mutating func merge(from reader: inout WireReader) throws(DecodingError) {
      while !reader.atEnd {
        switch try reader.tag() {
        case 8: path.append(try reader.int32())
        case 10: try reader.appendPacked(WireInt32.self, to: &path)
        case 26: leadingComments = try reader.string()
        case 34: trailingComments = try reader.string()
        case 50: leadingDetachedComments.append(try reader.string())
        case let tag: try reader.skip(tag)
        }
      }
    }
  }
}
