import ArgumentParser

/// A page of a list.
struct PagingOptions: ParsableArguments {
  @Option(name: .customLong("limit"), help: "Entries to show, at most 200.")
  var pageSize: Int32 = 50

  @Option(name: .customLong("page"), help: "Token of the page, as the previous one ended with.")
  var pageToken = ""

  func validate() throws {
    guard (1...200).contains(pageSize) else {
      throw ValidationError("--limit \(pageSize) is not between 1 and 200")
    }
  }

  /// The table, and below it what was left out and how to see it.
  func footed(_ table: TextTable, count: Int, total: Int32, next: String) -> String {
    if table.isEmpty, next.isEmpty { return "none" }
    let text = table.isEmpty ? "none yet" : table.rendered(width: Terminal.shared.tableWidth)
    guard !next.isEmpty else { return text }
    return text + "\n\(count) of \(total); the next: --page \(next)"
  }
}
