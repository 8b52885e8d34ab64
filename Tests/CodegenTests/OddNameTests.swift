import RPCCore
import Testing

/// Generated code exports ProtoWire: this file does without its import.
///
/// Schemas whose names are legal and odd: that this file compiles is most of the test.
@Suite struct OddNameTests {
  private func same<M: Message>(_ message: M) throws {
    #expect(try M(wire: message.serialized()) == message)
    #expect(try M(json: message.json()) == message)
  }

  @Test func `fields and types named as parts of the runtime`() throws {
    try same(
      OddSizes.with {
        $0.int32Size = -1
        $0.varintSize = .max
        $0.delimitedSize = "text"
        $0.zigzag = -2
        $0.texts = ["a", ""]
        $0.flags = [.default, .class, .none_]
        $0.hidden = .with { $0.value = "v" }
        $0.outer = WireEnum_.with { $0.value = 3 }
      })
  }

  @Test func `names that are one in Swift get underscores in the order of the schema`() throws {
    try same(
      OddChoices.with {
        $0.myChoice = .number(1)
        $0.myChoice_ = 2
        $0.choice = .two(.init())
        $0.aB = .first(1)
        $0.aB_ = .second(2)
        $0.kind = OddChoices.Type_()
        $0.other = OddChoices.Type__()
      })
  }

  @Test func `setting a value named NONE sets it`() throws {
    var holder = OddFlagHolder()
    holder.flag = .none_
    #expect(holder.flag != nil)
    try same(holder)
    #expect(OddFlag.default == OddFlag.default_)
    #expect(try OddFlagHolder(json: #"{"flag":"default"}"#).flag == .default)
  }

  @Test func `methods that differ in case are two`() {
    #expect(OddServiceMethods.all.map(\.name) == ["Get", "get", "GetFoo", "get_foo"])
    #expect(OddServiceMethods.get_.name == "get")
    #expect(OddServiceMethods.getFoo_.kind == .clientStreaming)
  }

  @Test func `any file name gives a descriptor, and any line end a comment`() throws {
    #expect(fixturesOdd2faBProto.name == "fixtures/odd/2fa+b.proto")
    try same(Codegen_Odd_File_Token.with { $0.value = "v" })
    try same(Codegen_Odd_Crlf_Lines.with { $0.a = 1 })
  }
}
