import ArgumentParser
import Glibc
import Services
import Store

/// `rollcall admin`: what is done on the server's machine itself.
struct AdminCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "admin", abstract: "What is done on the server's machine, on its data folder.",
    subcommands: [ResetKey.self])

  struct ResetKey: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "reset-key", abstract: "Make a new admin key when none is left.",
      usage: "rollcall admin reset-key [<options>]",
      discussion: """
        Stop the server first. The key does not expire; it is written to a file of its own in the data folder, and no file \
        is replaced. The principal is enabled and becomes an admin if it was none. Both are in the log of events. A database \
        of an older version is refused, not changed.
        """)

    @Option(help: "The server's data folder.", completion: .directory)
    var data = "./data"

    @Option(help: "Name of the org; without it, the one of the first start.")
    var org: String?

    @Option(help: "Name of the principal whose key it is.")
    var principal = "admin"

    func run() async throws {
      umask(0o077)
      guard access(data + "/rollcall.db", F_OK) == 0 else {
        throw Complaint(
          "there is no database in \(data)", next: "name the server's folder with --data",
          status: .notFound)
      }
      do {
        let missing = try Store.missingMigrations(data)
        guard missing.isEmpty else {
          throw Complaint(
            "the database in \(data) is of an older version than this program, which would change it for good",
            why: ["steps: " + missing.joined(separator: ", ")],
            next: "use the program that serves it, or start this one with `rollcall serve` first",
            status: .refused)
        }
        let store = try Store.open(data)
        defer { store.close() }
        let path = try await AdminReset.run(store: store, org: org, principal: principal)
        try Terminal.shared.line("a new admin key is in \(path)")
      } catch let failure as AdminReset.Failure {
        throw Complaint(failure.description, status: .notFound)
      } catch StoreError.folderInUse(let path, let owner) {
        throw Complaint(
          "\(path) is in use by \(owner)", next: "stop the server, then repeat", status: .failed)
      } catch let error as StoreError {
        throw Complaint("\(data) cannot be used: \(error)", status: .failed)
      }
    }
  }
}
