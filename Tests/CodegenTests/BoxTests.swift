import ProtoWire
import Testing

@Suite struct BoxTests {
  @Test func `a copy of a boxed message is independent`() {
    var first = Codegen_Fixtures_Wide()
    first.s1 = "one"
    var second = first
    second.s1 = "two"
    #expect(first.s1 == "one")
    #expect(second.s1 == "two")
    first.inners.append(.init())
    #expect(second.inners.isEmpty)
  }

  @Test func `an untouched box equals a touched one with default values`() {
    var touched = Codegen_Fixtures_Wide()
    touched.s1 = "x"
    touched.s1 = ""
    #expect(touched == Codegen_Fixtures_Wide())
    #expect(touched.hashValue == Codegen_Fixtures_Wide().hashValue)
    #expect(touched.serialized().isEmpty)
  }

  @Test func `an untouched box reads as the defaults and is one word wide`() {
    let wide = Codegen_Fixtures_Wide()
    #expect(wide.s13 == "" && wide.inner == nil && wide.inners == [] && wide.kind == nil)
    #expect(wide.unknownFields.isEmpty)
    #expect(MemoryLayout<Codegen_Fixtures_Wide>.size == 8)
    #expect(MemoryLayout<Codegen_Fixtures_Wide?>.size == 8)
  }

  @Test func `messages that contain themselves hold any depth`() throws {
    var chain = Codegen_Fixtures_Chain()
    for index in 0..<99 {
      chain = .with {
        $0.label = "\(index)"
        $0.next = chain
      }
    }
    #expect(try Codegen_Fixtures_Chain(wire: chain.serialized()) == chain)
    var husband = Codegen_Fixtures_Husband()
    husband.wife = .with { $0.husband = .with { $0.name = "again" } }
    #expect(try Codegen_Fixtures_Husband(wire: husband.serialized()) == husband)
  }

  @Test(arguments: [(100, true), (101, false), (5000, false)])
  func `nesting is limited to 100 levels`(levels: Int, accepted: Bool) {
    var bytes: [UInt8] = []
    for _ in 0..<levels { bytes = [0x12] + varint(UInt64(bytes.count)) + bytes }
    let decode = { try Codegen_Fixtures_Chain(wire: bytes) }
    if accepted {
      #expect(throws: Never.self) { try decode() }
    } else {
      #expect(throws: DecodingError.nestingTooDeep(limit: 100)) { try decode() }
    }
  }

  @Test func `nested map entries count as levels`() {
    var bytes: [UInt8] = []
    for _ in 0..<51 {
      let entry = [0x12] + varint(UInt64(bytes.count)) + bytes
      bytes = [0x1a] + varint(UInt64(entry.count)) + entry
    }
    #expect(throws: DecodingError.nestingTooDeep(limit: 100)) {
      try Codegen_Fixtures_Tree(wire: bytes)
    }
  }

  @Test func `sparse wide messages in a list are refused before they fill the memory`() {
    // Four bytes of wire for each box of several hundred bytes.
    let element: [UInt8] = [0x0a, 0x02, 0x72, 0x00]
    let hostile = Array(repeatElement(element, count: 500_000).joined())
    #expect(throws: DecodingError.self) { try Codegen_Fixtures_WideList(wire: hostile) }
    // Empty ones cost a word each.
    let empty = Array(repeatElement([0x0a, 0x00] as [UInt8], count: 500_000).joined())
    #expect(throws: Never.self) { try Codegen_Fixtures_WideList(wire: empty) }
    // A thousand sparse ones are nobody's attack.
    let few = Array(repeatElement(element, count: 1000).joined())
    #expect(throws: Never.self) { try Codegen_Fixtures_WideList(wire: few) }
  }
}

/// A varint by the definition, for hand-made messages.
func varint(_ value: UInt64) -> [UInt8] {
  value < 0x80 ? [UInt8(value)] : [UInt8(value & 0x7f) | 0x80] + varint(value >> 7)
}
