import ProtoWire
import Testing

/// Broken and odd texts, made from good ones by a generator with fixed seeds.
struct JSONFuzzTests {
  private static let seeds = [
    #"{"a":[1,-2.5e-3,"x\u00e9\ud83d\ude01",null,true,false,{"b":{}}],"c":"\"\\\/\b\f\n\r\t"}"#,
    #"[[[[[]]]],[{"k":[{"k":0.1}]}],123456789012345678901234567890,1e308,5e-324,-0]"#,
    #"{"@type":"type.googleapis.com/google.protobuf.Struct","value":{"x":[1,2,{"y":null}]}}"#,
    #"{"@type":"a/google.protobuf.Any","value":{"@type":"b/google.protobuf.Duration","value":"1.5s"}}"#,
    #"["2026-11-21T12:00:00.123456789+01:00","-315576000000.999999999s","fooBar,baz.quxFoo","AQI-_w=="]"#,
    #"{"谷歌":"é\u2028","":"","\u0000":"\u0001"}"#,
  ]
  /// What a mutation puts in: structure, the parts of numbers and escapes, and broken UTF-8.
  private static let alphabet =
    Array(#"{}[]:,"\/0123456789+-.eEuU tfnrbN"#.utf8) + [
      0x00, 0x0a, 0x1f, 0x7f, 0x80, 0xc3, 0xe2, 0xf0, 0xff,
    ]

  private struct Generator {
    var state: UInt64
    mutating func next(below bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(truncatingIfNeeded: (state >> 33) % UInt64(max(bound, 1)))
    }

    mutating func mutate(_ text: [UInt8]) -> [UInt8] {
      var text = text
      for _ in 0...next(below: 4) {
        let place = next(below: text.count + 1)
        switch next(below: 5) {
        case 0: text.insert(alphabet[next(below: alphabet.count)], at: place)
        case 1 where place < text.count: text.remove(at: place)
        case 2 where place < text.count: text[place] = alphabet[next(below: alphabet.count)]
        case 3: text.removeSubrange(place..<min(text.count, place + next(below: 12)))
        default:
          let length = min(text.count - place, next(below: 20))
          text.insert(contentsOf: text[place..<place + length], at: next(below: text.count + 1))
        }
      }
      return text
    }
  }

  /// Reading never traps; what is accepted can be written, and reads back as the same value.
  private func check<M: Message>(_ type: M.Type, _ text: [UInt8]) throws -> Bool {
    guard let value = try? M(jsonUTF8: text) else { return false }
    let written = try value.json(options: .init(pretty: true, deterministic: true))
    let back = try M(json: written)
    #expect(back == value, "\(String(decoding: text, as: UTF8.self)) → \(written)")
    #expect(try back.json(options: .init(pretty: true, deterministic: true)) == written)
    return true
  }

  @Test("Mutated texts never trap, and what is accepted round-trips", arguments: [1, 2, 3, 4])
  func mutations(_ seed: UInt64) throws {
    var generator = Generator(state: seed)
    var accepted = 0
    for round in 0..<4000 {
      let text = generator.mutate(Array(Self.seeds[round % Self.seeds.count].utf8))
      if try check(Google_Protobuf_Value.self, text) { accepted += 1 }
      if try check(Google_Protobuf_Any.self, text) { accepted += 1 }
      _ = try check(Google_Protobuf_Struct.self, text)
      _ = try check(Google_Protobuf_ListValue.self, text)
    }
    #expect(accepted > 100, "a generator whose texts are all refused tests nothing")
  }

  @Test("Mutated strings of the well-known formats never trap, and what is accepted round-trips")
  func formats() throws {
    var generator = Generator(state: 5)
    let seeds = [
      "\"2026-02-28T23:59:59.123456789+23:59\"", "\"-315576000000.999999999s\"",
      "\"fooBar,b.quxFoo\"",
      "\"AQIDBA==\"", "-9223372036854775808", "\"1844674407370955161.5e1\"", "3.4028235e38",
    ]
    for round in 0..<14_000 {
      let text = generator.mutate(Array(seeds[round % seeds.count].utf8))
      _ = try check(Google_Protobuf_Timestamp.self, text)
      _ = try check(Google_Protobuf_Duration.self, text)
      _ = try check(Google_Protobuf_BytesValue.self, text)
      _ = try check(Google_Protobuf_Int32Value.self, text)
      _ = try check(Google_Protobuf_Int64Value.self, text)
      _ = try check(Google_Protobuf_UInt64Value.self, text)
      _ = try check(Google_Protobuf_FieldMask.self, text)
      if let float = try? Google_Protobuf_FloatValue(jsonUTF8: text), !float.value.isNaN {
        #expect(try Google_Protobuf_FloatValue(json: float.json()) == float)
      }
    }
  }

  @Test("Every prefix of a text is refused")
  func prefixes() {
    for seed in Self.seeds {
      let text = Array(seed.utf8)
      for count in 0..<text.count {
        #expect(throws: JSONDecodingError.self) {
          try Google_Protobuf_Value(jsonUTF8: Array(text[..<count]))
        }
      }
    }
  }

  @Test("Memory is granted in proportion to the text")
  func budget() throws {
    let options = JSONDecodingOptions(allocationFactor: 4, minimumAllocationBudget: 1000)
    let list = "[" + Array(repeating: "1", count: 10_000).joined(separator: ",") + "]"
    let error = #expect(throws: JSONDecodingError.self) {
      try Google_Protobuf_ListValue(json: list, options: options)
    }
    #expect(error?.reason == .allocationBudgetExceeded(limit: list.utf8.count * 4))
    #expect(try Google_Protobuf_ListValue(json: list).values.count == 10_000)
  }
}
