extension JSONReader {
  /// Enters the object of a message.
  public mutating func beginObject() throws(JSONDecodingError) -> JSONObject {
    guard try peek() == UInt8(ascii: "{") else { throw unexpected("an object") }
    let object = JSONObject(isAnyContent: position == typedObject)
    position += 1
    return object
  }

  /// The number of the next field, whose value is next; `nil` after the last one.
  ///
  /// A `null` that only means absence is consumed here, and so are unknown fields when they are
  /// ignored.
  /// - Throws: for an unknown field, a field that was there before, the second member of a oneof.
  public mutating func nextField(_ object: inout JSONObject, of table: JSONFields)
    throws(JSONDecodingError) -> Int32?
  {
    if ignoredValue {
      ignoredValue = false
      let oneof = table.fields[object.last].oneof
      if oneof >= 0 { object.remove(table.fields.count + oneof) }
    }
    while try nextEntry(&object.isFirst) {
      let place = position
      let name = try scanString()
      guard let index = table.index(of: name, guess: object.last + 1) else {
        try unknownField(name, at: place, &object, table)
        continue
      }
      let field = table.fields[index]
      object.last = index
      guard object.insert(index) else {
        throw fail(.duplicateField("\(field.protoName)"), at: place)
      }
      try colon()
      if try peek() == UInt8(ascii: "n"), !field.takesNull {
        try literal("null")
        continue
      }
      if field.oneof >= 0, !object.insert(table.fields.count + field.oneof) {
        throw fail(.oneofSetTwice("\(field.protoName)"), at: place)
      }
      return field.number
    }
    return nil
  }

  @inline(never) private mutating func unknownField(
    _ name: UnsafeBufferPointer<UInt8>, at place: UnsafePointer<UInt8>,
    _ object: inout JSONObject, _ table: JSONFields
  ) throws(JSONDecodingError) {
    if object.isAnyContent, JSONNumber.matches(name, "@type") {
      guard !object.hasType else { throw fail(.duplicateField("@type"), at: place) }
      object.hasType = true
    } else if !options.ignoreUnknownFields {
      throw fail(.unknownField(JSONPath.excerpt(name), message: table.message), at: place)
    }
    try colon()
    try skipValue()
  }

  // MARK: Values of fields

  /// The value of a field; `nil` for an enum name that is unknown and ignored.
  @inlinable public mutating func value<V: JSONValue>(_: V.Type) throws(JSONDecodingError) -> V? {
    try V.readJSON(from: &self)
  }

  /// A message within the one being read.
  mutating func nested<M: Message>(_: M.Type) throws(JSONDecodingError) -> M {
    var message = M()
    try enter()
    try message.mergeJSON(from: &self)
    leave()
    return message
  }

  /// Reads a field without presence.
  @inlinable public mutating func singular<V: JSONValue>(_ field: inout V) throws(JSONDecodingError)
  {
    if let value = try V.readJSON(from: &self) { field = value }
  }

  /// Reads an `optional` field.
  @inlinable public mutating func optional<V: JSONValue>(_ field: inout V?)
    throws(JSONDecodingError)
  {
    if let value = try V.readJSON(from: &self) { field = value }
  }

  /// Appends the elements of a list. `null` is no element, unless it is a value of the type.
  @inlinable public mutating func repeated<V: JSONValue>(_ field: inout [V])
    throws(JSONDecodingError)
  {
    try beginList()
    var isFirst = true
    while try nextElement(&isFirst) {
      if V.elementCharge > 0 { try charge(V.elementCharge) }
      if let value = try V.readJSON(from: &self) { field.append(value) }
    }
    ignoredValue = false
  }

  /// Reads the entries of a map. `null` is no value, unless it is one of the type.
  /// - Throws: also for a key that the object has twice.
  @inlinable public mutating func map<K: JSONMapKey, V: JSONValue>(_ field: inout [K: V])
    throws(JSONDecodingError)
  {
    try beginMap()
    var isFirst = true
    while try nextEntry(&isFirst) {
      let place = mark
      let key = try K.readJSONKey(from: &self)
      try colon()
      if V.elementCharge > 0 { try charge(V.elementCharge &* 2) }
      try enter()
      let value = try V.readJSON(from: &self)
      leave()
      ignoredValue = false
      guard let value else { continue }
      // The map was empty before: a key that is there is a duplicate.
      if field.updateValue(value, forKey: key) != nil { throw duplicateKey("\(key)", at: place) }
    }
  }

  @usableFromInline var mark: Int { position - start }

  @usableFromInline @inline(never) func duplicateKey(_ key: String, at offset: Int)
    -> JSONDecodingError
  {
    fail(.duplicateKey(JSONPath.excerpt(key)), at: start + offset)
  }
}
