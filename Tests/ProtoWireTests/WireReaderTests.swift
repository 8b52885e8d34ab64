import Testing

@testable import ProtoWire

@Suite struct WireReaderTests {
  @Test(
    arguments: [
      ([0x00], 0), ([0x7f], 127), ([0x80, 0x01], 128), ([0xff, 0x7f], 16383),
      ([0x80, 0x80, 0x01], 16384), ([0x80, 0x00], 0),
      ([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], UInt64(Int64.max)),
      ([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], UInt64.max),
    ] as [([UInt8], UInt64)])
  func `varints of every length`(bytes: [UInt8], value: UInt64) throws {
    let read = try bytes.withUnsafeBytes { buffer in
      var reader = WireReader(buffer)
      let value = try reader.varint()
      let isRead = reader.atEnd
      #expect(isRead)
      return value
    }
    #expect(read == value)
    #expect(varintSize(value) <= bytes.count)
  }

  @Test func `a varint reads the same whatever follows it`() throws {
    for bits in 0..<64 {
      for value in [UInt64(1) << bits, UInt64.max >> (63 - bits), 0x5555_5555_5555_5555 >> bits] {
        var encoded: [UInt8] = []
        var rest = value
        while rest >= 0x80 {
          encoded.append(UInt8(truncatingIfNeeded: rest) | 0x80)
          rest >>= 7
        }
        encoded.append(UInt8(rest))
        for tail in [0, 1, 6, 7, 8, 20] {
          for filler in [0x00, 0x7f, 0x80, 0xff] as [UInt8] {
            let bytes = encoded + [UInt8](repeating: filler, count: tail)
            try bytes.withUnsafeBytes { buffer in
              var reader = WireReader(buffer)
              let read = try reader.varint()
              let used = reader.mark - buffer.baseAddress.unsafelyUnwrapped
              #expect(read == value && used == encoded.count, "\(bytes)")
            }
          }
        }
      }
    }
  }

  @Test func `a byte that is not ASCII is found at every place of a string`() throws {
    for count in 1...40 {
      for place in 0..<count {
        var text = [UInt8](repeating: 0x61, count: count)
        text[place] = 0xff
        let bytes = [0x0a, UInt8(count)] + text
        #expect(throws: DecodingError.self) { try Google_Protobuf_Any(wire: bytes) }
        if place + 1 < count {
          text[place] = 0xc3
          text[place + 1] = 0xa9
          let any = try Google_Protobuf_Any(wire: [0x0a, UInt8(count)] + text)
          #expect(any.typeUrl.utf8.elementsEqual(text) && any.typeUrl.contains("é"))
        }
      }
    }
  }

  @Test(
    arguments: [
      (.max, 10), (1 << 63, 10), ((1 << 63) - 1, 9), (1 << 56, 9), ((1 << 56) - 1, 8), (1 << 7, 2),
      (127, 1), (0, 1),
    ] as [(UInt64, Int)])
  func `the size of a varint`(value: UInt64, size: Int) {
    #expect(varintSize(value) == size)
  }

  // Read as Google_Protobuf_Any: 1 is a string, 2 is bytes.
  @Test(
    arguments: [
      ([0x80], DecodingError.truncated(offset: 0)),
      ([0x08], .truncated(offset: 1)),
      ([0x08, 0x80], .truncated(offset: 1)),
      ([0x08] + Array(repeating: 0x80, count: 10), .malformedVarint(offset: 1)),
      ([0x00], .invalidTag(offset: 0)),
      ([0x07, 0x01], .invalidTag(offset: 0)),
      ([0x80, 0x00, 0x01], .invalidTag(offset: 2)),
      // Field number 2^29, one more than the largest.
      ([0x80, 0x80, 0x80, 0x80, 0x10, 0x01], .invalidTag(offset: 5)),
      ([0x0e], .invalidTag(offset: 1)),
      ([0x0f], .invalidTag(offset: 1)),
      // An end-group without a start, a start without an end, an end of another number.
      ([0x0c], .invalidTag(offset: 1)),
      ([0x0b], .truncated(offset: 1)),
      ([0x0b, 0x14], .invalidTag(offset: 2)),
      // Lengths: one too many, 2^31-1, 2^63, ten bytes of ones.
      ([0x0a, 0x02, 0x61], .truncated(offset: 2)),
      ([0x0a, 0xff, 0xff, 0xff, 0xff, 0x07], .truncated(offset: 6)),
      ([0x12, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01], .truncated(offset: 11)),
      ([0x1a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], .truncated(offset: 11)),
      // Fixed widths, one byte short.
      ([0x1d, 1, 2, 3], .truncated(offset: 1)),
      ([0x19, 1, 2, 3, 4, 5, 6, 7], .truncated(offset: 1)),
      // A lone continuation byte, a surrogate, an overlong form.
      ([0x0a, 0x01, 0x80], .invalidUTF8(offset: 2)),
      ([0x0a, 0x03, 0xed, 0xa0, 0x80], .invalidUTF8(offset: 2)),
      ([0x0a, 0x02, 0xc0, 0xaf], .invalidUTF8(offset: 2)),
    ] as [([UInt8], DecodingError)])
  func `malformed bytes are refused with their place`(bytes: [UInt8], error: DecodingError) {
    #expect(throws: error) { try Google_Protobuf_Any(wire: bytes) }
  }

  @Test func `the largest field number is legal`() throws {
    let bytes: [UInt8] = [0xf8, 0xff, 0xff, 0xff, 0x0f, 0x01]
    #expect(try Google_Protobuf_Any(wire: bytes).unknownFields.bytes == bytes)
  }

  @Test func `a string keeps its NUL`() throws {
    let any = try Google_Protobuf_Any(wire: [0x0a, 0x03, 0x41, 0x00, 0x42])
    #expect(any.typeUrl == "A\0B")
    #expect(any.serialized() == [0x0a, 0x03, 0x41, 0x00, 0x42])
  }

  @Test(arguments: [(99, true), (100, true), (101, false), (200_000, false)])
  func `unknown groups count against the depth limit`(levels: Int, accepted: Bool) {
    let open = Array(repeating: 0x1b as UInt8, count: levels)
    let close = Array(repeating: 0x1c as UInt8, count: levels)
    if accepted {
      #expect(throws: Never.self) { try Google_Protobuf_Any(wire: open + close) }
    } else {
      #expect(throws: DecodingError.nestingTooDeep(limit: 100)) {
        try Google_Protobuf_Any(wire: open + close)
      }
    }
  }

  @Test func `limits are options`() {
    let nested = Google_Protobuf_ListValue.with {
      $0.values = [.with { $0.kind = .listValue(.init()) }]
    }
    let bytes = nested.serialized()
    #expect(throws: DecodingError.nestingTooDeep(limit: 1)) {
      try Google_Protobuf_ListValue(wire: bytes, options: .init(depthLimit: 1))
    }
    #expect(throws: DecodingError.allocationBudgetExceeded(limit: 10)) {
      try Google_Protobuf_ListValue(
        wire: bytes, options: .init(allocationFactor: 1, minimumAllocationBudget: 10))
    }
  }

  @Test(arguments: [1, 2, 100])
  func `messages in a map count against the memory grant, twice for the table's gaps`(
    count: Int
  ) throws {
    // Entries of one key each, without a value: five bytes of input.
    let bytes = (0..<count).flatMap { [0x0a, 0x03, 0x0a, 0x01, UInt8(0x20 + $0 % 95)] as [UInt8] }
    let needed = 2 * count * MemoryLayout<Google_Protobuf_Value>.stride
    func decode(granting budget: Int) throws -> Int {
      try Google_Protobuf_Struct(
        wire: bytes, options: .init(allocationFactor: 0, minimumAllocationBudget: budget)
      ).fields.count
    }
    for budget in [needed, needed + 1] {
      #expect(try decode(granting: budget) == min(count, 95))
    }
    #expect(throws: DecodingError.allocationBudgetExceeded(limit: needed - 1)) {
      try decode(granting: needed - 1)
    }
  }

  @Test func `one sub-message repeated many times merges in linear time`() throws {
    // A quadratic merge of a growing list would take minutes here.
    let element: [UInt8] = [0x32, 0x02, 0x0a, 0x00]  // Value.list_value with one empty value
    let bytes = Array(repeatElement(element, count: 100_000).joined())
    let value = try Google_Protobuf_Value(
      wire: bytes, options: .init(minimumAllocationBudget: 1 << 26))
    guard case .listValue(let list) = value.kind else {
      Issue.record("not a list")
      return
    }
    #expect(list.values.count == 100_000)
  }

  @Test func `an embedded descriptor decodes to the file it came from`() throws {
    let file = try googleProtobufTimestampProto.parsed()
    #expect(file.name == "google/protobuf/timestamp.proto")
    #expect(file.package == "google.protobuf")
    #expect(file.messageType.map(\.name) == ["Timestamp"])
    #expect(file.messageType[0].field.map(\.name) == ["seconds", "nanos"])
    #expect(file.sourceCodeInfo.location.isEmpty)
  }

  @Test func `base64 of every remainder`() {
    for count in 0..<7 {
      let bytes = (0..<count).map { UInt8(250 + $0) }
      var expected = ""
      switch count {
      case 1: expected = "+g=="
      case 2: expected = "+vs="
      case 3: expected = "+vv8"
      default: continue
      }
      #expect(Base64.encode(bytes, padded: true) == Array(expected.utf8))
      #expect(Base64.decode(expected.utf8) == bytes)
    }
  }
}
