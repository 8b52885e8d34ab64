extension WireReader {
  /// How many length-delimited elements of this tag follow; the first one's tag has been read.
  @usableFromInline func run(of tag: UInt32) -> Int {
    var next = position
    var count = 0
    while true {
      var length = 0
      var shift = 0
      while true {
        guard next < end, shift < 35 else { return count }
        let byte = next.load(as: UInt8.self)
        next += 1
        length |= Int(byte & 0x7f) &<< shift
        shift &+= 7
        if byte < 0x80 { break }
      }
      guard length <= end - next else { return count }
      next += length
      count &+= 1
      if tag < 0x80 {
        guard next < end, UInt32(next.load(as: UInt8.self)) == tag else { return count }
        next += 1
      } else {
        guard tag < 0x4000, end - next >= 2 else { return count }
        let low = next.load(as: UInt8.self)
        let high = next.load(fromByteOffset: 1, as: UInt8.self)
        guard low >= 0x80, UInt32(low & 0x7f) | UInt32(high) << 7 == tag else { return count }
        next += 2
      }
    }
  }

  /// Appends one length-delimited element: a string, bytes or a message. The first one looks ahead and
  /// reserves room for its neighbours.
  @inlinable @inline(__always) public mutating func append<C: WireCodec>(
    _ codec: C.Type, to array: inout [C.Value], tag: UInt32
  ) throws(DecodingError) {
    if array.isEmpty {
      let count = run(of: tag)
      // Never reserves what the budget would refuse.
      if count > 1, count &* max(1, C.charge) <= budgetLeft { array.reserveCapacity(count) }
    }
    if C.charge > 0 { try charge(C.charge) }
    array.append(try C.read(from: &self))
  }

  /// Appends one element of an unpacked repeated number or enum.
  @inlinable @inline(__always) public mutating func appendUnpacked<C: WireCodec>(
    _ codec: C.Type, to array: inout [C.Value]
  ) throws(DecodingError) {
    array.append(try C.read(from: &self))
  }

  /// Appends the elements of a packed repeated number or enum.
  @inlinable public mutating func appendPacked<C: WireCodec>(
    _ codec: C.Type, to array: inout [C.Value]
  ) throws(DecodingError) {
    let count = try length()
    let stop = position + count
    if array.isEmpty { array.reserveCapacity(packedCount(codec, count)) }
    let outer = end
    end = stop
    while position < stop { array.append(try C.read(from: &self)) }
    end = outer
  }

  @inlinable func packedCount<C: WireCodec>(_ codec: C.Type, _ byteCount: Int) -> Int {
    if C.fixedSize > 0 { return byteCount / C.fixedSize }
    var elements = 0
    for byte in UnsafeRawBufferPointer(start: position, count: byteCount) where byte < 0x80 {
      elements &+= 1
    }
    return elements
  }

  /// Reads one map entry. The last entry of a key wins; a missing key or value is the default; messages
  /// that one entry gives twice are merged; fields that an entry does not have are skipped.
  @inlinable public mutating func mapEntry<K: WireKeyCodec, V: WireCodec>(
    _ key: K.Type, _ value: V.Type, into map: inout [K.Value: V.Value], tag: UInt32
  ) throws(DecodingError) {
    if map.isEmpty {
      let count = run(of: tag)
      if count &* max(1, V.charge) <= budgetLeft { map.reserveCapacity(min(count, 1024)) }
    }
    if V.charge > 0 { try charge(V.charge &* 2) }
    let outer = try enter()
    var entryKey = K.defaultValue
    var entryValue = V.defaultValue
    while !atEnd {
      let tag = try self.tag()
      if tag == 8 | K.wireType {
        entryKey = try K.read(from: &self)
      } else if tag == 16 | V.wireType {
        try V.merge(into: &entryValue, from: &self)
      } else {
        try skip(tag)
      }
    }
    leave(outer)
    map[entryKey] = entryValue
  }
}
