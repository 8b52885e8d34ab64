import Foundation
import ProtoWire
import Testing

/// Python's protobuf and ours must accept the same bytes and read the same values from them.
@Suite(.enabled(if: Tool.python != nil, "needs the Python of make setup-test"))
struct PythonDifferentialTests {
  private struct Sample {
    let type: any Message.Type
    let bytes: [UInt8]
  }

  @Test func `well-formed messages mean the same to Python`() throws {
    var samples: [Sample] = []
    for (index, type) in Subjects.types.enumerated() {
      var generator = try WireGenerator(files: Subjects.files, seed: 2000 + UInt64(index))
      generator.addsUnknownFields = true
      for _ in 0..<150 {
        samples.append(Sample(type: type, bytes: generator.message(type.fullName)))
      }
    }
    for (sample, answer) in zip(samples, try python(samples)) {
      guard case .accepted(let theirs) = answer else {
        Issue.record("refused: \(sample.type.fullName) \(sample.bytes)")
        continue
      }
      let ours = try canonical(sample.type, sample.bytes)
      #expect(try canonical(sample.type, theirs) == ours, "\(sample.type.fullName) \(sample.bytes)")
    }
  }

  /// Differences that are known and allowed: Python refuses a tag of more than five bytes and lengths above its
  /// own limits, and it keeps a map entry with an unknown field as an unknown field of the message. What both
  /// accept must mean the same; on acceptance they may differ in at most one sample of a hundred.
  @Test func `mutated messages are accepted and refused as Python does`() throws {
    var samples: [Sample] = []
    for (index, type) in Subjects.types.enumerated() {
      var generator = try WireGenerator(files: Subjects.files, seed: 3000 + UInt64(index))
      for _ in 0..<400 {
        let bytes = generator.mutate(generator.message(type.fullName))
        samples.append(Sample(type: type, bytes: bytes))
      }
    }
    var (both, disagreements, different) = (0, 0, 0)
    for (sample, answer) in zip(samples, try python(samples)) {
      switch (answer, try? canonical(sample.type, sample.bytes)) {
      case (.accepted(let theirs), let ours?):
        both += 1
        if try canonical(sample.type, theirs) != ours { different += 1 }
      case (.refused, nil): break
      default: disagreements += 1
      }
    }
    #expect(both > samples.count / 10)
    #expect(disagreements * 100 <= samples.count, "\(disagreements) of \(samples.count)")
    #expect(different * 100 <= both, "\(different) of \(both)")
  }

  /// What `bytes` mean, as the bytes that we write for it: the order of a writer's fields means nothing.
  private func canonical(_ type: any Message.Type, _ bytes: [UInt8]) throws -> [UInt8] {
    func encode<M: Message>(_ type: M.Type) throws -> [UInt8] {
      try M(wire: bytes).serialized(deterministic: true)
    }
    return try encode(type)
  }

  private enum Answer: Equatable {
    case accepted([UInt8])
    case refused
  }

  private func python(_ samples: [Sample]) throws -> [Answer] {
    try Tool.inTemporaryFolder { folder in
      let descriptors = folder.appending(path: "fixtures.ds").path
      let compiled = try Tool.run(
        "protoc",
        ["--include_imports", "--descriptor_set_out=\(descriptors)"] + Tool.includes
          + Tool.commonFiles())
      try #require(compiled.status == 0, "\(compiled.errors)")
      let lines = samples.map { sample in
        sample.type.fullName + "\t" + sample.bytes.map { hex($0) }.joined() + "\n"
      }
      let script = Tool.fixtures.appending(path: "wire_oracle.py").path
      let result = try Tool.run(
        try #require(Tool.python).path, [script, descriptors], input: Array(lines.joined().utf8))
      try #require(result.status == 0, "\(result.errors)")
      let answers = String(decoding: result.output, as: UTF8.self)
        .split(separator: "\n", omittingEmptySubsequences: false).dropLast()
      try #require(answers.count == samples.count)
      return answers.map { line in
        line.hasPrefix("!") ? .refused : .accepted(bytes(line))
      }
    }
  }

  private func hex(_ byte: UInt8) -> String {
    (byte < 16 ? "0" : "") + String(byte, radix: 16)
  }

  private func bytes(_ hex: Substring) -> [UInt8] {
    let digits = hex.utf8.map { $0 < 0x3a ? $0 - 0x30 : $0 - 0x57 }
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
  }
}
