import Foundation
import ProtoWire
import Testing

/// Python's protobuf and ours read each other's JSON. Bounded, seeds fixed.
@Suite(.enabled(if: Tool.python != nil, "needs the Python of make setup-test"))
struct JSONDifferentialTests {
  private static let types: [any Message.Type] = [
    Codegen_Fixtures_Scalars.self, Codegen_Fixtures_FieldNumbers.self,
    Codegen_Fixtures_Repeated.self, Codegen_Fixtures_MapKeys.self, Codegen_Fixtures_MapValues.self,
    Codegen_Fixtures_EnumHolder.self, Codegen_Fixtures_Choices.self,
    Codegen_Fixtures_OptionalScalars.self, Codegen_Fixtures_Chain.self,
    Codegen_Fixtures_Husband.self, Codegen_Fixtures_Expression.self, Codegen_Fixtures_Tree.self,
    Codegen_Fixtures_Wide.self, Codegen_Fixtures_Naming.self, Codegen_Fixtures_Importer.self,
  ]
  private static let registry = TypeRegistry(types)

  private struct Sample {
    let type: any Message.Type
    let wire: [UInt8]
    let json: [UInt8]
  }

  @Test("What Python writes reads as the same message", arguments: [1, 2])
  func readsPython(_ seed: Int) throws {
    try Oracle.run { oracle in
      for sample in try Self.samples(oracle, seed: seed, count: 60) {
        let (expected, read) = try Self.both(sample.type, sample)
        #expect(
          read == .success(expected),
          "\(sample.type.fullName): \(String(decoding: sample.json, as: UTF8.self))")
      }
    }
  }

  @Test("Python reads what we write, under every option, as the same message")
  func pythonReadsOurs() throws {
    let options: [JSONEncodingOptions] = [
      .init(), .init(preserveProtoFieldNames: true), .init(alwaysPrintFieldsWithNoPresence: true),
      .init(enumsAsInts: true, pretty: true, deterministic: true),
    ]
    try Oracle.run { oracle in
      var texts: [(any Message.Type, [UInt8])] = []
      var expected: [[UInt8]] = []
      for (index, sample) in try Self.samples(oracle, seed: 3, count: 60).enumerated() {
        var options = options[index % options.count]
        options.types = Self.registry
        texts.append((sample.type, try Self.written(sample.type, sample.wire, options)))
        expected.append(sample.wire)
      }
      for (index, answer) in try oracle.parse(texts).enumerated() {
        let (type, text) = texts[index]
        let wire = try Self.canonical(type, expected[index])
        #expect(
          try Self.canonical(type, answer) == .success(wire),
          "\(type.fullName): \(String(decoding: text, as: UTF8.self))")
      }
    }
  }

  @Test("Of mutated texts we accept none that Python reads as another message or refuses")
  func mutations() throws {
    try Oracle.run { oracle in
      var generator = Mutator(state: 4)
      var texts: [(any Message.Type, [UInt8])] = []
      var ours: [[UInt8]] = []
      for sample in try Self.samples(oracle, seed: 4, count: 40) {
        for _ in 0..<25 {
          let text = generator.mutate(sample.json)
          guard case .success(let wire) = Self.read(sample.type, text) else { continue }
          texts.append((sample.type, text))
          ours.append(wire)
        }
      }
      #expect(texts.count > 200, "a mutator whose texts are all refused tests nothing")
      for (index, answer) in try oracle.parse(texts).enumerated() {
        let (type, text) = texts[index]
        #expect(
          try Self.canonical(type, answer) == .success(ours[index]),
          "\(type.fullName): \(String(decoding: text, as: UTF8.self))")
      }
    }
  }

  // MARK: Both codecs

  private static func samples(_ oracle: Oracle, seed: Int, count: Int) throws -> [Sample] {
    let names = types.map { $0.fullName }
    return try oracle.lines(["generate", "\(seed)", "\(count)"] + names).map { line in
      let parts = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
      let type = try #require(types.first { $0.fullName == parts[0] })
      return Sample(type: type, wire: Oracle.bytes(parts[1]), json: Oracle.bytes(parts[2]))
    }
  }

  /// The deterministic wire form of a message: what values are compared by, because NaN is not
  /// equal to itself.
  private static func canonical<M: Message>(_ type: M.Type, _ wire: [UInt8]) throws -> [UInt8] {
    try M(wire: wire).serialized(deterministic: true)
  }

  private static func canonical(_ type: any Message.Type, _ answer: Result<[UInt8], Oracle.Refused>)
    throws -> Result<[UInt8], Oracle.Refused>
  {
    switch answer {
    case .success(let wire): .success(try canonical(type, wire))
    case .failure: answer
    }
  }

  private static func both<M: Message>(_ type: M.Type, _ sample: Sample) throws
    -> ([UInt8], Result<[UInt8], JSONDecodingError>)
  {
    (try canonical(type, sample.wire), read(type, sample.json))
  }

  private static func read<M: Message>(_ type: M.Type, _ json: [UInt8])
    -> Result<[UInt8], JSONDecodingError>
  {
    do throws(JSONDecodingError) {
      return .success(
        try M(jsonUTF8: json, options: .init(types: registry)).serialized(deterministic: true))
    } catch {
      return .failure(error)
    }
  }

  private static func written<M: Message>(
    _ type: M.Type, _ wire: [UInt8], _ options: JSONEncodingOptions
  ) throws -> [UInt8] {
    try M(wire: wire).jsonUTF8(options: options)
  }
}

/// The Python side: a script that makes random messages and reads texts.
private struct Oracle {
  struct Refused: Error, Equatable { let reason: String }

  let descriptors: String

  static func run(_ body: (Oracle) throws -> Void) throws {
    try Tool.inTemporaryFolder { folder in
      let descriptors = folder.appending(path: "fixtures.ds").path
      let result = try Tool.run(
        "protoc",
        ["--include_imports", "--descriptor_set_out=\(descriptors)"] + Tool.includes
          + Tool.commonFiles())
      try #require(result.status == 0, "\(result.errors)")
      try body(Oracle(descriptors: descriptors))
    }
  }

  func lines(_ arguments: [String], input: String = "") throws -> [String] {
    let script = Tool.fixtures.appending(path: "json_oracle.py").path
    let python = try #require(Tool.python).path
    let result = try Tool.run(
      python, [script, descriptors] + arguments, input: Array(input.utf8))
    try #require(result.status == 0, "\(result.errors)")
    var lines = String(decoding: result.output, as: UTF8.self).components(separatedBy: "\n")
    lines.removeLast()
    return lines
  }

  /// What Python makes of each text: wire bytes, or why not.
  func parse(_ texts: [(any Message.Type, [UInt8])]) throws -> [Result<[UInt8], Refused>] {
    let input = texts.map { "\($0.fullName)\t\(Self.hex($1))\n" }.joined()
    let answers = try lines(["parse"], input: input)
    try #require(answers.count == texts.count)
    return answers.map { answer in
      answer.hasPrefix("!") ? .failure(Refused(reason: answer)) : .success(Self.bytes(answer))
    }
  }

  static func hex(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef")
    return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
  }

  static func bytes(_ hex: String) -> [UInt8] {
    let digits = hex.utf8.map { $0 < 0x3a ? $0 - 0x30 : $0 - 0x57 }
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
  }
}

/// Small changes to good texts, always the same ones for a seed.
private struct Mutator {
  var state: UInt64
  private static let alphabet = Array(#"{}[]:,"\/0123456789+-.eEu tfn"#.utf8)

  private mutating func next(below bound: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int(truncatingIfNeeded: (state >> 33) % UInt64(max(bound, 1)))
  }

  mutating func mutate(_ text: [UInt8]) -> [UInt8] {
    var text = text
    let place = next(below: text.count + 1)
    switch next(below: 4) {
    case 0: text.insert(Self.alphabet[next(below: Self.alphabet.count)], at: place)
    case 1 where place < text.count: text.remove(at: place)
    case 2 where place < text.count: text[place] = Self.alphabet[next(below: Self.alphabet.count)]
    default: text.removeSubrange(place..<min(text.count, place + next(below: 12)))
    }
    return text
  }
}
