/// What several messages have in common: a protocol for them.
struct Shape {
  struct Property {
    /// The schema's name.
    let field: String
    let swiftName: String
    let type: String
    /// The module of the type; nil: the one that is generated, or Swift's own.
    let module: String?
  }

  let name: String
  /// What code is generated for the first message that has it.
  let file: String
  let comment: String
  /// The message type that its property is made of, for envelopes.
  var associatedType: String?
  /// Those that its parents do not have.
  var properties: [Property]
  /// The shapes with some of its fields, without those that another of them implies.
  var parents: [String] = []

  /// The shapes of the messages of `files`, each message told of its own.
  ///
  /// - Throws: `unusedShape` for one that no message has, `unevenShape` when two messages have the fields with other types.
  static func find(_ options: GeneratorOptions, in files: [ProtoFile]) throws(GeneratorError)
    -> [Shape]
  {
    var shapes: [Shape] = []
    let messages = files.flatMap { $0.messages.flatMap(\.withNested) }
    let wanted = options.shapes
    for (name, fields) in wanted {
      var shape: (first: MessageType, properties: [Property])?
      for message in messages {
        guard let properties = message.properties(named: fields) else { continue }
        guard let (first, known) = shape else {
          shape = (message, properties)
          continue
        }
        for (mine, other) in zip(properties, known)
        where mine.type != other.type || mine.swiftName != other.swiftName {
          throw .unevenShape(
            file: message.file.path, shape: name, field: mine.field, message: message.fullName,
            type: mine.declaration, other: first.fullName, otherType: other.declaration)
        }
      }
      guard let shape else { throw .unusedShape(name) }
      let implied = wanted.filter { Set($0.fields).isStrictSubset(of: fields) }
      let inherited = Set(implied.flatMap(\.fields))
      shapes.append(
        Shape(
          name: name, file: shape.first.file.path,
          comment: "Messages with \(fields.map { "`\($0)`" }.joined(separator: ", ")).",
          properties: shape.properties.filter { !inherited.contains($0.field) },
          parents: mostSpecific(implied)))
    }
    for message in messages {
      message.shapes = mostSpecific(wanted.filter { message.properties(named: $0.fields) != nil })
    }
    if options.envelopes { shapes += try findEnvelopes(in: files) }
    return shapes
  }

  private static func mostSpecific(_ shapes: [(name: String, fields: [String])]) -> [String] {
    shapes.filter { shape in
      !shapes.contains { Set(shape.fields).isStrictSubset(of: $0.fields) }
    }.map(\.name)
  }

  // MARK: Envelopes

  private static let envelope = Shape(
    name: "Envelope", file: "option Envelopes",
    comment: "Requests and answers that carry one message in their first field.",
    associatedType: "Content",
    properties: [Property(field: "", swiftName: "content", type: "Content?", module: nil)])
  private static let listEnvelope = Shape(
    name: "ListEnvelope", file: "option Envelopes",
    comment: "Requests and answers that carry a list of messages in their first field.",
    associatedType: "Item",
    properties: [Property(field: "", swiftName: "items", type: "[Item]", module: nil)])

  private static func findEnvelopes(in files: [ProtoFile]) throws(GeneratorError) -> [Shape] {
    let ends = files.flatMap {
      $0.services.flatMap { $0.methods.flatMap { [$0.input, $0.output] } }
    }
    let carriers = Set(ends.map(\.fullName))
    for message in files.flatMap(\.messages) where carriers.contains(message.fullName) {
      guard let field = message.fields.first(where: { $0.number == 1 }) else { continue }
      switch field.shape {
      case .explicit(.message): try message.carry("content", field, as: envelope.name)
      case .repeated(.message, _): try message.carry("items", field, as: listEnvelope.name)
      default: continue
      }
    }
    return [envelope, listEnvelope]
  }
}

extension Shape.Property {
  var declaration: String { "\(swiftName): \(type)" }
}

extension MessageType {
  /// Itself and every message that is declared inside.
  fileprivate var withNested: [MessageType] { [self] + messages.flatMap(\.withNested) }

  /// The properties of these fields; nil when one is missing or a oneof's member.
  fileprivate func properties(named names: [String]) -> [Shape.Property]? {
    var result: [Shape.Property] = []
    for name in names {
      guard let field = fields.first(where: { $0.name == name }) else { return nil }
      if case .member = field.shape { return nil }
      let (type, module) = field.outsideType
      result.append(
        Shape.Property(field: name, swiftName: field.swiftName, type: type, module: module))
    }
    return result
  }

  fileprivate func carry(_ name: String, _ field: Field, as shape: String) throws(GeneratorError) {
    if field.swiftName != name, scope.isTaken(name) {
      throw .sameName(
        file: file.path, name: "\(fullName).\(field.name) as an envelope's content",
        other: "another field of it", swiftName: name)
    }
    shapes.append(shape)
    content = (name, field)
  }
}

extension Field {
  /// The type of the property as it is written outside the message, and the module of a schema's type.
  fileprivate var outsideType: (String, module: String?) {
    func path(_ kind: Kind) -> (String, module: String?) {
      switch kind {
      case .message(let type, _): (type.swiftPath, type.module)
      case .enumeration(let type, _): (type.swiftPath, type.module)
      default: (kind.swiftType, nil)
      }
    }
    let (type, module) = path(kind)
    switch shape {
    case .implicit, .member: return (type, module)
    case .explicit: return (type + "?", module)
    case .repeated: return ("[\(type)]", module)
    case .map(let key, _): return ("[\(key.swiftType): \(type)]", module)
    }
  }
}
