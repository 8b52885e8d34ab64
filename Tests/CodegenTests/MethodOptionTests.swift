import ProtoWire
import RPCCore
import Testing

@Suite struct MethodOptionTests {
  @Test func `a method carries the options of its schema`() throws {
    let method = Codegen_Fixtures_NoteServiceMethods.getNote.erased
    #expect(
      try method.option(.audience)
        == .with {
          $0.name = "everybody"
          $0.rooms = [1, 2]
        })
    #expect(try method.option(.attempts) == 3)
  }

  @Test func `an option that the schema does not give is nil`() throws {
    for method in Codegen_Fixtures_NoteServiceMethods.all.dropFirst() {
      #expect(try method.option(.audience) == nil)
      #expect(try method.option(.attempts) == nil)
    }
  }

  @Test func `options are no part of a method's identity`() {
    let method = Codegen_Fixtures_NoteServiceMethods.getNote.erased
    let bare = AnyMethodDescriptor(
      service: method.service, name: method.name, kind: method.kind,
      idempotency: method.idempotency)
    #expect(method == bare)
    #expect(Set([method, bare]).count == 1)
  }

  @Test func `options that no compiler wrote are an error`() {
    let method = AnyMethodDescriptor(
      service: "s", name: "m", kind: .unary, options: "//////////////8=")
    #expect(throws: DecodingError.self) { try method.option(.attempts) }
  }
}
