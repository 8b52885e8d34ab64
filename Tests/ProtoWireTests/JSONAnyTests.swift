import ProtoWire
import Testing

struct JSONAnyTests {
  private func any(_ text: String, _ options: JSONDecodingOptions = .init()) throws
    -> Google_Protobuf_Any
  {
    try Google_Protobuf_Any(json: text, options: options)
  }

  @Test("A well-known type stands under value, wherever @type stands")
  func wellKnown() throws {
    let duration = Google_Protobuf_Duration.with { $0.seconds = 3 }
    for text in [
      #"{"@type":"type.googleapis.com/google.protobuf.Duration","value":"3s"}"#,
      #"{"value":"3s","@type":"type.googleapis.com/google.protobuf.Duration"}"#,
      #"{"\u0040type" : "type.googleapis.com/google.protobuf.Duration" , "value" : "3s" }"#,
    ] {
      let any = try any(text)
      #expect(any.typeUrl == "type.googleapis.com/google.protobuf.Duration")
      #expect(any.value == duration.serialized())
      #expect(
        try any.json() == #"{"@type":"type.googleapis.com/google.protobuf.Duration","value":"3s"}"#)
    }
  }

  @Test("An Any inside an Any")
  func nested() throws {
    let text =
      #"{"@type":"a/google.protobuf.Any","value":{"@type":"b/google.protobuf.Struct","value":{"@type":"x"}}}"#
    #expect(try any(text).json() == text)
  }

  @Test("Empty is a message like any other: its fields, none, stand beside @type")
  func empty() throws {
    let text = #"{"@type":"type.googleapis.com/google.protobuf.Empty"}"#
    #expect(try any(text).json() == text)
    #expect(try any("{}") == Google_Protobuf_Any())
    #expect(try Google_Protobuf_Any().json() == "{}")
  }

  @Test(
    "Without a usable @type an Any is refused",
    arguments: [
      #"{"value":"3s"}"#, #"{"@type":1}"#, #"{"@type":"google.protobuf.Duration","value":"3s"}"#,
      #"{"@type":"","value":"3s"}"#, #"{"@type":"/","value":"3s"}"#, #"{"@type":"a/no.such.Type"}"#,
      #"{"@type":"a/google.protobuf.Duration"}"#,
      #"{"@type":"a/google.protobuf.Duration","value":"3s","x":1}"#,
      #"{"@type":"a/google.protobuf.Duration","value":"3s","value":"3s"}"#,
      #"{"@type":"a/google.protobuf.Duration","@type":"a/google.protobuf.Duration","value":"3s"}"#,
      #"{"@type":"a/google.protobuf.Duration","value":"3"}"#, #"[]"#, #"null"#,
      #"{"@type":"a/google.protobuf.Empty","x":1}"#, #"{"@type":"a/google.protobuf.Empty""#,
    ])
  func refused(_ text: String) {
    #expect(throws: JSONDecodingError.self) { try any(text) }
  }

  @Test("Unknown fields beside an Any's content are skipped when the options say so")
  func unknownFields() throws {
    let options = JSONDecodingOptions(ignoreUnknownFields: true)
    let text = #"{"x":[1,{}],"@type":"a/google.protobuf.Duration","y":null,"value":"3s"}"#
    #expect(
      try any(text, options).value == Google_Protobuf_Duration.with { $0.seconds = 3 }.serialized())
    _ = try any(#"{"x":1,"@type":"a/google.protobuf.Empty"}"#, options)
  }

  @Test(
    "Bytes that are no message of the type, and types that nobody registered, have no JSON form")
  func encodingErrors() {
    let broken = Google_Protobuf_Any.with {
      $0.typeUrl = "a/google.protobuf.Duration"
      $0.value = [0xff]
    }
    #expect(throws: JSONEncodingError.malformedAny("a/google.protobuf.Duration")) {
      try broken.json()
    }
    let unknown = Google_Protobuf_Any.with { $0.typeUrl = "a/b.C" }
    #expect(throws: JSONEncodingError.unknownType("a/b.C")) { try unknown.json() }
  }

  @Test(
    "Anys inside Anys are refused beyond the limit in both directions, not followed into the stack's end"
  )
  func depth() throws {
    var any = Google_Protobuf_Any()
    for _ in 0..<10_000 {
      let inner = any
      any = Google_Protobuf_Any.with {
        $0.typeUrl = "a/google.protobuf.Any"
        $0.value = inner.serialized()
      }
      if any.value.count > 200_000 { break }
    }
    let deep = any
    #expect(throws: JSONEncodingError.tooDeep(limit: 16)) { try deep.json() }
    let text =
      String(repeating: #"{"@type":"a/google.protobuf.Any","value":"#, count: 10_000) + "{}"
      + String(repeating: "}", count: 10_000)
    let error = #expect(throws: JSONDecodingError.self) { try self.any(text) }
    #expect(error?.reason == .tooDeep(limit: 16))
  }
}
