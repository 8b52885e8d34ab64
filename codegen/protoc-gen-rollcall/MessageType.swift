/// A message of the schema with the Swift names it gets.
final class MessageType {
  /// The schema's name without a leading dot: `rollcall.v1.Rollout.Step`.
  let fullName: String
  /// The last component in Swift: `Step`.
  let swiftName: String
  /// As written from anywhere in its module: `Rollout.Step`.
  let swiftPath: String
  unowned let file: ProtoFile
  /// The Swift module that holds the generated type.
  var module: String? { file.module }
  let comment: Comment
  /// In schema order. Codecs walk `fieldsByNumber`.
  var fields: [Field] = []
  /// Without the synthetic ones of proto3 `optional`.
  var oneofs: [Oneof] = []
  var messages: [MessageType] = []
  var enums: [EnumType] = []
  /// Of a message of the top level: names for types that something inside it hides.
  var aliases: [(name: String, target: String)] = []
  /// The names of its members: nested types, oneofs, properties.
  var scope = NameScope(reserved: Naming.messageMembers)
  /// The protocols of its shapes, without those that another of them implies.
  var shapes: [String] = []
  /// The field that it carries its content in, and the name that every envelope has for that.
  var content: (name: String, field: Field)?
  /// The fields live in a copy-on-write box: the message is wide, or contains itself.
  var isBoxed = false

  init(
    fullName: String, swiftName: String, swiftPath: String, file: ProtoFile, comment: Comment
  ) {
    self.fullName = fullName
    self.swiftName = swiftName
    self.swiftPath = swiftPath
    self.file = file
    self.comment = comment
  }

  var fieldsByNumber: [Field] { fields.sorted { $0.number < $1.number } }

  /// Whether `name`, written inside, is one of the types that are generated here.
  func declares(_ name: Substring) -> Bool {
    messages.contains { $0.swiftName == name } || enums.contains { $0.swiftName == name }
      || oneofs.contains { $0.typeName == name }
  }
}

/// A oneof: an enum with a case for each member, and an optional property of it.
final class Oneof {
  let name: String
  /// The property's name, escaped.
  let swiftName: String
  /// The nested enum's name.
  let typeName: String
  let comment: Comment
  var fields: [Field] = []
  /// The names of its cases.
  var cases = NameScope(reserved: Naming.oneofMembers)

  init(name: String, swiftName: String, typeName: String, comment: Comment) {
    self.name = name
    self.swiftName = swiftName
    self.typeName = typeName
    self.comment = comment
  }
}
