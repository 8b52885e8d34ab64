extension WireSizes {
  /// A plain field with its tag; nothing when it has the default value.
  @inlinable @inline(__always) public mutating func singular<C: WireCodec>(
    _ codec: C.Type, _ value: C.Value, tagSize: Int
  ) -> Int {
    C.isDefault(value) ? 0 : tagSize &+ C.size(value, &self)
  }

  /// A field with presence.
  @inlinable @inline(__always) public mutating func optional<C: WireCodec>(
    _ codec: C.Type, _ value: C.Value?, tagSize: Int
  ) -> Int {
    if let value { tagSize &+ C.size(value, &self) } else { 0 }
  }

  /// The member of a oneof that is there.
  @inlinable @inline(__always) public mutating func present<C: WireCodec>(
    _ codec: C.Type, _ value: C.Value, tagSize: Int
  ) -> Int {
    tagSize &+ C.size(value, &self)
  }

  /// An unpacked repeated field: tag and value for every element.
  @inlinable @inline(__always) public mutating func repeated<C: WireCodec>(
    _ codec: C.Type, _ values: [C.Value], tagSize: Int
  ) -> Int {
    values.count &* tagSize &+ C.size(all: values, &self)
  }

  /// A packed repeated field with its tag; nothing when empty.
  @inlinable public mutating func packed<C: WireCodec>(
    _ codec: C.Type, _ values: [C.Value], tagSize: Int
  ) -> Int {
    if values.isEmpty { return 0 }
    if C.fixedSize > 0 { return tagSize &+ delimitedSize(values.count &* C.fixedSize) }
    let slot = slot()
    var payload = 0
    for value in values { payload &+= C.size(value, &self) }
    fill(slot, payload)
    return tagSize &+ delimitedSize(payload)
  }

  /// A map field: tag and entry for every key.
  @inlinable @inline(__always) public mutating func map<K: WireKeyCodec, V: WireCodec>(
    _ key: K.Type, _ value: V.Type, _ entries: [K.Value: V.Value], tagSize: Int
  ) -> Int {
    if entries.isEmpty { return 0 }
    if deterministic { return sortedMap(key, value, entries, tagSize: tagSize) }
    var total = entries.count &* tagSize
    for (entryKey, entryValue) in entries {
      total &+= entry(key, value, entryKey, entryValue)
    }
    return total
  }

  @inlinable @inline(never) mutating func sortedMap<K: WireKeyCodec, V: WireCodec>(
    _ key: K.Type, _ value: V.Type, _ entries: [K.Value: V.Value], tagSize: Int
  ) -> Int {
    var total = entries.count &* tagSize
    for (entryKey, entryValue) in entries.sorted(by: { K.precedes($0.key, $1.key) }) {
      total &+= entry(key, value, entryKey, entryValue)
    }
    return total
  }

  @inlinable @inline(__always) mutating func entry<K: WireKeyCodec, V: WireCodec>(
    _: K.Type, _: V.Type, _ key: K.Value, _ value: V.Value
  ) -> Int {
    let slot = slot()
    let size = 2 &+ K.size(key, &self) &+ V.size(value, &self)
    fill(slot, size)
    return delimitedSize(size)
  }
}

extension WireWriter {
  @inlinable @inline(__always) public mutating func singular<C: WireCodec>(
    _ codec: C.Type, _ value: C.Value, tag: UInt32
  ) {
    if !C.isDefault(value) { present(codec, value, tag: tag) }
  }

  @inlinable @inline(__always) public mutating func optional<C: WireCodec>(
    _ codec: C.Type, _ value: C.Value?, tag: UInt32
  ) {
    if let value { present(codec, value, tag: tag) }
  }

  @inlinable @inline(__always) public mutating func present<C: WireCodec>(
    _ codec: C.Type, _ value: C.Value, tag: UInt32
  ) {
    self.tag(tag)
    C.write(value, to: &self)
  }

  @inlinable @inline(__always) public mutating func repeated<C: WireCodec>(
    _ codec: C.Type, _ values: [C.Value], tag: UInt32
  ) {
    C.write(all: values, tag: tag, to: &self)
  }

  @inlinable public mutating func packed<C: WireCodec>(
    _ codec: C.Type, _ values: [C.Value], tag: UInt32
  ) {
    if values.isEmpty { return }
    self.tag(tag)
    varint(
      C.fixedSize > 0 ? UInt64(truncatingIfNeeded: values.count &* C.fixedSize) : nextSize())
    for value in values { C.write(value, to: &self) }
  }

  @inlinable @inline(__always) public mutating func map<K: WireKeyCodec, V: WireCodec>(
    _ key: K.Type, _ value: V.Type, _ entries: [K.Value: V.Value], tag: UInt32
  ) {
    if entries.isEmpty { return }
    if deterministic { return sortedMap(key, value, entries, tag: tag) }
    for (entryKey, entryValue) in entries { entry(key, value, entryKey, entryValue, tag: tag) }
  }

  @inlinable @inline(never) mutating func sortedMap<K: WireKeyCodec, V: WireCodec>(
    _ key: K.Type, _ value: V.Type, _ entries: [K.Value: V.Value], tag: UInt32
  ) {
    for (entryKey, entryValue) in entries.sorted(by: { K.precedes($0.key, $1.key) }) {
      entry(key, value, entryKey, entryValue, tag: tag)
    }
  }

  @inlinable @inline(__always) mutating func entry<K: WireKeyCodec, V: WireCodec>(
    _: K.Type, _: V.Type, _ key: K.Value, _ value: V.Value, tag: UInt32
  ) {
    self.tag(tag)
    varint(nextSize())
    self.tag(8 | K.wireType)
    K.write(key, to: &self)
    self.tag(16 | V.wireType)
    V.write(value, to: &self)
  }
}
