import ProtoWire
import Testing

/// The tokenizer, seen through `google.protobuf.Value`, which takes any JSON.
struct JSONTokenTests {
  private func value(_ text: String, _ options: JSONDecodingOptions = .init()) throws
    -> Google_Protobuf_Value
  {
    try Google_Protobuf_Value(json: text, options: options)
  }

  @Test(
    "Anything that RFC 8259 does not allow is refused",
    arguments: [
      "", " ", "{", "[", "\"", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "[1", "[1,", "]", "}",
      ",",
      "[,]", "[1,]", "[1 2]", "{,}", "{\"a\":1,}", "{\"a\" 1}", "{\"a\"::1}", "{a:1}", "{'a':1}",
      "{1:1}", "{null:1}", "[1]]", "1 2", "nul", "nulll", "True", "truefalse", "tru", "NaN",
      "Infinity",
      "-Infinity", "undefined", "// c\n1", "/* c */1", "1/**/", "\u{feff}1", "\u{a0}1", "\u{c}1",
      "+1",
      "01", "-01", "00", "-", "--1", ".5", "1.", "1.e5", "1e", "1e+", "1e-", "1ee5", "0x10",
      "1_000",
      "1a", "1e5.5", "\"\\x41\"", "\"\\u12\"", "\"\\u12G4\"", "\"\\U0041\"", "\"\\", "\"\\\"",
      "\"a\nb\"", "\"a\tb\"", "\"\u{0}\"", "\"\u{1f}\"", "'a'", "\"\\ud800\"", "\"\\udc00\"",
      "\"\\ud800x\"", "\"\\ud800\\n\"", "\"\\ud800\\ud800\"", "\"\\udc00\\ud800\"",
      "\"\\ud800\\u\"",
    ])
  func refused(_ text: String) {
    #expect(throws: JSONDecodingError.self) { try value(text) }
  }

  @Test(
    "Strings decode their escapes",
    arguments: [
      (#""""#, ""), (#""a""#, "a"), (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"),
      (#""\u0041\u00e9\u8c37\u8C37""#, "Aé谷谷"), (#""\u0000""#, "\u{0}"),
      (#""x\ud83d\ude01y""#, "x😁y"),
      (#""\uD800\uDC00\udbff\udfff""#, "\u{10000}\u{10ffff}"),
      (#""\u007f\u0080\u07ff\u0800""#, "\u{7f}\u{80}\u{7ff}\u{800}"),
      (#""谷歌""#, "谷歌"), ("\"\u{7f}\u{2028}\"", "\u{7f}\u{2028}"), (" \t\r\n\"a\" \t\r\n", "a"),
    ])
  func strings(_ text: String, _ expected: String) throws {
    #expect(try value(text).kind == .stringValue(expected))
  }

  @Test("A key may be escaped and an empty key is a key")
  func keys() throws {
    let object = try Google_Protobuf_Struct(json: #"{"":1,"\u0061":2,"\n":3}"#)
    #expect(Set(object.fields.keys) == ["", "a", "\n"])
  }

  @Test("A key that appears twice is refused, also when one of the two is escaped")
  func duplicateKey() throws {
    let error = #expect(throws: JSONDecodingError.self) {
      try Google_Protobuf_Struct(json: #"{"a":1,"b":{"\u0061":1},"\u0061":2}"#)
    }
    #expect(error?.reason == .duplicateKey("a"))
    #expect(error?.offset == 24)
  }

  @Test("Bytes that are not UTF-8 are refused wherever they stand")
  func invalidUTF8() throws {
    for bytes: [UInt8] in [
      [0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xe2, 0x82],
    ] {
      let text = Array("[\"a\",\"".utf8) + bytes + Array("\"]".utf8)
      let error = #expect(throws: JSONDecodingError.self) {
        try Google_Protobuf_Value(jsonUTF8: text)
      }
      #expect(error?.reason == .invalidUTF8)
      #expect(error?.offset == 6)
    }
  }

  @Test(
    "Nesting is accepted up to the limit and refused one level deeper", arguments: [1, 2, 19, 20])
  func depth(_ brackets: Int) throws {
    func nested(_ brackets: Int) -> String {
      (0..<brackets).map { $0 % 2 == 0 ? "[" : "{\"a\":" }.joined() + "1"
        + (0..<brackets).reversed().map { $0 % 2 == 0 ? "]" : "}" }.joined()
    }
    // A list is two levels of the binary form, an object three.
    let levels = (0..<brackets).reduce(0) { $0 + ($1 % 2 == 0 ? 2 : 3) }
    _ = try value(nested(brackets), JSONDecodingOptions(depthLimit: levels))
    let error = #expect(throws: JSONDecodingError.self) {
      try value(nested(brackets), JSONDecodingOptions(depthLimit: levels - 1))
    }
    #expect(error?.reason == .tooDeep(limit: levels - 1))
  }

  @Test("What is skipped nests as deep as the limit and no deeper", arguments: [1, 2, 99, 100])
  func skippedDepth(_ limit: Int) throws {
    let options = JSONDecodingOptions(ignoreUnknownFields: true, depthLimit: limit)
    func skipped(_ brackets: Int) -> String {
      let open = (0..<brackets).map { $0 % 2 == 0 ? "[0,[],{}," : "{\"b\":{},\"a\":" }.joined()
      let close = (0..<brackets).reversed().map { $0 % 2 == 0 ? ",1]" : ",\"c\":[]}" }.joined()
      return "{\"x\":\(open)1\(close)}"
    }
    _ = try Google_Protobuf_Empty(json: skipped(limit - 1), options: options)
    let error = #expect(throws: JSONDecodingError.self) {
      try Google_Protobuf_Empty(json: skipped(limit + 1), options: options)
    }
    #expect(error?.reason == .tooDeep(limit: limit))
    for text in ["{\"x\":[1,]}", "{\"x\":[1 2]}", "{\"x\":{\"a\":}}", "{\"x\":[{]}}", "{\"x\":[}"] {
      #expect(throws: JSONDecodingError.self) {
        try Google_Protobuf_Empty(json: text, options: options)
      }
    }
  }

  @Test("A hundred thousand open brackets are an error and not a crash")
  func deepBomb() {
    for bracket in ["[", "{\"a\":"] {
      #expect(throws: JSONDecodingError.self) {
        try value(String(repeating: bracket, count: 100_000))
      }
    }
  }

  @Test("Siblings do not count as depth")
  func siblings() throws {
    let options = JSONDecodingOptions(depthLimit: 5)
    _ = try value("[[],{},[],{},[1],{\"a\":1}]", options)
  }

  @Test("An error names the path and the byte it happened at")
  func path() throws {
    let error = #expect(throws: JSONDecodingError.self) {
      try value(#"{"a":{"x":"}]"},"stages":[1,{"q":[]},{"e\"f":[true,nope]}]}"#)
    }
    #expect(error?.path == #"stages[2].e\"f[1]"#)
    #expect(error?.reason == .unexpected("'n'", expected: "'null'"))
    #expect(error?.offset == 51)
    #expect(error.map { "\($0)" }?.hasPrefix(#"stages[2].e\"f[1]: "#) == true)
  }
}
