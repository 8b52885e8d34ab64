/// A schema file with everything that it declares.
final class ProtoFile {
  /// `rollcall/v1/catalog.proto`.
  let path: String
  /// `proto3`, `proto2` or `editions`.
  let syntax: String
  let package: String
  let module: String?
  /// The serialized descriptor without source info.
  let descriptor: [UInt8]
  let dependencies: [ProtoFile]
  let comment: Comment
  var messages: [MessageType] = []
  var enums: [EnumType] = []
  var services: [ServiceType] = []
  /// Singular extensions of `google.protobuf.MethodOptions`.
  var methodOptions: [MethodOptionType] = []

  init(
    path: String, syntax: String, package: String, module: String?, descriptor: [UInt8],
    dependencies: [ProtoFile], comment: Comment
  ) {
    self.path = path
    self.syntax = syntax
    self.package = package
    self.module = module
    self.descriptor = descriptor
    self.dependencies = dependencies
    self.comment = comment
  }

  /// The global that holds the embedded descriptor: `rollcallV1CatalogProto`.
  var descriptorName: String {
    let words = path.split { !$0.isLetter && !$0.isNumber }.map(String.init)
    let name = Naming.lowerFirst(words.map(Naming.upperFirst).joined())
    return name.first?.isNumber == true ? "_" + name : name
  }

  /// `rollcall.v1.catalog.pb.swift`: flat, because a Swift module wants unique file names.
  var outputName: String {
    var stem = path.split(separator: "/").joined(separator: ".")
    if stem.hasSuffix(".proto") { stem.removeLast(6) }
    return stem + ".pb.swift"
  }
}
