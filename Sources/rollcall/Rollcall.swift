import ArgumentParser

/// The executable: a server, a demo of it, and a client of it.
@main
struct Rollcall: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rollcall",
    abstract: "Roll machine-learning models out to fleets of devices, step by step.",
    version: "0.1.0",
    subcommands: [DemoCommand.self])
}
