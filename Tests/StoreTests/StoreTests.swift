import SQL
import Testing

@testable import Store

@Suite struct StoreTests {
  struct Refused: Error {}

  @Test func `an acknowledged write is seen by the next read and after reopening`() async throws {
    let temporary = try TemporaryStore()
    let revision = try await temporary.store.write { try $0.append(.sample("a")) }
    #expect(revision == 1)
    #expect(try temporary.store.read { try $0.revision() } == 1)
    try temporary.reopen()
    let page = try temporary.store.read {
      try EventLog($0).page(after: 0, org: "org-1", limit: 10)
    }
    #expect(page.map(\.event) == [.sample("a")])
  }

  @Test func `a closure that throws is rolled back alone and its error rethrown`() async throws {
    let temporary = try TemporaryStore()
    let store = temporary.store
    try await withThrowingTaskGroup(of: Void.self) { group in
      for index in 0..<200 {
        group.addTask {
          do {
            try await store.write { tx in
              try tx.append(.sample("\(index)"))
              if index % 3 == 0 { throw Refused() }
            }
            #expect(index % 3 != 0)
          } catch is Refused {
            #expect(index % 3 == 0)
          }
        }
      }
      try await group.waitForAll()
    }
    let events = try store.read { try EventLog($0).page(after: 0, org: nil, limit: 1_000) }
    #expect(
      Set(events.map(\.event.resourceID)) == Set((0..<200).filter { $0 % 3 != 0 }.map(String.init)))
    #expect(events.map(\.revision) == Array(1...Int64(events.count)))
    #expect(EventChain.firstBreak(in: events, after: EventChain.start) == nil)
  }

  @Test func `a read-only view refuses to change rows`() throws {
    let temporary = try TemporaryStore()
    #expect(throws: StoreError.failure("the connection is read-only")) {
      try temporary.store.read { db in
        try db.connection.execute("DELETE FROM settings")
      }
    }
  }

  @Test func `a data folder is opened by one store at a time`() throws {
    let temporary = try TemporaryStore()
    #expect {
      _ = try Store.open(temporary.path)
    } throws: { error in
      guard case .folderInUse(let path, _) = error as? StoreError else { return false }
      return path == temporary.path
    }
    try temporary.reopen()
  }
}
