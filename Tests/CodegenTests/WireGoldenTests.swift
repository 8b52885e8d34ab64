import Foundation
import ProtoWire
import Testing

/// A message in text format, encoded by the protobuf compiler.
struct WireGolden: Sendable, CustomTestStringConvertible {
  let type: any Message.Type
  let file: String
  let text: String
  var testDescription: String { "\(type.fullName) {\(text)}" }

  static let all: [WireGolden] = [
    .init(type: Codegen_Fixtures_Scalars.self, file: "scalars", text: ""),
    .init(
      type: Codegen_Fixtures_Scalars.self, file: "scalars",
      text: """
        double_value: -1.5 float_value: 3.25 int32_value: -1 int64_value: -9223372036854775808
        uint32_value: 4294967295 uint64_value: 18446744073709551615 sint32_value: -2147483648
        sint64_value: -9223372036854775808 fixed32_value: 1 fixed64_value: 2 sfixed32_value: -3
        sfixed64_value: -4 bool_value: true string_value: "grüße \\360\\237\\232\\200" bytes_value: "\\000\\377"
        """),
    .init(type: Codegen_Fixtures_Scalars.self, file: "scalars", text: "double_value: -0"),
    .init(
      type: Codegen_Fixtures_OptionalScalars.self, file: "optionals",
      text: """
        double_value: 0 float_value: 0 int32_value: 0 int64_value: 0 uint32_value: 0 uint64_value: 0
        sint32_value: 0 sint64_value: 0 fixed32_value: 0 fixed64_value: 0 sfixed32_value: 0
        sfixed64_value: 0 bool_value: false string_value: "" bytes_value: "" color: COLOR_UNSPECIFIED
        """),
    .init(
      type: Codegen_Fixtures_FieldNumbers.self, file: "scalars",
      text: """
        one_byte: 1 two_bytes: 2 still_two_bytes: 3 three_bytes: 4 largest: 5 far_strings: "a"
        far_strings: "b" far_map { key: 1 value: 2 }
        """),
    .init(
      type: Codegen_Fixtures_Repeated.self, file: "collections",
      text: """
        double_values: [1, 2] float_values: [1, 2] int32_values: [1, -1, 300] int64_values: [1, -1]
        uint32_values: [1, 300] uint64_values: 7 sint32_values: [-1, 1] sint64_values: [-1, 1]
        fixed32_values: [1, 2] fixed64_values: 3 sfixed32_values: -1 sfixed64_values: -1
        bool_values: [true, false] string_values: ["", "x"] bytes_values: ["", "y"]
        colors: [COLOR_RED, COLOR_UNSPECIFIED, 99] messages { int32_value: 1 } messages {}
        """),
    .init(
      type: Codegen_Fixtures_Unpacked.self, file: "collections",
      text: "double_values: [1, 2] int32_values: [0, -1] bool_values: [false, true] colors: [1, 0]"),
    .init(
      type: Codegen_Fixtures_MapKeys.self, file: "collections",
      text: """
        by_int32 { key: -1 value: "a" } by_int64 { key: 2 value: "b" } by_uint32 { value: "zero" }
        by_uint64 { key: 3 } by_sint32 { key: -4 value: "d" } by_sint64 { key: -5 value: "e" }
        by_fixed32 { key: 6 value: "f" } by_fixed64 { key: 7 value: "g" }
        by_sfixed32 { key: -8 value: "h" } by_sfixed64 { key: -9 value: "i" }
        by_bool { key: false value: "no" } by_bool { key: true value: "yes" }
        by_string { key: "" value: "empty" } by_string { key: "k" value: "v" }
        """),
    .init(
      type: Codegen_Fixtures_MapValues.self, file: "collections",
      text: """
        to_double { key: "a" value: 1.5 } to_bytes { key: "b" value: "\\001" }
        to_enum { key: "c" value: COLOR_BLUE } to_enum { key: "d" value: -7 }
        to_message { key: "e" value { string_value: "s" int32_values_unused: 0 } }
        """.replacing(" int32_values_unused: 0", with: "")),
    .init(
      type: Codegen_Fixtures_EnumHolder.self, file: "enums",
      text: "color: COLOR_DARK_RED protocol: SMALLEST keyword: DEFAULT"),
    .init(
      type: Codegen_Fixtures_Choices.self, file: "oneofs",
      text: """
        before: "b" part { number: 1 names: "x" next { number: 2 } } between: "m" low: 0
        round { radius: 2 } really_optional: 0
        """),
    .init(
      type: Codegen_Fixtures_Choices.self, file: "oneofs", text: "bytes_value: \"\" nothing {}"),
    .init(
      type: Hider.self, file: "hiding",
      text: """
        outer { code: 1 } inner { text: "t" cause { code: 2 } hider { level: HIDDEN_LEVEL_HIGH
        inner_level: HIDDEN_LEVEL_INNER } } outers { code: 3 } named { key: "k" value { code: 4 } }
        """),
    .init(
      type: HidingChoice.self, file: "hiding", text: "status { code: 5 } last { code: 6 }"),
    .init(
      type: Doubled.self, file: "hiding", text: "inner { again { text: \"a\" } text: \"b\" }"),
    .init(
      type: Codegen_Fixtures_Chain.self, file: "nesting",
      text: "label: \"a\" next { label: \"b\" next { next {} } }"),
    .init(
      type: Codegen_Fixtures_Expression.self, file: "nesting",
      text: "sum { left { number: 1 } right { negated { sum { left {} } } } }"),
    .init(
      type: Codegen_Fixtures_Wide.self, file: "nesting",
      text: """
        s1: "1" s13: "13" inner { a: 1 level: LEVEL_HIGH innermost { data: "d" } } inners {} inners { b: 2 }
        self { s2: "2" self { text: "deep" } }
        """),
    .init(
      type: Codegen_Fixtures_Importer.self, file: "imports",
      text: """
        shared { id: "i" mode: MODE_FAST } mode: MODE_FAST timestamp { seconds: -1 nanos: 999 }
        struct { fields { key: "k" value { list_value { values { null_value: NULL_VALUE } } } } }
        boxed_int32 {} boxed_string { value: "s" } status { code: 5 message: "gone" }
        any { type_url: "type.googleapis.com/x" value: "y" } secret: "s"
        """),
  ]
}

@Suite struct WireGoldenTests {
  @Test(arguments: WireGolden.all)
  func `the compiler's bytes decode and encode again to the same bytes`(golden: WireGolden) throws {
    func check<M: Message>(_ type: M.Type) throws {
      let file = "fixtures/\(golden.file).proto"
      let encoded = try Tool.run(
        "protoc", Tool.includes + ["--encode=\(M.fullName)", file], input: Array(golden.text.utf8))
      try #require(encoded.status == 0, "\(encoded.errors)")
      let message = try M(wire: encoded.output)
      #expect(message.unknownFields.isEmpty)
      #expect(message.serialized(deterministic: true) == encoded.output)
      #expect(message.serialized().count == encoded.output.count)
      #expect(try M(wire: message.serialized()) == message)
    }
    try check(golden.type)
  }
}
