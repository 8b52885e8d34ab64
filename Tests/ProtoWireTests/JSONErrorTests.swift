import ProtoWire
import Testing

/// What a peer's text does to the error that it causes.
@Suite struct JSONErrorTests {
  private static let marks = String(repeating: "\u{301}", count: 20_000)
  private static let deep = String(repeating: "[", count: 100_000)

  private static let hostile: [[UInt8]] =
    [
      deep, "{\"k\":" + deep, String(repeating: "{\"k\":", count: 50_000),
      String(repeating: "{\"" + String(repeating: "k", count: 60) + "\":[", count: 30),
      "{\"a\(marks)\":0,\"a\(marks)\":0}", "{\"\(marks)\":", "\"\(marks)",
      "{\"\(String(repeating: "x", count: 100_000))\":1,}",
      "{\"x\":1,\"\(String(repeating: "\\n", count: 20_000))\":tru}",
      "{\"a\":\(String(repeating: "9", count: 100_000))x}",
      "{\"a\":{\"@type\":\"\(String(repeating: "t/", count: 20_000))\"}}",
      "{\"\u{202e}\u{2028}\u{7f}\u{9b}[2J\":x}",
    ].map { Array($0.utf8) } + [
      Array(deep.utf8) + [0xff], Array(String(repeating: "{\"k\":", count: 50_000).utf8) + [0xff],
      [0x22, 0x1b, 0x22], [0x5b, 0x1b], [0x5b, 0x7f], [0x5b, 0xc2, 0x9b],
    ]

  private static func description<M: Message>(_ type: M.Type, _ text: [UInt8]) -> String? {
    do {
      _ = try M(jsonUTF8: text)
      return nil
    } catch {
      return "\(error)"
    }
  }

  @Test(arguments: hostile.indices)
  func `an error is short and stands on one line, whatever caused it`(index: Int) {
    let text = Self.hostile[index]
    let errors = [
      Self.description(Google_Protobuf_Value.self, text),
      Self.description(Google_Protobuf_Any.self, text),
      Self.description(Google_Protobuf_Timestamp.self, text),
    ].compactMap { $0 }
    #expect(errors.count >= 2)
    for error in errors {
      #expect(error.utf8.count <= 512)
      for scalar in error.unicodeScalars {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: Issue.record("\(scalar.value)")
        default: break
        }
      }
    }
  }

  @Test func `what would move a terminal is spelled out`() {
    let error = #expect(throws: JSONDecodingError.self) {
      try Google_Protobuf_Empty(json: "{\"\\n\\u001b[2J\\u202e\":1}")
    }
    #expect(
      error?.reason
        == .unknownField("\\u000a\\u001b[2J\\u202e", message: "google.protobuf.Empty"))
  }

  @Test func `a path keeps its last eight steps`() {
    let error = #expect(throws: JSONDecodingError.self) {
      try Google_Protobuf_Value(json: #"{"a":{"b":[0,{"c":{"d":{"e":{"f":{"g":{"h":[nope"#)
    }
    #expect(error?.path == "….c.d.e.f.g.h[0]" || error?.path == "…[1].c.d.e.f.g.h[0]")
  }

  @Test func `an Any's other type and content are refused, not passed over`() throws {
    let duration = "a/google.protobuf.Duration"
    for text in [
      #"{"@type":"a/google.protobuf.Empty","@type":5}"#,
      #"{"@type":"a/google.protobuf.Empty","@type":"a/google.protobuf.Empty"}"#,
      #"{"@type":"a/\u0301google.protobuf.Empty"}"#,
      #"{"@type":"\#(duration)","value":"3s","@type":7}"#,
    ] {
      for ignores in [false, true] {
        #expect(throws: JSONDecodingError.self, "\(text)") {
          try Google_Protobuf_Any(json: text, options: .init(ignoreUnknownFields: ignores))
        }
      }
    }
  }

  @Test func `Empty in an Any may stand under value, as some write it`() throws {
    let plain = try Google_Protobuf_Any(json: #"{"@type":"a/google.protobuf.Empty"}"#)
    for text in [
      #"{"@type":"a/google.protobuf.Empty","value":{}}"#,
      #"{"value":{},"@type":"a/google.protobuf.Empty"}"#,
    ] {
      #expect(try Google_Protobuf_Any(json: text) == plain)
    }
    for text in [
      #"{"@type":"a/google.protobuf.Empty","value":{"x":1}}"#,
      #"{"@type":"a/google.protobuf.Empty","value":0}"#,
      #"{"@type":"a/google.protobuf.Empty","value":{},"value":{}}"#,
      #"{"@type":"a/google.protobuf.Empty","x":1}"#,
    ] {
      #expect(throws: JSONDecodingError.self) { try Google_Protobuf_Any(json: text) }
    }
  }

  @Test func `Anys nest sixteen deep in both directions`() throws {
    func text(_ count: Int) -> String {
      String(repeating: #"{"@type":"a/google.protobuf.Any","value":"#, count: count) + "{}"
        + String(repeating: "}", count: count)
    }
    #expect(try Google_Protobuf_Any(json: text(16)).json() == text(16))
    let error = #expect(throws: JSONDecodingError.self) { try Google_Protobuf_Any(json: text(17)) }
    #expect(error?.reason == .tooDeep(limit: 16))
  }

  @Test func `raw bytes are read where they stand`() throws {
    let text = Array(#"{"a":[1,"x"]}"#.utf8)
    let value = try text.withUnsafeBytes { try Google_Protobuf_Value(jsonUTF8: $0) }
    #expect(try value.json() == #"{"a":[1,"x"]}"#)
    #expect(throws: JSONDecodingError.self) {
      try Google_Protobuf_Value(jsonUTF8: UnsafeRawBufferPointer(start: nil, count: 0))
    }
  }
}
