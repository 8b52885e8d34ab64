import ProtoWire
import Testing

@Suite struct MergeTests {
  @Test func `the last of two oneof members wins`() throws {
    var first = Codegen_Fixtures_Choices()
    first.value = .int32Value(1)
    var second = Codegen_Fixtures_Choices()
    second.value = .stringValue("late")
    let both = try Codegen_Fixtures_Choices(wire: first.serialized() + second.serialized())
    #expect(both.value == .stringValue("late"))
  }

  @Test func `the same oneof message twice merges, and another member in between starts anew`()
    throws
  {
    let one = Codegen_Fixtures_Choices.with {
      $0.value = .part(
        .with {
          $0.number = 1
          $0.names = ["a"]
        })
    }
    let two = Codegen_Fixtures_Choices.with { $0.value = .part(.with { $0.names = ["b"] }) }
    let other = Codegen_Fixtures_Choices.with { $0.value = .boolValue(false) }
    let merged = try Codegen_Fixtures_Choices(wire: one.serialized() + two.serialized())
    guard case .part(let part) = merged.value else { throw MissingPart() }
    #expect(part.number == 1 && part.names == ["a", "b"])
    let anew = try Codegen_Fixtures_Choices(
      wire: one.serialized() + other.serialized() + two.serialized())
    guard case .part(let part) = anew.value else { throw MissingPart() }
    #expect(part.number == 0 && part.names == ["b"])
  }

  struct MissingPart: Error {}

  @Test func `a singular message that comes twice is merged field by field`() throws {
    let one = Codegen_Fixtures_Wide.with { $0.inner = .with { $0.a = 5 } }
    let two = Codegen_Fixtures_Wide.with { $0.inner = .with { $0.b = 6 } }
    let merged = try Codegen_Fixtures_Wide(wire: one.serialized() + two.serialized())
    #expect(merged.inner?.a == 5 && merged.inner?.b == 6)
  }

  @Test func `a message that one map entry gives twice is merged, other values are replaced`()
    throws
  {
    let one = Codegen_Fixtures_Scalars.with { $0.int32Value = 1 }.serialized()
    let two = Codegen_Fixtures_Scalars.with { $0.stringValue = "b" }.serialized()
    func value(_ bytes: [UInt8]) -> [UInt8] { [0x12, UInt8(bytes.count)] + bytes }
    let entry = [0x0a, 0x01, 0x6b] + value(one) + value(two)
    let messages = try Codegen_Fixtures_MapValues(wire: [0x8a, 0x01, UInt8(entry.count)] + entry)
    #expect(messages.toMessage["k"]?.int32Value == 1)
    #expect(messages.toMessage["k"]?.stringValue == "b")
    let texts = try Codegen_Fixtures_MapValues(wire: [0x72, 6] + value([0x61]) + value([0x62]))
    #expect(texts.toString == ["": "b"])
  }

  @Test func `packed and unpacked elements of one field mix`() throws {
    let packed = Codegen_Fixtures_Repeated.with { $0.int32Values = [1, 2] }
    let unpacked = Codegen_Fixtures_Unpacked.with { $0.int32Values = [3, 4] }
    let bytes = packed.serialized() + unpacked.serialized() + packed.serialized()
    #expect(try Codegen_Fixtures_Repeated(wire: bytes).int32Values == [1, 2, 3, 4, 1, 2])
    #expect(try Codegen_Fixtures_Unpacked(wire: bytes).int32Values == [1, 2, 3, 4, 1, 2])
  }

  @Test func `a wrong wire type makes a known field unknown, and re-encoding keeps it`() throws {
    // string_value (14) as a varint; int32_value (3) as four bytes.
    let bytes: [UInt8] = [0x70, 0x05, 0x1d, 1, 2, 3, 4]
    let message = try Codegen_Fixtures_Scalars(wire: bytes)
    #expect(message.stringValue == "" && message.int32Value == 0)
    #expect(message.unknownFields.bytes == bytes)
    #expect(message.serialized() == bytes)
  }

  @Test func `unknown fields are kept in order, groups too, or discarded on request`() throws {
    let bytes: [UInt8] =
      varint(900 << 3) + [1] + varint(901 << 3 | 3) + [0x08, 0x07] + varint(901 << 3 | 4)
      + varint(902 << 3 | 2) + [2, 0x61, 0x62]
    var message = try Codegen_Fixtures_Scalars(wire: bytes)
    message.boolValue = true
    #expect(message.serialized() == [0x68, 0x01] + bytes)
    let lean = try Codegen_Fixtures_Scalars(
      wire: bytes, options: DecodingOptions(discardUnknownFields: true))
    #expect(lean.unknownFields.isEmpty)
  }

  @Test func `the last of two entries of a map key wins, and missing halves are defaults`() throws {
    let entries: [UInt8] = [0x0a, 4, 0x08, 1, 0x12, 0] + [0x0a, 5, 0x08, 1, 0x12, 1, 0x62]
    let map = try Codegen_Fixtures_MapKeys(wire: entries + [0x0a, 0]).byInt32
    #expect(map == [1: "b", 0: ""])
  }

  @Test func `open enums keep numbers without a name`() throws {
    let holder = try Codegen_Fixtures_EnumHolder(wire: [0x08, 77])
    #expect(holder.color == .unrecognized(77))
    #expect(holder.color.protoName == nil)
    #expect(holder.serialized() == [0x08, 77])
    #expect(Codegen_Fixtures_Protocol(rawValue: 1) == .http)
    #expect(Codegen_Fixtures_Protocol.web == .http)
    #expect(Codegen_Fixtures_Protocol(protoName: "PROTOCOL_HTTP_1") == .http)
    #expect(Codegen_Fixtures_Protocol(rawValue: -2_147_483_648) == .smallest)
  }

  @Test func `explicit presence tells zero from absent`() throws {
    let absent = Codegen_Fixtures_OptionalScalars()
    let zero = Codegen_Fixtures_OptionalScalars.with { $0.int32Value = 0 }
    #expect(absent.serialized().isEmpty)
    #expect(zero.serialized() == [0x18, 0])
    #expect(try Codegen_Fixtures_OptionalScalars(wire: [0x18, 0]) == zero)
    #expect(absent != zero)
  }
}
