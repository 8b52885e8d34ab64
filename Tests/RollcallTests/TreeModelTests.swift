import Foundation
import Testing

@testable import rollcall

@Suite struct TreeModelTests {
  let data: DemoData

  init() throws {
    data = try DemoData(
      folder: URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../Sources/rollcall/DemoData").path)
  }

  /// What the library predicted in Python when the versions were trained, a column a version.
  private func expected() throws -> [[Float]] {
    let url = try #require(
      Bundle.module.url(forResource: "Fixtures/predictions", withExtension: "csv"))
    return try String(contentsOf: url, encoding: .utf8).split(separator: "\n").dropFirst()
      .map { $0.split(separator: ",").compactMap { Float($0) } }
  }

  @Test(arguments: [("screen-v1", 0), ("screen-v2", 1)])
  func `a device predicts what training predicted`(version: String, column: Int) throws {
    let model = try TreeModel(artifact: try #require(data.artifacts[version]))
    let expected = try expected()
    #expect(expected.count == data.samples.count)
    for (sample, row) in zip(data.samples, expected) {
      #expect(abs(try model.predict(sample.row) - row[column]) < 1e-6)
    }
  }

  @Test func `the second version is better than the first on rows neither has seen`() throws {
    func right(_ version: String) throws -> Int {
      let model = try TreeModel(artifact: try #require(data.artifacts[version]))
      return try data.samples.count { try (model.predict($0.row) > 0.5) == $0.isBenign }
    }
    #expect(data.samples.count == 171)
    #expect(try right("screen-v1") == 153)
    #expect(try right("screen-v2") == 165)
  }

  @Test func `the third version loads and refuses every row a device has`() throws {
    let model = try TreeModel(artifact: try #require(data.artifacts["screen-v3"]))
    for sample in data.samples {
      let failure = #expect(throws: TreeModel.Failure.self) { try model.predict(sample.row) }
      #expect(failure?.description.contains("30 vs. 32") == true, "\(failure?.description ?? "")")
    }
  }

  @Test(arguments: [[], Array("not a model".utf8), Array(#"{"learner":{}}"#.utf8)])
  func `bytes that are no model are refused`(artifact: [UInt8]) {
    #expect(throws: TreeModel.Failure.self) { try TreeModel(artifact: artifact) }
  }

  @Test func `half an artifact is refused`() throws {
    let whole = try #require(data.artifacts["screen-v2"])
    #expect(throws: TreeModel.Failure.self) {
      try TreeModel(artifact: Array(whole[..<(whole.count / 2)]))
    }
  }

  @Test(arguments: [
    ("a,b\n1.0,1\n2.5,0\n", 2), ("a,b\n", 0),
  ])
  func `rows are read with their label`(csv: String, count: Int) throws {
    #expect(try DemoData.samples(csv: csv).count == count)
  }

  @Test(arguments: ["", "a,b\n1.0\n", "a,b\n1.0,2\n", "a,b\nx,1\n"])
  func `a broken row is named`(csv: String) {
    #expect(throws: DemoData.Failure.self) { try DemoData.samples(csv: csv) }
  }
}
