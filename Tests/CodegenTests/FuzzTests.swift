import ProtoWire
import Testing

/// The message types of the fixtures and the files that declare them.
enum Subjects {
  static let types: [any Message.Type] = [
    Codegen_Fixtures_Scalars.self, Codegen_Fixtures_FieldNumbers.self,
    Codegen_Fixtures_Repeated.self, Codegen_Fixtures_Unpacked.self, Codegen_Fixtures_MapKeys.self,
    Codegen_Fixtures_MapValues.self, Codegen_Fixtures_EnumHolder.self, Codegen_Fixtures_Tree.self,
    Codegen_Fixtures_Wide.self, Codegen_Fixtures_WideList.self, Codegen_Fixtures_Expression.self,
    Codegen_Fixtures_Husband.self, Codegen_Fixtures_Chain.self,
    Codegen_Fixtures_OptionalScalars.self, Codegen_Fixtures_Choices.self,
    Codegen_Fixtures_Importer.self, Hider.self, HidingChoice.self, Doubled.self,
  ]

  static let files =
    fixturesCollectionsProto.closure + [
      fixturesNestingProto, fixturesOptionalsProto, fixturesOneofsProto, fixturesHidingProto,
    ] + fixturesImportsProto.closure
}

@Suite struct FuzzTests {
  @Test(arguments: Subjects.types.indices)
  func `well-formed messages decode, and encoding them again is stable`(index: Int) throws {
    func check<M: Message>(_ type: M.Type) throws {
      var generator = try WireGenerator(files: Subjects.files, seed: UInt64(index))
      generator.addsUnknownFields = true
      for _ in 0..<400 {
        let bytes = generator.message(M.fullName)
        let message = try M(wire: bytes)
        let encoded = message.serialized(deterministic: true)
        let again = try M(wire: encoded)
        #expect(again == message, "\(bytes)")
        #expect(again.serialized(deterministic: true) == encoded, "\(bytes)")
        #expect(message.serialized().count == encoded.count)
      }
    }
    try check(Subjects.types[index])
  }

  @Test(arguments: Subjects.types.indices)
  func `mutated messages are decoded or refused, never a trap`(index: Int) throws {
    func check<M: Message>(_ type: M.Type) throws {
      var generator = try WireGenerator(files: Subjects.files, seed: 1000 + UInt64(index))
      var outcomes = (accepted: 0, refused: 0)
      for _ in 0..<2000 {
        let bytes = generator.mutate(generator.message(M.fullName))
        do throws(DecodingError) {
          let message = try M(wire: bytes)
          outcomes.accepted += 1
          let encoded = message.serialized(deterministic: true)
          let again = try M(wire: encoded)
          #expect(again.serialized(deterministic: true) == encoded, "\(bytes)")
        } catch {
          outcomes.refused += 1
        }
      }
      #expect(outcomes.accepted > 0 && outcomes.refused > 0)
    }
    try check(Subjects.types[index])
  }

  @Test func `random bytes are decoded or refused, never a trap`() throws {
    var random = SplitMix(state: 7)
    var accepted = 0
    for round in 0..<20_000 {
      let bytes = (0..<Int.random(in: 0...64, using: &random)).map { _ in
        UInt8.random(in: 0...255, using: &random)
      }
      let type = Subjects.types[round % Subjects.types.count]
      if (try? type.init(wire: bytes)) != nil { accepted += 1 }
    }
    #expect(accepted > 0)
  }
}
