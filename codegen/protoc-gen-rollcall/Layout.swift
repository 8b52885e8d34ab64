/// Which messages keep their fields in a copy-on-write box.
enum Layout {
  /// A message with wider fields is boxed: a copy of a 328-byte struct was measured at 86 ns, of a box
  /// at 11 ns.
  static let inlineLimit = 200

  /// Recursion is decided before width, because the width of a recursive message is undefined.
  static func decideBoxes(of messages: [MessageType]) {
    for message in messages where contains(message, itself: message) { message.isBoxed = true }
    var widths: [String: Int] = [:]
    for message in messages { _ = width(of: message, &widths) }
  }

  /// Whether the message holds a value of its own type inline: through singular fields and oneofs.
  /// Arrays and dictionaries break the chain.
  private static func contains(_ target: MessageType, itself start: MessageType) -> Bool {
    var seen: Set<String> = []
    var queue = [start]
    while let message = queue.popLast() {
      for field in message.fields {
        let kind: Field.Kind
        switch field.shape {
        case .explicit(let inner), .member(let inner, _): kind = inner
        case .implicit, .repeated, .map: continue
        }
        guard case .message(let type, _) = kind else { continue }
        if type === target { return true }
        if seen.insert(type.fullName).inserted { queue.append(type) }
      }
    }
    return false
  }

  private static func width(of message: MessageType, _ known: inout [String: Int]) -> Int {
    if message.isBoxed { return 8 }
    if let width = known[message.fullName] { return width }
    var offset = 0
    func place(_ size: Int, _ alignment: Int) {
      offset = (offset + alignment - 1) / alignment * alignment + size
    }
    for field in message.fields {
      switch field.shape {
      case .repeated, .map: place(8, 8)
      case .implicit(let kind):
        let size = size(of: kind, &known)
        place(size, alignment(size))
      case .explicit(let kind):
        let size = size(of: kind, &known)
        place(hasSpareBits(kind) ? size : size + 1, alignment(size))
      case .member: continue
      }
    }
    for oneof in message.oneofs {
      let payload = oneof.fields.map { size(of: $0.kind, &known) }.max() ?? 0
      place(payload + 1, 8)
    }
    place(8, 8)  // unknown fields
    if offset > inlineLimit {
      message.isBoxed = true
      return 8
    }
    known[message.fullName] = offset
    return offset
  }

  private static func size(of kind: Field.Kind, _ known: inout [String: Int]) -> Int {
    switch kind {
    case .bool: 1
    case .int32, .uint32, .sint32, .fixed32, .sfixed32, .float: 4
    case .int64, .uint64, .sint64, .fixed64, .sfixed64, .double, .bytes: 8
    case .enumeration: 5
    case .string: 16
    case .message(let type, _): width(of: type, &known)
    }
  }

  private static func alignment(_ size: Int) -> Int { size == 1 ? 1 : size <= 5 ? 4 : 8 }

  /// Whether an Optional of the type costs no byte more.
  private static func hasSpareBits(_ kind: Field.Kind) -> Bool {
    switch kind {
    case .string, .bytes, .message, .bool, .enumeration: true
    default: false
    }
  }
}
