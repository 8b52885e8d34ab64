import Testing

@testable import Store

@Suite struct IdempotencyTests {
  private let key = IdempotencyKey(org: "o", principal: "p", method: "m", requestID: "r")

  @Test func `a repeated request gets the stored response and changes nothing`() async throws {
    let temporary = try TemporaryStore()
    for round in 0..<3 {
      let response = try await temporary.store.write { [key] tx in
        try tx.idempotent(key, bodyDigest: [1]) {
          try tx.append(.sample("a"))
          return IdempotentResponse(bytes: [UInt8(round), 9])
        }
      }
      #expect(response == IdempotentResponse(bytes: [0, 9], isReplay: round > 0))
    }
    #expect(try temporary.store.read { try $0.revision() } == 1)
  }

  @Test func `the same id with another body is refused`() async throws {
    let temporary = try TemporaryStore()
    _ = try await temporary.store.write { [key] in
      try $0.idempotent(key, bodyDigest: [1]) { .init(bytes: []) }
    }
    await #expect(throws: StoreError.requestIDReused(requestID: "r")) {
      try await temporary.store.write { [key] in
        try $0.idempotent(key, bodyDigest: [2]) { .init(bytes: []) }
      }
    }
  }

  @Test func `another principal, method or org may use the same id`() async throws {
    let temporary = try TemporaryStore()
    var keys = [key, key, key, key]
    keys[1].principal = "q"
    keys[2].method = "n"
    keys[3].org = "other"
    for (index, key) in keys.enumerated() {
      let response = try await temporary.store.write { tx in
        try tx.idempotent(key, bodyDigest: [UInt8(index)]) { .init(bytes: [UInt8(index)]) }
      }
      #expect(response == IdempotentResponse(bytes: [UInt8(index)], isReplay: false))
    }
  }

  @Test func `a request that failed may be tried again`() async throws {
    let temporary = try TemporaryStore()
    await #expect(throws: StoreTests.Refused.self) {
      try await temporary.store.write { [key] tx in
        try tx.idempotent(key, bodyDigest: [1]) { throw StoreTests.Refused() }
      }
    }
    let response = try await temporary.store.write { [key] in
      try $0.idempotent(key, bodyDigest: [2]) { .init(bytes: [7]) }
    }
    #expect(response == IdempotentResponse(bytes: [7], isReplay: false))
  }

  @Test func `a refusal is kept with what it changed and repeated as a refusal`() async throws {
    let temporary = try TemporaryStore()
    for round in 0..<2 {
      let response = try await temporary.store.write { [key] tx in
        try tx.idempotent(key, bodyDigest: [1]) {
          try tx.append(.sample("expired"))
          return IdempotentResponse(bytes: [UInt8(round)], isRefusal: true)
        }
      }
      #expect(response == IdempotentResponse(bytes: [0], isRefusal: true, isReplay: round > 0))
    }
    #expect(try temporary.store.read { try $0.revision() } == 1)
  }

  @Test func `requests without an id are carried out each time`() async throws {
    let temporary = try TemporaryStore()
    var anonymous = key
    anonymous.requestID = ""
    for key in [nil, nil, anonymous, anonymous] {
      let response = try await temporary.store.write { tx in
        try tx.idempotent(key, bodyDigest: []) { .init(bytes: []) }
      }
      #expect(!response.isReplay)
    }
  }

  @Test(arguments: [(age: Int64(99), isReplay: true), (100, false), (101, false)])
  func `a response answers until a sweep finds that it is as old as responses are kept`(
    age: Int64, isReplay: Bool
  ) async throws {
    let clocks = ManualClocks()
    var configuration = clocks.configuration
    configuration.idempotencyRetentionMilliseconds = 100
    let temporary = try TemporaryStore(configuration)
    _ = try await temporary.store.write { [key] in
      try $0.idempotent(key, bodyDigest: [1]) { .init(bytes: [1]) }
    }
    clocks.pass(age)
    let answer: @Sendable (WriteTransaction) throws -> IdempotentResponse = { [key] in
      try $0.idempotent(key, bodyDigest: [1]) { .init(bytes: [2]) }
    }
    #expect(try await temporary.store.rehearse(answer).isReplay)
    await temporary.store.sweep()
    #expect(try await temporary.store.write(answer).isReplay == isReplay)
  }
}
