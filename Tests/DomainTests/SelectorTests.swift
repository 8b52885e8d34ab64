import Domain
import Testing

@Suite struct LabelsTests {
  @Test(arguments: [
    ("", "label key is empty"), (String(repeating: "k", count: 64), "64 bytes exceeds 63"),
    ("-a", "must start and end"), ("a.", "must start and end"), ("a b", "may hold"),
    ("ä", "may hold"),
  ])
  func `a bad key is refused and named`(key: String, expected: String) {
    let error = #expect(throws: DomainError.self) { try Labels([key: "x"]) }
    #expect(error?.description.contains(expected) == true, "\(String(describing: error))")
  }

  @Test(arguments: ["a", "a-b_c.d/e9", "K", String(repeating: "k", count: 63)])
  func `a good key is taken`(key: String) throws {
    #expect(try Labels([key: ""])[key] == "")
  }

  @Test func `values end at 255 bytes and hold no control characters`() throws {
    _ = try Labels(["k": String(repeating: "v", count: 255)])
    #expect(throws: DomainError.self) { try Labels(["k": String(repeating: "v", count: 256)]) }
    #expect(throws: DomainError.self) { try Labels(["k": "a\nb"]) }
    #expect(throws: DomainError.self) { try Labels(["k": "\u{7F}"]) }
  }

  @Test(arguments: [(64, true), (65, false)])
  func `a thing carries at most 64 labels`(count: Int, allowed: Bool) {
    let values = Dictionary(uniqueKeysWithValues: (0..<count).map { ("k\($0)", "") })
    #expect(((try? Labels(values)) != nil) == allowed)
  }

  @Test func `removals come before changes`() throws {
    let labels = try Labels(["a": "1", "b": "2"])
    let next = try labels.applying(changes: ["a": "3"], removals: ["a", "b", "missing"])
    #expect(next.values == ["a": "3"])
  }
}

@Suite struct SelectorTests {
  static let a = Labels(unchecked: ["k": "a"])
  static let b = Labels(unchecked: ["k": "b"])

  @Test(arguments: [
    (Selector.Requirement.Operation.isIn, [true, false, false]), (.notIn, [false, true, true]),
    (.exists, [true, true, false]), (.doesNotExist, [false, false, true]),
  ])
  func `each operation judges a match, another value and an absent label`(
    operation: Selector.Requirement.Operation, expected: [Bool]
  ) {
    let values = operation == .isIn || operation == .notIn ? ["a"] : []
    let requirement = Selector.Requirement(key: "k", operation: operation, values: values)
    #expect([Self.a, Self.b, .empty].map { requirement.holds(for: $0) } == expected)
  }

  @Test func `requirements are all needed and of the groups one`() throws {
    let (g1, g2, g3) = (GroupID("g1"), GroupID("g2"), GroupID("g3"))
    let selector = try Selector(
      requirements: [.equals("k", "a"), .init(key: "x", operation: .doesNotExist)],
      groups: [g1, g2])
    #expect(selector.matches(labels: Self.a, groups: [g2, g3]))
    #expect(!selector.matches(labels: Self.a, groups: [g3]))
    #expect(!selector.matches(labels: Self.a, groups: []))
    #expect(!selector.matches(labels: Self.b, groups: [g1]))
    #expect(!selector.matches(labels: Labels(unchecked: ["k": "a", "x": ""]), groups: [g1]))
    #expect(Selector.everything.matches(labels: .empty, groups: []))
  }

  @Test func `counts and values are limited`() {
    func selector(_ count: Int) -> Selector? {
      try? Selector(requirements: (0..<count).map { .equals("k\($0)", "v") })
    }
    #expect(selector(32) != nil)
    #expect(selector(33) == nil)
    #expect(throws: DomainError.self) {
      try Selector(requirements: [.init(key: "k", operation: .isIn)])
    }
    #expect(throws: DomainError.self) {
      try Selector(requirements: [.init(key: "k", operation: .exists, values: ["v"])])
    }
    #expect(throws: DomainError.self) {
      try Selector(requirements: [], groups: Set((0..<65).map { GroupID("g\($0)") }))
    }
  }
}
