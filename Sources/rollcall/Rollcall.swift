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
      ServeCommand.self, AdminCommand.self, BackupCommand.self, RestoreCommand.self,
      DemoCommand.self, LoginCommand.self, WhoAmICommand.self, KeysCommand.self,
      ModelsCommand.self, DevicesCommand.self, DeploymentsCommand.self, RolloutsCommand.self,
    ])

  /// Runs the command and ends the process with a documented code; failures are told, not dumped.
  static func main() async {
    // A reader that went away (`| head`) is an error of a write, not the end of the process.
    signal(SIGPIPE, SIG_IGN)
    Terminal.occupyStandardDescriptors()
    if let complaint = unreadableArgument() {
      Terminal.shared.complain(complaint.description)
      Glibc.exit(complaint.status.rawValue)
    }
    // By hand: the parser's own flag would stand next to the `--version` of several commands.
    do {
      if CommandLine.arguments.dropFirst().elementsEqual(["--version"]) {
        return try Terminal.shared.line(version)
      }
      var command = try parseAsRoot()
      if var asynchronous = command as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        try command.run()
      }
    } catch {
      if let failure = error as? Terminal.Failure, failure.readerHasGone { endAsByPipe() }
      guard let complaint = Complaint(wrapping: error) else {
        exit(withError: error)
      }
      Terminal.shared.complain(complaint.description)
      Glibc.exit(complaint.status.rawValue)
    }
  }

  /// Ends as a program does that knows nothing of pipes: whoever read the output has gone, and nobody is left to tell.
  private static func endAsByPipe() {
    signal(SIGPIPE, SIG_DFL)
    raise(SIGPIPE)
  }

  /// A command line is read as UTF-8. Other bytes would be read as something else, a path as another file.
  private static func unreadableArgument() -> Complaint? {
    for index in 1..<max(1, Int(CommandLine.argc)) {
      guard let bytes = CommandLine.unsafeArgv[index], String(validatingCString: bytes) == nil
      else { continue }
      return Complaint(
        "argument \(index), \"\(String(cString: bytes))\", is not UTF-8",
        next: "give a file such a name by a link, or go to its folder and rename it", status: .usage
      )
    }
    return nil
  }
}
