import Testing

@testable import Store

@Suite struct PagingTests {
  private let tokens = PageTokens(key: Array(0..<32))
  private let query = ["ListDevices", "org-1", "state=ACTIVE"]

  @Test(
    arguments: [
      [], [.integer(0)], [.integer(.min), .text("")], [.text("žluť\u{0}"), .integer(.max)],
      [.text(String(repeating: "x", count: 1_000))],
    ] as [[PageCursor.Part]])
  func `a token gives back its cursor for the same query`(parts: [PageCursor.Part]) throws {
    let token = tokens.token(PageCursor(parts), query: query)
    #expect(try tokens.cursor(token, query: query) == PageCursor(parts))
    #expect(token.utf8.allSatisfy { $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "=") })
  }

  @Test func `the empty token is the first page`() throws {
    #expect(try tokens.cursor("", query: query) == nil)
  }

  @Test func `a token of another query or another database is refused`() {
    let token = tokens.token(PageCursor([.integer(5)]), query: query)
    for other in [
      ["ListDevices", "org-2", "state=ACTIVE"], ["ListDevices", "org-1"], query + [""],
    ] {
      #expect(throws: StoreError.invalidPageToken) { try tokens.cursor(token, query: other) }
    }
    let foreign = PageTokens(key: Array(1..<33))
    #expect(throws: StoreError.invalidPageToken) { try foreign.cursor(token, query: query) }
  }

  @Test func `every single changed or missing character is noticed`() {
    let token = tokens.token(PageCursor([.integer(5), .text("a")]), query: query)
    let characters = Array(token)
    for index in characters.indices {
      var changed = characters
      changed[index] = changed[index] == "A" ? "B" : "A"
      #expect(throws: StoreError.invalidPageToken) {
        try tokens.cursor(String(changed), query: query)
      }
      #expect(throws: StoreError.invalidPageToken) {
        try tokens.cursor(String(characters[..<index]) + "!", query: query)
      }
    }
  }

  @Test(
    arguments: [
      (Int32.min, nil), (-1, nil), (0, 50), (1, 1), (199, 199), (200, 200), (201, 200),
      (.max, 200),
    ] as [(Int32, Int?)])
  func `page sizes default to 50 and end at 200`(requested: Int32, effective: Int?) {
    #expect(Page.limit(requested: requested) == effective)
  }
}
