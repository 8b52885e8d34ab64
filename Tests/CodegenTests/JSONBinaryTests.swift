import ProtoWire
import Testing

/// What one form's reader takes, the other's takes too: a message that came as JSON may be stored as binary.
@Suite struct JSONBinaryTests {
  @Test(arguments: Subjects.types.indices)
  func `what is read as JSON can be read back from its binary form`(index: Int) throws {
    func check<M: Message>(_ type: M.Type) throws {
      var generator = try WireGenerator(files: Subjects.files, seed: 2000 + UInt64(index))
      var count = 0
      for _ in 0..<400 {
        let message = try M(
          wire: generator.message(M.fullName), options: .init(discardUnknownFields: true))
        guard let text = try? message.json(), let read = try? M(json: text) else { continue }
        count += 1
        let wire = read.serialized(deterministic: true)
        #expect(try M(wire: wire).serialized(deterministic: true) == wire, "\(text)")
      }
      #expect(count > 50)
    }
    try check(Subjects.types[index])
  }

  @Test func `both readers count the same levels`() throws {
    func chain(_ depth: Int) -> Codegen_Fixtures_Chain {
      (0..<depth).reduce(into: Codegen_Fixtures_Chain()) { chain, _ in
        let inner = chain
        chain = .with { $0.next = inner }
      }
    }
    func list(_ depth: Int) -> Codegen_Fixtures_Tree {
      (0..<depth).reduce(into: Codegen_Fixtures_Tree()) { tree, _ in
        let inner = tree
        tree = .with { $0.children = [inner] }
      }
    }
    func map(_ depth: Int) -> Codegen_Fixtures_Tree {
      (0..<depth).reduce(into: Codegen_Fixtures_Tree()) { tree, _ in
        let inner = tree
        tree = .with { $0.named = ["k": inner] }
      }
    }
    try agree(chain, limit: 100)
    try agree(list, limit: 100)
    try agree(map, limit: 50)
  }

  /// Of messages of every depth around `limit`, both readers take those up to it, and the writer all of them.
  private func agree<M: Message>(_ make: (Int) -> M, limit: Int) throws {
    for depth in [1, limit - 1, limit, limit + 1, limit + 2] {
      let message = make(depth)
      // As deep as it is written, whatever the readers' limit is.
      let text = try message.json(options: .init(depthLimit: 200))
      let wire = message.serialized()
      #expect(((try? M(json: text)) == message) == (depth <= limit), "\(depth)")
      #expect(((try? M(wire: wire)) == message) == (depth <= limit), "\(depth)")
      if depth <= limit { #expect(try message.json() == text) }
    }
  }

  @Test(arguments: [("[", "0", "]", 50), ("{\"\":", "0", "}", 33)])
  func `any JSON nests as deep as its binary form may`(
    open: String, core: String, close: String, limit: Int
  ) throws {
    for depth in [1, limit - 1, limit, limit + 1] {
      let text =
        String(repeating: open, count: depth) + core + String(repeating: close, count: depth)
      let value = try? Google_Protobuf_Value(json: text)
      #expect((value != nil) == (depth <= limit), "\(depth)")
      if let value {
        #expect(try Google_Protobuf_Value(wire: value.serialized()) == value)
        #expect(try value.json() == text)
      }
    }
  }

  @Test func `what the binary reader would find too sparse is refused as JSON`() throws {
    let count = 100_000
    let text =
      #"{"items":["# + Array(repeating: #"{"s1":"a"}"#, count: count).joined(separator: ",") + "]}"
    let error = #expect(throws: JSONDecodingError.self) {
      try Codegen_Fixtures_WideList(json: text)
    }
    guard case .allocationBudgetExceeded = error?.reason else {
      Issue.record("\(String(describing: error))")
      return
    }
    // As many as the minimal grant allows are read both ways.
    let few =
      #"{"items":["# + Array(repeating: #"{"s1":"a"}"#, count: 2_000).joined(separator: ",") + "]}"
    let message = try Codegen_Fixtures_WideList(json: few)
    #expect(try Codegen_Fixtures_WideList(wire: message.serialized()) == message)
  }

  @Test func `a field's JSON name wins over another field's schema name`() throws {
    let message = try Codegen_Fixtures_Swapped(json: #"{"a":2}"#)
    #expect(message.b == 2 && message.a == 0)
    #expect(try message.json() == #"{"a":2}"#)
    let both = try Codegen_Fixtures_Swapped(json: #"{"a":1,"b":2}"#)
    #expect(both.b == 1 && both.a == 2)
  }

  @Test func `a name in JSON is as safe in a page as a value`() throws {
    let message = Codegen_Fixtures_Odd.with { $0.script = 1 }
    #expect(try message.json() == #"{"\u003c/script\u003e\u2028":1}"#)
    #expect(try Codegen_Fixtures_Odd(json: message.json()) == message)
  }

  @Test func `a map's key has one spelling`() throws {
    for key in ["1.0", "1e0", "+1", "01", " 1", "1 "] {
      #expect(throws: JSONDecodingError.self, "\(key)") {
        try Codegen_Fixtures_MapKeys(json: #"{"byInt32":{"\#(key)":"a"}}"#)
      }
    }
    #expect(throws: JSONDecodingError.self) {
      try Codegen_Fixtures_MapKeys(json: #"{"byInt32":{"0":"a","-0":"b"}}"#)
    }
  }

  @Test func `a member whose enum name is ignored leaves its oneof free`() throws {
    let options = JSONDecodingOptions(ignoreUnknownFields: true)
    let message = try Codegen_Fixtures_Choices(
      json: #"{"color":"COLOR_MAUVE","stringValue":"a"}"#, options: options)
    #expect(message.value == .stringValue("a"))
    let listed = try Codegen_Fixtures_Repeated(
      json: #"{"colors":["COLOR_MAUVE"],"int32Values":[1]}"#, options: options)
    #expect(listed.int32Values == [1])
    #expect(throws: JSONDecodingError.self) {
      try Codegen_Fixtures_Choices(json: #"{"boolValue":true,"stringValue":"a"}"#, options: options)
    }
  }

  @Test func `an enum's names are found by their bytes, hostile ones at once`() throws {
    let limited = #"{"color":"COLOR_RED\#(String(repeating: "\u{301}", count: 60_000))"}"#
    #expect(throws: JSONDecodingError.self) { try Codegen_Fixtures_EnumHolder(json: limited) }
    #expect(Codegen_Fixtures_Color(protoName: "COLOR_RED") == .red)
    #expect(Codegen_Fixtures_Color(protoName: "COLOR_REDD") == nil)
    #expect(Codegen_Fixtures_Color(protoName: "COLOR_RE") == nil)
    #expect(Codegen_Fixtures_Color(protoName: "") == nil)
  }

  @Test func `hostile keys and names of a generated map are refused`() throws {
    func entry(_ marks: Int) -> String {
      #"{"byString":{"k\#(String(repeating: "\u{301}\u{323}", count: marks / 2))":"v"}}"#
    }
    #expect(try Codegen_Fixtures_MapKeys(json: entry(30)).byString.count == 1)
    #expect(throws: JSONDecodingError.self) { try Codegen_Fixtures_MapKeys(json: entry(32)) }
  }
}
