/// What generated code calls, one line a field: `writer.singular("displayName", displayName, proto:
/// "display_name")`. The second name is the schema's, where it differs.
extension JSONWriter {
  /// A field without presence: absent when it holds its default, unless the options want it.
  @inlinable public mutating func singular<V: JSONScalar>(
    _ jsonName: StaticString, _ value: V, proto: StaticString? = nil
  ) throws(JSONEncodingError) {
    guard printsDefaults || !value.isFieldDefault else { return }
    try present(jsonName, value, proto: proto)
  }

  /// A field with presence: a sub-message or `optional`.
  @inlinable public mutating func optional<V: JSONValue>(
    _ jsonName: StaticString, _ value: V?, proto: StaticString? = nil
  ) throws(JSONEncodingError) {
    guard let value else { return }
    try present(jsonName, value, proto: proto)
  }

  /// A field that is there: the member of a oneof.
  @inlinable public mutating func present<V: JSONValue>(
    _ jsonName: StaticString, _ value: V, proto: StaticString? = nil
  ) throws(JSONEncodingError) {
    name(jsonName, proto)
    try value.writeJSON(to: &self)
  }

  @inlinable public mutating func repeated<V: JSONValue>(
    _ jsonName: StaticString, _ values: [V], proto: StaticString? = nil
  ) throws(JSONEncodingError) {
    guard printsDefaults || !values.isEmpty else { return }
    name(jsonName, proto)
    try list(values)
  }

  @inlinable public mutating func map<K: JSONMapKey, V: JSONValue>(
    _ jsonName: StaticString, _ entries: [K: V], proto: StaticString? = nil
  ) throws(JSONEncodingError) {
    guard printsDefaults || !entries.isEmpty else { return }
    name(jsonName, proto)
    try object(entries)
  }

  @inlinable mutating func list<V: JSONValue>(_ values: [V]) throws(JSONEncodingError) {
    beginList()
    for value in values {
      element()
      try value.writeJSON(to: &self)
    }
    endList()
  }

  @inlinable mutating func object<K: JSONMapKey, V: JSONValue>(_ entries: [K: V])
    throws(JSONEncodingError)
  {
    beginMap()
    if options.deterministic {
      for (key, value) in entries.sorted(by: { K.precedes($0.key, $1.key) }) {
        try entry(key, value)
      }
    } else {
      for (key, value) in entries { try entry(key, value) }
    }
    endMap()
  }

  @inlinable mutating func entry<K: JSONMapKey, V: JSONValue>(_ key: K, _ value: V)
    throws(JSONEncodingError)
  {
    self.key()
    key.writeJSONKey(to: &self)
    colon()
    try value.writeJSON(to: &self)
  }
}
