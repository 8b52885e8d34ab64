/// A message whose JSON form is not an object of its fields. Inside a `google.protobuf.Any` it
/// stands under the key `value`.
protocol JSONWellKnown: Message {}

extension JSONReader {
  @inline(never) func malformed(
    _ text: UnsafeBufferPointer<UInt8>, _ type: String, at place: UnsafePointer<UInt8>
  ) -> JSONDecodingError {
    fail(.malformed(JSONPath.excerpt(text), type: type), at: place)
  }
}

/// The content's own fields beside `@type`, or, for well-known types, `@type` and `value`.
extension Google_Protobuf_Any: JSONWellKnown {
  public mutating func mergeJSON(from reader: inout JSONReader) throws(JSONDecodingError) {
    guard try reader.peek() == UInt8(ascii: "{") else { throw reader.unexpected("an object") }
    let start = reader.position
    let scan = try reader.lookAheadForType()
    guard let url = scan.url else {
      // `{}` is the empty Any; it takes back what an Any without a type writes.
      guard scan.isEmpty else {
        throw reader.fail(.missingType("the object has no @type"), at: start)
      }
      typeUrl = ""
      value = []
      return
    }
    guard let type = reader.options.types.type(url: url) else {
      throw reader.fail(.unknownType(JSONPath.excerpt(url)), at: start)
    }
    reader.position = start
    try reader.enterAny()
    value = try reader.content(of: type, at: start)
    reader.leaveAny()
    typeUrl = url
  }

  public func writeJSON(to writer: inout JSONWriter) throws(JSONEncodingError) {
    if typeUrl.isEmpty, value.isEmpty {
      try writer.beginObject()
      return writer.endObject()
    }
    guard let type = writer.options.types.type(url: typeUrl) else {
      throw .unknownType(JSONPath.excerpt(typeUrl))
    }
    try writer.enterAny()
    try writer.content(of: type, self)
    writer.leaveAny()
  }
}

extension JSONReader {
  /// Reads the object that is next only for its `@type`.
  fileprivate mutating func lookAheadForType() throws(JSONDecodingError) -> (
    url: String?, isEmpty: Bool
  ) {
    try beginMap()
    var isFirst = true
    var isEmpty = true
    while try nextEntry(&isFirst) {
      isEmpty = false
      let isType = JSONNumber.matches(try scanString(), "@type")
      try colon()
      if isType {
        return (try string(), false)
      }
      try skipValue()
    }
    return (nil, isEmpty)
  }

  fileprivate mutating func content<M: Message>(of type: M.Type, at start: UnsafePointer<UInt8>)
    throws(JSONDecodingError) -> [UInt8]
  {
    var message = M()
    // Some write `Empty` as a well-known type, with a value, and some as the message without fields that it is.
    guard type is any JSONWellKnown.Type || type == Google_Protobuf_Empty.self else {
      typedObject = start
      try message.mergeJSON(from: &self)
      return message.serialized(deterministic: true)
    }
    try beginMap()
    var isFirst = true
    var hasType = false
    var hasValue = false
    while try nextEntry(&isFirst) {
      let place = position
      let key = try scanString()
      if JSONNumber.matches(key, "@type") {
        guard !hasType else { throw fail(.duplicateField("@type"), at: place) }
        hasType = true
        try colon()
        _ = try scanString()
      } else if JSONNumber.matches(key, "value") {
        guard !hasValue else { throw fail(.duplicateField("value"), at: place) }
        hasValue = true
        try colon()
        try message.mergeJSON(from: &self)
      } else {
        guard options.ignoreUnknownFields else {
          throw fail(.unknownField(JSONPath.excerpt(key), message: M.fullName), at: place)
        }
        try colon()
        try skipValue()
      }
    }
    guard hasValue || type == Google_Protobuf_Empty.self else {
      throw fail(.missingType("no value beside @type \(M.fullName)"), at: start)
    }
    return message.serialized(deterministic: true)
  }
}

extension JSONWriter {
  fileprivate mutating func content<M: Message>(of type: M.Type, _ any: Google_Protobuf_Any)
    throws(JSONEncodingError)
  {
    let message: M
    do {
      message = try M(wire: any.value)
    } catch {
      throw .malformedAny(JSONPath.excerpt(any.typeUrl))
    }
    pendingType = any.typeUrl
    if type is any JSONWellKnown.Type {
      try beginObject()
      name("value")
      try message.writeJSON(to: &self)
      endObject()
    } else {
      try message.writeJSON(to: &self)
    }
  }
}
