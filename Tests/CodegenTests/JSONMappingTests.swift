import ProtoWire
import Testing

/// The rules for fields, on generated messages.
struct JSONMappingTests {
  @Test("A field is read by its JSON name and by the schema's, and written by either")
  func names() throws {
    let message = Codegen_Fixtures_Scalars.with { $0.int32Value = 7 }
    #expect(try Codegen_Fixtures_Scalars(json: #"{"int32Value":7}"#) == message)
    #expect(try Codegen_Fixtures_Scalars(json: #"{"int32_value":7}"#) == message)
    #expect(try message.json() == #"{"int32Value":7}"#)
    #expect(
      try message.json(options: .init(preserveProtoFieldNames: true)) == #"{"int32_value":7}"#)
    let renamed = try Codegen_Fixtures_Naming(json: #"{"other-name":"a","in":"b"}"#)
    #expect(try renamed.json() == #"{"other-name":"a","in":"b"}"#)
    #expect(try Codegen_Fixtures_Naming(json: #"{"renamed":"a","in":"b"}"#) == renamed)
  }

  @Test("A field that appears twice is refused, under one name or two, null or not")
  func duplicates() {
    for text in [
      #"{"int32Value":1,"int32Value":1}"#, #"{"int32Value":1,"int32_value":1}"#,
      #"{"int32Value":null,"int32Value":1}"#,
      #"{"int32Value":1,"boolValue":true,"int32Value":null}"#,
    ] {
      let error = #expect(throws: JSONDecodingError.self) {
        try Codegen_Fixtures_Scalars(json: text)
      }
      #expect(error?.reason == .duplicateField("int32_value"))
    }
  }

  @Test("Two members of a oneof are refused; null members do not count")
  func oneofs() throws {
    let error = #expect(throws: JSONDecodingError.self) {
      try Codegen_Fixtures_Choices(json: #"{"int32Value":1,"stringValue":"a"}"#)
    }
    #expect(error?.reason == .oneofSetTwice("string_value"))
    let null = try Codegen_Fixtures_Choices(
      json: #"{"int32Value":null,"stringValue":"a","part":null}"#)
    #expect(null.value == .stringValue("a"))
    let two = try Codegen_Fixtures_Choices(json: #"{"int32Value":0,"low":0,"round":{}}"#)
    #expect(try two.json() == #"{"int32Value":0,"low":0,"round":{}}"#)
  }

  @Test("The members of a oneof are written although they hold a default")
  func oneofDefaults() throws {
    for text in [
      #"{"doubleValue":0}"#, #"{"stringValue":""}"#, #"{"boolValue":false}"#, #"{"part":{}}"#,
      #"{"color":"COLOR_UNSPECIFIED"}"#, #"{"int64Value":"0"}"#, #"{"bytesValue":""}"#,
    ] {
      #expect(try Codegen_Fixtures_Choices(json: text).json() == text)
    }
  }

  @Test("Optional fields are written when they were set, even to zero")
  func presence() throws {
    let text = #"{"int32Value":0,"boolValue":false,"stringValue":"","color":"COLOR_UNSPECIFIED"}"#
    let message = try Codegen_Fixtures_OptionalScalars(json: text)
    #expect(message.int32Value == 0)
    #expect(message.int64Value == nil)
    #expect(try message.json() == text)
    #expect(
      try Codegen_Fixtures_Scalars(json: #"{"int32Value":0,"stringValue":""}"#).json() == "{}")
    #expect(
      try Codegen_Fixtures_Scalars(json: #"{"doubleValue":-0.0}"#).json()
        == #"{"doubleValue":-0.0}"#)
  }

  @Test("With the option, fields without presence are written empty, and only those")
  func alwaysPrint() throws {
    let options = JSONEncodingOptions(alwaysPrintFieldsWithNoPresence: true)
    #expect(
      try Codegen_Fixtures_Scalars().json(options: options)
        == #"{"doubleValue":0,"floatValue":0,"int32Value":0,"int64Value":"0","uint32Value":0,"#
        + #""uint64Value":"0","sint32Value":0,"sint64Value":"0","fixed32Value":0,"#
        + #""fixed64Value":"0","sfixed32Value":0,"sfixed64Value":"0","boolValue":false,"#
        + #""stringValue":"","bytesValue":""}"#)
    #expect(try Codegen_Fixtures_OptionalScalars().json(options: options) == "{}")
    #expect(
      try Codegen_Fixtures_Tree().json(options: options) == #"{"name":"","children":[],"named":{}}"#
    )
  }

  @Test("null is absence, but no element and no map value")
  func null() throws {
    let all = #"{"stringValues":null,"colors":null,"messages":null}"#
    #expect(try Codegen_Fixtures_Repeated(json: all) == Codegen_Fixtures_Repeated())
    for text in [
      #"{"stringValues":[null]}"#, #"{"messages":[{},null]}"#, #"{"colors":[null]}"#,
      #"{"int32Values":[1,null]}"#, #"{"bytesValues":[null]}"#,
    ] {
      #expect(throws: JSONDecodingError.self) { try Codegen_Fixtures_Repeated(json: text) }
    }
    for text in [
      #"{"toInt32":{"a":null}}"#, #"{"toMessage":{"a":null}}"#, #"{"toEnum":{"a":null}}"#,
    ] {
      #expect(throws: JSONDecodingError.self) { try Codegen_Fixtures_MapValues(json: text) }
    }
  }

  @Test("null is a value of google.protobuf.Value, and the absence of everything else")
  func nullValue() throws {
    let message = try Codegen_Fixtures_Importer(
      json: #"{"value":null,"struct":null,"boxedInt32":null}"#)
    #expect(message.value?.kind == .nullValue(.nullValue))
    #expect(message.struct == nil)
    #expect(message.boxedInt32 == nil)
    #expect(try message.json() == #"{"value":null}"#)
    #expect(try Codegen_Fixtures_Importer(json: #"{"boxedInt32":0}"#).boxedInt32?.value == 0)
  }

  @Test("Enums are read by name, alias or number, and written by their first name")
  func enums() throws {
    for text in [
      #"{"protocol":"PROTOCOL_HTTP"}"#, #"{"protocol":"PROTOCOL_WEB"}"#, #"{"protocol":1}"#,
      #"{"protocol":1.0}"#,
    ] {
      let message = try Codegen_Fixtures_EnumHolder(json: text)
      #expect(try message.json() == #"{"protocol":"PROTOCOL_HTTP"}"#)
      #expect(try message.json(options: .init(enumsAsInts: true)) == #"{"protocol":1}"#)
    }
    let unnamed = try Codegen_Fixtures_EnumHolder(json: #"{"color":-77}"#)
    #expect(unnamed.color == .unrecognized(-77))
    #expect(try unnamed.json() == #"{"color":-77}"#)
    for text in [
      #"{"color":"RED"}"#, #"{"color":"color_red"}"#, #"{"color":""}"#, #"{"color":1.5}"#,
      #"{"color":2147483648}"#,
      #"{"color":true}"#, #"{"color":[]}"#,
    ] {
      #expect(throws: JSONDecodingError.self) { try Codegen_Fixtures_EnumHolder(json: text) }
    }
  }

  @Test("Unknown fields and enum names are refused, or ignored when the options say so")
  func unknown() throws {
    let text =
      #"{"nope":{"a":[1,{"b":null}]},"color":"COLOR_MAUVE","keyword":"NOPE"}"#
    let error = #expect(throws: JSONDecodingError.self) {
      try Codegen_Fixtures_EnumHolder(json: text)
    }
    #expect(error?.reason == .unknownField("nope", message: "codegen.fixtures.EnumHolder"))
    #expect(error?.offset == 1)
    let options = JSONDecodingOptions(ignoreUnknownFields: true)
    #expect(
      try Codegen_Fixtures_Repeated(
        json: #"{"colors":["COLOR_RED","COLOR_MAUVE",2],"x":1}"#, options: options
      ).colors == [.red, .darkRed])
    #expect(
      try Codegen_Fixtures_MapValues(
        json: #"{"toEnum":{"a":"COLOR_MAUVE","b":"COLOR_RED"}}"#, options: options
      ).toEnum == ["b": .red])
    #expect(throws: JSONDecodingError.self) {
      try Codegen_Fixtures_EnumHolder(json: #"{"nope":[1,}"#, options: options)
    }
  }

  @Test("Map keys of every kind are strings in JSON")
  func mapKeys() throws {
    let text =
      #"{"byInt32":{"-1":"a"},"byInt64":{"-9223372036854775808":"b"},"#
      + #""byUint32":{"4294967295":"c"},"byUint64":{"18446744073709551615":"d"},"#
      + #""byBool":{"false":"e","true":"f"},"byString":{"":"g"}}"#
    let message = try Codegen_Fixtures_MapKeys(json: text)
    #expect(message.byBool == [false: "e", true: "f"])
    #expect(try message.json(options: .init(deterministic: true)) == text)
    for text in [
      #"{"byInt32":{"a":""}}"#, #"{"byInt32":{"":""}}"#, #"{"byInt32":{"2147483648":""}}"#,
      #"{"byUint32":{"-1":""}}"#, #"{"byBool":{"True":""}}"#, #"{"byBool":{"1":""}}"#,
      #"{"byInt32":{1:""}}"#, #"{"byInt32":{"1":"","1":""}}"#, #"{"byInt32":{"1":"","\u0031":""}}"#,
      #"{"byInt32":[]}"#, #"{"byInt32":{"1.5":""}}"#,
    ] {
      #expect(throws: JSONDecodingError.self) { try Codegen_Fixtures_MapKeys(json: text) }
    }
  }

  @Test("Pretty output indents by two spaces and keeps empty objects and lists together")
  func pretty() throws {
    let tree = Codegen_Fixtures_Tree.with {
      $0.name = "a"
      $0.children = [.init(), .with { $0.name = "b" }]
      $0.named = ["x": .init()]
    }
    #expect(
      try tree.json(options: .init(pretty: true)) == """
        {
          "name": "a",
          "children": [
            {},
            {
              "name": "b"
            }
          ],
          "named": {
            "x": {}
          }
        }
        """)
  }

  @Test("A message may nest as deep as the limit and no deeper, both ways")
  func depth() throws {
    func chain(_ depth: Int) -> Codegen_Fixtures_Chain {
      (0..<depth).reduce(into: Codegen_Fixtures_Chain()) { chain, _ in
        let inner = chain
        chain = .with { $0.next = inner }
      }
    }
    let text = try chain(100).json()
    #expect(try Codegen_Fixtures_Chain(json: text) == chain(100))
    #expect(throws: JSONEncodingError.tooDeep(limit: 100)) { try chain(101).json() }
    #expect(throws: JSONDecodingError.self) {
      try Codegen_Fixtures_Chain(json: #"{"next":"# + text + "}")
    }
  }

  @Test("An error deep inside says where")
  func path() {
    let error = #expect(throws: JSONDecodingError.self) {
      try Codegen_Fixtures_Tree(
        json: #"{"children":[{},{"named":{"k":{"children":[{"name":1}]}}}]}"#)
    }
    #expect(error?.path == "children[1].named.k.children[0].name")
    #expect(error?.reason == .unexpected("a number", expected: "a string"))
  }

  @Test("Messages in a map count against the memory grant, twice for the table's gaps")
  func mapOfMessages() throws {
    let entries = (0..<50).map { #""\#($0)":{}"# }
    let text = #"{"named":{\#(entries.joined(separator: ","))}}"#
    let needed = 2 * 50 * MemoryLayout<Codegen_Fixtures_Tree>.stride
    func decode(granting budget: Int) throws -> Int {
      try Codegen_Fixtures_Tree(
        json: text, options: .init(allocationFactor: 0, minimumAllocationBudget: budget)
      ).named.count
    }
    #expect(try decode(granting: needed) == 50)
    let error = #expect(throws: JSONDecodingError.self) { try decode(granting: needed - 1) }
    #expect(error?.reason == .allocationBudgetExceeded(limit: needed - 1))
  }

  @Test("Fields of a boxed message count against the memory grant")
  func boxes() throws {
    let text =
      #"{"items":["# + Array(repeating: #"{"s1":"a"}"#, count: 100).joined(separator: ",") + "]}"
    #expect(try Codegen_Fixtures_WideList(json: text).items.count == 100)
    let error = #expect(throws: JSONDecodingError.self) {
      try Codegen_Fixtures_WideList(
        json: text, options: .init(allocationFactor: 4, minimumAllocationBudget: 0))
    }
    #expect(error?.reason == .allocationBudgetExceeded(limit: text.utf8.count * 4))
  }
}
