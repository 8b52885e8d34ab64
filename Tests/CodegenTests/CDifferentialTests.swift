import Foundation
import ProtoWire
import Testing

/// libprotobuf-c as an independent codec, for well-formed messages only: its defects on hostile input are known.
/// Its code is generated and compiled when the test runs; it knows no proto3 `optional`.
@Suite struct CDifferentialTests {
  private static let types: [any Message.Type] = [
    Codegen_Fixtures_Scalars.self, Codegen_Fixtures_FieldNumbers.self,
    Codegen_Fixtures_Repeated.self, Codegen_Fixtures_Unpacked.self, Codegen_Fixtures_MapKeys.self,
    Codegen_Fixtures_MapValues.self, Codegen_Fixtures_EnumHolder.self, Codegen_Fixtures_Chain.self,
    Codegen_Fixtures_Husband.self, Codegen_Fixtures_Tree.self,
  ]

  @Test func `what we encode, libprotobuf-c decodes and encodes to the same value`() throws {
    var samples: [(type: any Message.Type, bytes: [UInt8])] = []
    var input: [UInt8] = []
    for (index, type) in Self.types.enumerated() {
      var generator = try WireGenerator(files: Subjects.files, seed: 4000 + UInt64(index))
      for _ in 0..<200 {
        // Once through our codec: its merge of repeated sub-messages is right and theirs is not.
        let bytes = try canonical(type, generator.message(type.fullName), deterministic: false)
        // Its strings end at the first NUL.
        if bytes.contains(0) && hasText(type) { continue }
        samples.append((type, bytes))
        input += word(UInt32(index)) + word(UInt32(bytes.count)) + bytes
      }
    }
    try #require(samples.count > 800)
    let answers = try answers(to: input)
    try #require(answers.count == samples.count)
    for (sample, answer) in zip(samples, answers) {
      let theirs = try #require(answer, "\(sample.type.fullName) \(sample.bytes)")
      #expect(
        try canonical(sample.type, theirs) == canonical(sample.type, sample.bytes),
        "\(sample.type.fullName) \(sample.bytes)")
    }
  }

  private func hasText(_ type: any Message.Type) -> Bool {
    type != Codegen_Fixtures_EnumHolder.self && type != Codegen_Fixtures_Unpacked.self
  }

  private func canonical(_ type: any Message.Type, _ bytes: [UInt8], deterministic: Bool = true)
    throws -> [UInt8]
  {
    func encode<M: Message>(_ type: M.Type) throws -> [UInt8] {
      try M(wire: bytes).serialized(deterministic: deterministic)
    }
    return try encode(type)
  }

  private func answers(to input: [UInt8]) throws -> [[UInt8]?] {
    try Tool.inTemporaryFolder { folder in
      let files = ["scalars", "collections", "enums", "nesting"].map { "fixtures/\($0).proto" }
      let generated = try Tool.run(
        "protoc-c", ["--c_out=\(folder.path)"] + Tool.includes + files)
      try #require(generated.status == 0, "\(generated.errors)")
      // codegen.fixtures.MapKeys → codegen__fixtures__map_keys__descriptor
      let table = Self.types.map { type in
        let name = type.fullName.split(separator: ".").map { part in
          part.enumerated().map { index, character in
            character.isUppercase
              ? (index > 0 ? "_" : "") + character.lowercased() : String(character)
          }.joined()
        }
        return "&" + name.joined(separator: "__") + "__descriptor"
      }
      let oracle = folder.appending(path: "oracle").path
      let compiled = try Tool.run(
        "cc",
        [
          "-o", oracle, "-I", folder.path, "-DMESSAGES=\(table.joined(separator: ","))",
          "-include", "fixtures/collections.pb-c.h", "-include", "fixtures/nesting.pb-c.h",
          Tool.fixtures.appending(path: "wire_oracle.c").path,
        ] + files.map { folder.path + "/" + $0.replacing(".proto", with: ".pb-c.c") }
          + ["-lprotobuf-c"])
      try #require(compiled.status == 0, "\(compiled.errors)")
      let result = try Tool.run(oracle, [], input: input)
      try #require(result.status == 0)
      return try parse(result.output)
    }
  }

  private func parse(_ output: [UInt8]) throws -> [[UInt8]?] {
    var answers: [[UInt8]?] = []
    var rest = output[...]
    while !rest.isEmpty {
      let size = rest.prefix(4).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      rest = rest.dropFirst(4)
      if size == .max {
        answers.append(nil)
        continue
      }
      try #require(rest.count >= Int(size))
      answers.append(Array(rest.prefix(Int(size))))
      rest = rest.dropFirst(Int(size))
    }
    return answers
  }

  private func word(_ value: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * UInt32($0))) }
  }
}
