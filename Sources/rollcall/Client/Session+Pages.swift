extension Session {
  /// Entries of the pages of ``all(_:)``: as many as a server gives at once.
  static let pageSize: Int32 = 200

  /// All entries of a list: asks for page after page, from the token of the one before.
  func all<Entry>(
    _ page: (_ token: String) async throws -> (entries: [Entry], next: String)
  ) async throws -> [Entry] {
    var entries: [Entry] = []
    var token = ""
    repeat {
      let part = try await page(token)
      entries += part.entries
      token = part.next
    } while !token.isEmpty
    return entries
  }
}
