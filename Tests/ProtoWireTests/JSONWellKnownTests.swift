import ProtoWire
import Testing

struct JSONWellKnownTests {
  // MARK: Timestamp

  @Test(
    "Timestamps read RFC 3339 with Z or an offset and write UTC with 0, 3, 6 or 9 digits",
    arguments: [
      ("1970-01-01T00:00:00Z", 0, 0, "1970-01-01T00:00:00Z"),
      ("1972-01-01T10:00:20.021Z", 63_108_020, 21_000_000, "1972-01-01T10:00:20.021Z"),
      ("0001-01-01T00:00:00Z", -62_135_596_800, 0, "0001-01-01T00:00:00Z"),
      (
        "9999-12-31T23:59:59.999999999Z", 253_402_300_799, 999_999_999,
        "9999-12-31T23:59:59.999999999Z"
      ),
      ("1970-01-01T08:00:01+08:00", 1, 0, "1970-01-01T00:00:01Z"),
      ("1969-12-31T16:00:01-08:00", 1, 0, "1970-01-01T00:00:01Z"),
      ("1969-12-31T23:59:59.5Z", -1, 500_000_000, "1969-12-31T23:59:59.500Z"),
      ("2000-02-29T12:00:00.000001Z", 951_825_600, 1000, "2000-02-29T12:00:00.000001Z"),
      ("2024-02-29T00:00:00.1234Z", 1_709_164_800, 123_400_000, "2024-02-29T00:00:00.123400Z"),
      ("1900-03-01T00:00:00Z", -2_203_891_200, 0, "1900-03-01T00:00:00Z"),
      ("2100-12-31T23:59:59.000000001Z", 4_133_980_799, 1, "2100-12-31T23:59:59.000000001Z"),
      ("2026-11-21T00:30:00+00:45", 1_795_218_300, 0, "2026-11-20T23:45:00Z"),
    ] as [(String, Int64, Int32, String)])
  func timestamp(_ text: String, _ seconds: Int64, _ nanos: Int32, _ written: String) throws {
    let time = try Google_Protobuf_Timestamp(json: "\"\(text)\"")
    #expect(time.seconds == seconds)
    #expect(time.nanos == nanos)
    #expect(try time.json() == "\"\(written)\"")
  }

  @Test(
    "What is no timestamp is refused",
    arguments: [
      "", "1970-01-01", "1970-01-01T00:00:00", "1970-01-01 00:00:00Z", "1970-01-01t00:00:00Z",
      "1970-01-01T00:00:00z", "0000-12-31T23:59:59Z", "10000-01-01T00:00:00Z",
      "1970-13-01T00:00:00Z",
      "1970-00-01T00:00:00Z", "1970-01-00T00:00:00Z", "1970-01-32T00:00:00Z",
      "1970-02-29T00:00:00Z",
      "1900-02-29T00:00:00Z", "1970-04-31T00:00:00Z", "1970-01-01T24:00:00Z",
      "1970-01-01T00:60:00Z",
      "1970-01-01T00:00:60Z", "1970-01-01T00:00:00.Z", "1970-01-01T00:00:00.1234567890Z",
      "1970-01-01T00:00:00+0800", "1970-01-01T00:00:00+8:00", "1970-01-01T00:00:00+24:00",
      "1970-01-01T00:00:00+00:60", "1970-01-01T00:00:00Z ", " 1970-01-01T00:00:00Z",
      "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "+970-01-01T00:00:00Z",
    ])
  func notTimestamp(_ text: String) {
    #expect(throws: JSONDecodingError.self) { try Google_Protobuf_Timestamp(json: "\"\(text)\"") }
  }

  @Test(
    "A timestamp out of range has no JSON form",
    arguments: [
      (-62_135_596_801, 0), (253_402_300_800, 0), (0, -1), (0, 1_000_000_000), (.min, 0), (.max, 0),
    ] as [(Int64, Int32)])
  func timestampRange(_ seconds: Int64, _ nanos: Int32) {
    let time = Google_Protobuf_Timestamp.with {
      $0.seconds = seconds
      $0.nanos = nanos
    }
    #expect(throws: JSONEncodingError.timestampOutOfRange(seconds: seconds, nanos: nanos)) {
      try time.json()
    }
  }

  @Test("Every day of eight centuries comes back")
  func calendar() throws {
    // 97 is coprime to the lengths of years and months, so all kinds of days come up.
    for day in stride(from: Int64(-5000) * 97, to: 100_000, by: 97) {
      let time = Google_Protobuf_Timestamp.with { $0.seconds = day * 86_400 + 86_399 }
      #expect(try Google_Protobuf_Timestamp(json: time.json()) == time)
    }
  }

  // MARK: Duration

  @Test(
    "Durations",
    arguments: [
      ("0s", 0, 0, "0s"), ("1s", 1, 0, "1s"), ("1.5s", 1, 500_000_000, "1.500s"),
      ("-1.5s", -1, -500_000_000, "-1.500s"),
      ("-0.000001s", 0, -1000, "-0.000001s"), ("0.000000001s", 0, 1, "0.000000001s"),
      ("-0s", 0, 0, "0s"),
      ("315576000000.999999999s", 315_576_000_000, 999_999_999, "315576000000.999999999s"),
      ("-315576000000.999999999s", -315_576_000_000, -999_999_999, "-315576000000.999999999s"),
    ] as [(String, Int64, Int32, String)])
  func duration(_ text: String, _ seconds: Int64, _ nanos: Int32, _ written: String) throws {
    let duration = try Google_Protobuf_Duration(json: "\"\(text)\"")
    #expect(duration.seconds == seconds)
    #expect(duration.nanos == nanos)
    #expect(try duration.json() == "\"\(written)\"")
  }

  @Test(
    "What is no duration is refused",
    arguments: [
      "", "s", "1", "1 s", "1.s", ".5s", "+1s", "--1s", "1.1234567890s", "315576000001s",
      "-315576000001s",
      "99999999999999999999999s", "1e3s", "1.5", "1s1s", "1.-5s",
    ])
  func notDuration(_ text: String) {
    #expect(throws: JSONDecodingError.self) { try Google_Protobuf_Duration(json: "\"\(text)\"") }
  }

  @Test(
    "A duration out of range or of mixed sign has no JSON form",
    arguments: [
      (315_576_000_001, 0), (-315_576_000_001, 0), (1, -1), (-1, 1), (0, 1_000_000_000),
      (0, -1_000_000_000), (.min, 0), (0, .min),
    ] as [(Int64, Int32)])
  func durationRange(_ seconds: Int64, _ nanos: Int32) {
    let duration = Google_Protobuf_Duration.with {
      $0.seconds = seconds
      $0.nanos = nanos
    }
    #expect(throws: JSONEncodingError.durationOutOfRange(seconds: seconds, nanos: nanos)) {
      try duration.json()
    }
  }

  // MARK: FieldMask

  @Test(
    "Field masks",
    arguments: [
      ("", []), ("foo", ["foo"]), ("fooBar,baz.quxFoo", ["foo_bar", "baz.qux_foo"]),
      ("a1,b", ["a1", "b"]),
    ] as [(String, [String])])
  func fieldMask(_ text: String, _ paths: [String]) throws {
    let mask = try Google_Protobuf_FieldMask(json: "\"\(text)\"")
    #expect(mask.paths == paths)
    #expect(try mask.json() == "\"\(text)\"")
  }

  @Test("What is no field mask is refused", arguments: ["foo_bar", ",", "a,", ",a", "a,,b"])
  func notFieldMask(_ text: String) {
    #expect(throws: JSONDecodingError.self) { try Google_Protobuf_FieldMask(json: "\"\(text)\"") }
  }

  @Test(
    "A path that does not come back has no JSON form",
    arguments: ["fooBar", "foo_3_bar", "foo__bar", "foo_", "foo_.bar", "", "a,b"])
  func fieldMaskPath(_ path: String) {
    #expect(throws: JSONEncodingError.fieldMaskPath(path)) {
      try Google_Protobuf_FieldMask.with { $0.paths = ["ok", path] }.json()
    }
  }

  // MARK: Bytes

  @Test(
    "Bytes are read in both alphabets, padded or not, and written in the standard one",
    arguments: [
      ("", [], ""), ("AQI=", [1, 2], "AQI="), ("AQI", [1, 2], "AQI="), ("AAEC", [0, 1, 2], "AAEC"),
      ("-_", [0xfb], "+w=="),
      ("+/+/", [0xfb, 0xff, 0xbf], "+/+/"), ("-_-_", [0xfb, 0xff, 0xbf], "+/+/"),
      ("AA==", [0], "AA=="), ("\\u0041A==", [0], "AA=="),
    ] as [(String, [UInt8], String)])
  func bytes(_ text: String, _ expected: [UInt8], _ written: String) throws {
    let message = try Google_Protobuf_BytesValue(json: "\"\(text)\"")
    #expect(message.value == expected)
    #expect(try message.json() == "\"\(written)\"")
  }

  @Test(
    "What is no base64 is refused",
    arguments: [
      "A", "AAAAA", "=", "==", "A=", "AA=", "AAA==", "A===", "====", "AA==AA==", "A A=", "AA!=",
      "é===",
    ])
  func notBase64(_ text: String) {
    let error = #expect(throws: JSONDecodingError.self) {
      try Google_Protobuf_BytesValue(json: "\"\(text)\"")
    }
    #expect(error?.reason == .malformedBase64)
  }

  @Test("Bytes of every length come back")
  func bytesRoundTrip() throws {
    for count in 0..<70 {
      let message = Google_Protobuf_BytesValue.with {
        $0.value = (0..<count).map { UInt8($0 * 37 % 256) }
      }
      #expect(try Google_Protobuf_BytesValue(json: message.json()) == message)
    }
  }

  // MARK: Struct, Value, ListValue

  @Test("Value takes any JSON, null included")
  func value() throws {
    let text = #"{"list":[1,"2",null,true,{"a":[]}]}"#
    let value = try Google_Protobuf_Value(json: text)
    #expect(try value.json() == text)
    #expect(try Google_Protobuf_Value(json: "null").kind == .nullValue(.nullValue))
    #expect(try Google_Protobuf_Value.with { $0.kind = .nullValue(.nullValue) }.json() == "null")
  }

  @Test("A value without a kind, NaN and the infinities have no JSON form")
  func valueErrors() {
    #expect(throws: JSONEncodingError.valueWithoutKind) { try Google_Protobuf_Value().json() }
    for number in [Double.infinity, -.infinity] {
      #expect(throws: JSONEncodingError.valueNotFinite(number)) {
        try Google_Protobuf_Value.with { $0.kind = .numberValue(number) }.json()
      }
    }
    #expect(throws: JSONEncodingError.self) {
      try Google_Protobuf_Value.with { $0.kind = .numberValue(.nan) }.json()
    }
  }

  @Test("Struct takes only an object and ListValue only a list")
  func structure() {
    for text in ["[]", "1", "null", "\"a\""] {
      #expect(throws: JSONDecodingError.self) { try Google_Protobuf_Struct(json: text) }
    }
    for text in ["{}", "1", "null", "\"a\""] {
      #expect(throws: JSONDecodingError.self) { try Google_Protobuf_ListValue(json: text) }
    }
  }

  // MARK: Strings on the way out

  @Test("Strings are escaped where JSON demands it and where protobuf does")
  func escapes() throws {
    let text = "\"\\/\u{8}\u{c}\n\r\t\u{0}\u{1f}\u{7f}<a>&'é谷😁\u{2028}\u{2029}\u{202a}\u{e2}"
    let message = Google_Protobuf_StringValue.with { $0.value = text }
    #expect(
      try message.json()
        == #""\"\\/\b\f\n\r\t\u0000\u001f\u007f\u003ca\u003e&'é谷😁\u2028\u2029"# + "\u{202a}\u{e2}\""
    )
    #expect(try Google_Protobuf_StringValue(json: message.json()) == message)
  }

  @Test("A special byte is seen at every place of a long string, beside every other one")
  func everyPlace() throws {
    let specials = [
      "\"", "\\", "\n", "\u{0}", "\u{1f}", "\u{7f}", "<", ">", "é", "\u{2028}", "\u{2027}", "😁",
      "=", "!",
    ]
    for first in specials {
      for place in 0..<20 {
        for second in specials {
          let text =
            String(repeating: "x", count: place) + first + second
            + String(repeating: "~", count: 19 - place)
          let message = Google_Protobuf_StringValue.with { $0.value = text }
          let json = try message.json()
          #expect(try Google_Protobuf_StringValue(json: json) == message)
          #expect(
            !json.utf8.dropFirst().dropLast().contains { $0 < 0x20 || $0 == 0x7f || $0 == 0x3c })
        }
      }
    }
    for place in 0..<20 {
      let text = "\"" + String(repeating: "x", count: place) + "\u{1f}" + "xxxxxxxxxx\""
      let error = #expect(throws: JSONDecodingError.self) {
        try Google_Protobuf_StringValue(json: text)
      }
      #expect(error?.reason == .controlCharacter(0x1f))
      #expect(error?.offset == place + 1)
    }
  }
}
