/// What `protoc` sends to a plugin on standard input.
public struct CodeGeneratorRequest: WireDecodable {
  public var filesToGenerate: [String] = []
  /// The text after `--NAME_opt=`.
  public var parameter = ""
  /// Serialized `FileDescriptorProto`s, imports before importers: kept raw to be embedded as they are.
  public var protoFiles: [[UInt8]] = []

  public init() {}

  public mutating func merge(from reader: inout WireReader) throws(DecodingError) {
    while !reader.atEnd {
      switch try reader.tag() {
      case 10: filesToGenerate.append(try reader.string())
      case 18: parameter = try reader.string()
      case 122: protoFiles.append(try reader.bytes())
      case let tag: try reader.skip(tag)
      }
    }
  }
}

/// What a plugin answers on standard output: files, or an error that `protoc` prints.
public struct CodeGeneratorResponse: WireMessage {
  /// Set in `supportedFeatures` by a plugin that knows proto3 `optional`.
  public static let featureProto3Optional: UInt64 = 1

  public var error: String?
  public var supportedFeatures: UInt64 = 0
  public var files: [File] = []
  public var unknownFields = UnknownFields()

  public init() {}

  public mutating func merge(from reader: inout WireReader) throws(DecodingError) {
    while !reader.atEnd {
      let start = reader.mark
      switch try reader.tag() {
      case 10: error = try reader.string()
      case 16: supportedFeatures = try reader.uint64()
      case 122: try reader.appendMessage(to: &files)
      case let tag: try reader.unknown(tag, from: start, into: &unknownFields)
      }
    }
  }

  public func byteSize(_ sizes: inout WireSizes) -> Int {
    var total = unknownFields.byteCount
    if let error { total += 1 + delimitedSize(error.utf8.count) }
    if supportedFeatures != 0 { total += 1 + varintSize(supportedFeatures) }
    total += sizes.repeated(WireSubmessage<File>.self, files, tagSize: 1)
    return total
  }

  public func write(to writer: inout WireWriter) {
    if let error {
      writer.tag(10)
      writer.string(error)
    }
    if supportedFeatures != 0 {
      writer.tag(16)
      writer.uint64(supportedFeatures)
    }
    writer.repeated(WireSubmessage<File>.self, files, tag: 122)
    writer.unknown(unknownFields)
  }

  /// One generated file.
  public struct File: WireMessage {
    public var name = ""
    public var content = ""
    public var unknownFields = UnknownFields()

    public init() {}

    public mutating func merge(from reader: inout WireReader) throws(DecodingError) {
      while !reader.atEnd {
        let start = reader.mark
        switch try reader.tag() {
        case 10: name = try reader.string()
        case 122: content = try reader.string()
        case let tag: try reader.unknown(tag, from: start, into: &unknownFields)
        }
      }
    }

    public func byteSize(_ sizes: inout WireSizes) -> Int {
      1 + delimitedSize(name.utf8.count) + 1 + delimitedSize(content.utf8.count)
        + unknownFields.byteCount
    }

    public func write(to writer: inout WireWriter) {
      writer.tag(10)
      writer.string(name)
      writer.tag(122)
      writer.string(content)
      writer.unknown(unknownFields)
    }
  }
}
