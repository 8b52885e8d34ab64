import ProtoWire
import Testing

/// Numbers, seen through the wrappers, whose JSON form is the bare value.
struct JSONNumberTests {
  @Test(
    "Integers are read in every integral spelling, in quotes or not",
    arguments: [
      ("0", 0), ("-0", 0), ("-0.0e9", 0), ("1", 1), ("-1", -1), ("1e0", 1), ("1E+2", 100),
      ("100e-2", 1),
      ("1.50e1", 15), ("100000.000", 100_000), ("2147483647", 2_147_483_647),
      ("2.147483647e9", 2_147_483_647), ("-2147483648", -2_147_483_648),
      ("-2147483648.0", -2_147_483_648), ("21474836470000000000000000e-16", 2_147_483_647),
      ("0.000000000000000000000000001e27", 1), ("0e99999999999999999999", 0),
      ("1000000000000000000000000000000e-30", 1),
    ] as [(String, Int32)])
  func int32(_ text: String, _ expected: Int32) throws {
    #expect(try Google_Protobuf_Int32Value(json: text).value == expected)
    #expect(try Google_Protobuf_Int32Value(json: "\"\(text)\"").value == expected)
  }

  @Test(
    "What is no int32 is refused",
    arguments: [
      "2147483648", "-2147483649", "0.5", "1e-1", "1.00000000000000000000000000000000000001",
      "1e10",
      "1e99999999999999999999", "1e-99999999999999999999", "99999999999999999999999999", "true",
      "null",
      "[1]", "{}", "\"\"", "\" 1\"", "\"1 \"", "\"1x\"", "\"+1\"", "\"01\"", "\"0x1\"", "\"NaN\"",
      "\"1,0\"", "\"-\"",
    ])
  func notInt32(_ text: String) {
    #expect(throws: JSONDecodingError.self) { try Google_Protobuf_Int32Value(json: text) }
  }

  @Test("The limits of the 64-bit types are exact")
  func limits() throws {
    #expect(try Google_Protobuf_Int64Value(json: "9223372036854775807").value == .max)
    #expect(try Google_Protobuf_Int64Value(json: "\"-9223372036854775808\"").value == .min)
    #expect(try Google_Protobuf_Int64Value(json: "9.223372036854775807e18").value == .max)
    #expect(try Google_Protobuf_UInt64Value(json: "18446744073709551615").value == .max)
    #expect(try Google_Protobuf_UInt64Value(json: "1844674407370955161.5e1").value == .max)
    #expect(try Google_Protobuf_UInt64Value(json: "-0").value == 0)
    #expect(try Google_Protobuf_UInt32Value(json: "4294967295").value == .max)
    for text in ["9223372036854775808", "-9223372036854775809", "18446744073709551616", "1e19"] {
      #expect(throws: JSONDecodingError.self) { try Google_Protobuf_Int64Value(json: text) }
    }
    for text in [
      "18446744073709551616", "-1", "-9223372036854775808", "1e20", "184467440737095516150",
    ] {
      #expect(throws: JSONDecodingError.self) { try Google_Protobuf_UInt64Value(json: text) }
    }
    for text in ["4294967296", "-1"] {
      #expect(throws: JSONDecodingError.self) { try Google_Protobuf_UInt32Value(json: text) }
    }
  }

  @Test("An integer out of range says so with its type")
  func message() {
    let error = #expect(throws: JSONDecodingError.self) {
      try Google_Protobuf_Int32Value(json: "2147483648")
    }
    #expect(error?.reason == .outOfRange("2147483648", type: "int32"))
    #expect(error?.description == "2147483648 does not fit int32 (byte 0)")
  }

  @Test(
    "Doubles are read to the nearest value",
    arguments: [
      ("0", 0), ("1", 1), ("-1.5", -1.5), ("1e22", 1e22), ("1e23", 1e23), ("0.1", 0.1),
      ("1e-7", 1e-7),
      ("9007199254740993", 9_007_199_254_740_992),
      ("9007199254740993.00000001", 9_007_199_254_740_994),
      ("1.7976931348623157e308", 1.797_693_134_862_315_7e308),
      ("2.2250738585072014e-308", 0x1p-1022),
      ("5e-324", 0x1p-1074), ("1e-400", 0),
      ("123456789012345677877719597056", 0x1.8ee90ff6c373ep96),
      ("0.30000000000000004", 0.1 + 0.2),
      ("179769313486231580793e288", 1.797_693_134_862_315_7e308),
      ("8.5e-7", 8.5e-7), ("123456.789e-2", 1234.56789),
    ] as [(String, Double)])
  func double(_ text: String, _ expected: Double) throws {
    #expect(try Google_Protobuf_DoubleValue(json: text).value == expected)
    #expect(try Google_Protobuf_DoubleValue(json: "\"\(text)\"").value == expected)
  }

  @Test("The words for NaN and infinity are strings, and minus zero keeps its sign")
  func words() throws {
    #expect(try Google_Protobuf_DoubleValue(json: "\"NaN\"").value.isNaN)
    #expect(try Google_Protobuf_FloatValue(json: "\"NaN\"").value.isNaN)
    #expect(try Google_Protobuf_DoubleValue(json: "\"Infinity\"").value == .infinity)
    #expect(try Google_Protobuf_FloatValue(json: "\"-Infinity\"").value == -.infinity)
    #expect(try Google_Protobuf_DoubleValue(json: "-0").value.sign == .minus)
    for text in ["\"nan\"", "\"inf\"", "\"infinity\"", "\"+Infinity\"", "\"0x1p3\"", "\"\""] {
      #expect(throws: JSONDecodingError.self) { try Google_Protobuf_DoubleValue(json: text) }
    }
  }

  @Test("Numbers beyond the type are refused instead of becoming infinite")
  func overflow() throws {
    for text in ["1.7976931348623159e308", "-1e309", "1e99999999999999999999"] {
      #expect(throws: JSONDecodingError.self) { try Google_Protobuf_DoubleValue(json: text) }
    }
    for text in ["3.4028236e38", "1e39", "-3.502823e+38"] {
      #expect(throws: JSONDecodingError.self) { try Google_Protobuf_FloatValue(json: text) }
    }
    #expect(try Google_Protobuf_FloatValue(json: "3.4028235e38").value == .greatestFiniteMagnitude)
  }

  @Test("A float is rounded once")
  func floatRoundsOnce() throws {
    // Half-way between two floats, and just above: through Double the second would round down as well.
    #expect(try Google_Protobuf_FloatValue(json: "1.000000059604644775390625").value == 1)
    #expect(
      try Google_Protobuf_FloatValue(json: "1.000000059604644775390625000000001").value
        == Float(1).nextUp)
  }

  @Test(
    "Doubles are written with the fewest digits that read back",
    arguments: [
      (0, "0"), (-0.0, "-0.0"), (1, "1"), (-1, "-1"), (0.1, "0.1"), (1e15, "1000000000000000"),
      (1e16, "1e+16"), (999_999_999_999_999, "999999999999999"),
      (1.5e-7, "1.5e-07"), (1e21, "1e+21"), (0x1p-1074, "5e-324"),
      (1.7976931348623157e308, "1.7976931348623157e+308"),
      (0.1 + 0.2, "0.30000000000000004"), (123456.789, "123456.789"), (.nan, "\"NaN\""),
      (.infinity, "\"Infinity\""),
      (-.infinity, "\"-Infinity\""),
    ] as [(Double, String)])
  func writeDouble(_ value: Double, _ expected: String) throws {
    var message = Google_Protobuf_DoubleValue()
    message.value = value
    let text = try message.json()
    #expect(text == expected)
    let back = try Google_Protobuf_DoubleValue(json: text).value
    #expect(back == value || value.isNaN && back.isNaN)
  }

  @Test("Random doubles and floats come back bit for bit")
  func randomRoundTrip() throws {
    var state: UInt64 = 0x9e37_79b9_7f4a_7c15
    func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state ^ state >> 29
    }
    for _ in 0..<2000 {
      let double = Double(bitPattern: next())
      let float = Float(bitPattern: UInt32(truncatingIfNeeded: next() >> 16))
      if double.isFinite {
        let text = try Google_Protobuf_DoubleValue.with { $0.value = double }.json()
        #expect(try Google_Protobuf_DoubleValue(json: text).value.bitPattern == double.bitPattern)
      }
      if float.isFinite {
        let text = try Google_Protobuf_FloatValue.with { $0.value = float }.json()
        #expect(try Google_Protobuf_FloatValue(json: text).value.bitPattern == float.bitPattern)
      }
    }
  }

  @Test("64-bit integers are written as strings and 32-bit ones as numbers")
  func writeIntegers() throws {
    #expect(
      try Google_Protobuf_Int64Value.with { $0.value = .min }.json() == "\"-9223372036854775808\"")
    #expect(
      try Google_Protobuf_UInt64Value.with { $0.value = .max }.json() == "\"18446744073709551615\"")
    #expect(try Google_Protobuf_Int32Value.with { $0.value = .min }.json() == "-2147483648")
    #expect(
      try Google_Protobuf_UInt32Value.with { $0.value = 4_294_967_295 }.json() == "4294967295")
    #expect(try Google_Protobuf_Int32Value().json() == "0")
  }
}
