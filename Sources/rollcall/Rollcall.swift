import ArgumentParser
import Glibc

/// The executable: a server, a demo of it, and a client of it.
@main
struct Rollcall: AsyncParsableCommand {
  static let version = "0.1.0"

  static let configuration = CommandConfiguration(
    commandName: "rollcall",
    abstract: "Roll machine-learning models out to fleets of devices, step by step.",
    discussion: """
      Start with `rollcall demo`, which shows a whole rollout on one machine, or with `rollcall serve` and \
      `rollcall login`. `rollcall --version` shows the version.

      Exit codes:
      \(ProgramExit.allCases.map { "  \($0.rawValue)  \($0.meaning)" }.joined(separator: "\n"))
      """,
    subcommands: [
      ServeCommand.self, DemoCommand.self, LoginCommand.self, WhoAmICommand.self, KeysCommand.self,
      ModelsCommand.self, DevicesCommand.self, DeploymentsCommand.self, RolloutsCommand.self,
    ])

  /// Runs the command and ends the process with a documented code; failures are told, not dumped.
  static func main() async {
    // A reader that went away (`| head`) is an error of a write, not the end of the process.
    signal(SIGPIPE, SIG_IGN)
    // By hand: the parser's own flag would stand next to the `--version` of several commands.
    if CommandLine.arguments.dropFirst().elementsEqual(["--version"]) {
      return Terminal.shared.line(version)
    }
    do {
      var command = try parseAsRoot()
      if var asynchronous = command as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        try command.run()
      }
    } catch {
      guard let complaint = Complaint(wrapping: error) else {
        exit(withError: error)
      }
      Terminal.shared.complain(complaint.description)
      Glibc.exit(complaint.status.rawValue)
    }
  }
}
