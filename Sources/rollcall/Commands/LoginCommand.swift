import API
import ArgumentParser
import Foundation

/// `rollcall login`: remembers server and key after trying them.
struct LoginCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "login", abstract: "Remember a server and a key, after trying them.",
    usage: "rollcall login [<options>]",
    discussion:
      "Without --key the key is taken from $ROLLCALL_KEY, or asked for: on a terminal it is not shown, else one line of standard input is read."
  )

  @OptionGroup var options: ServerOptions

  func run() async throws {
    let environment = ProcessInfo.processInfo.environment
    var profile = try ClientProfile().overridden(by: options.flags, environment: environment)
      .withAbsolutePaths()
    if profile.key == nil {
      profile.key = try SecretPrompt.read("API key: ")?.trimmingBlanks()
    }
    var answer = WhoAmIResponse()
    try await Session.run(
      Session(profile, timeout: options.timeout), server: profile.server ?? ""
    ) { session in
      answer = try await session.auth.whoAmI(WhoAmIRequest(), options: session.options)
    }
    let path = ClientProfile.path(environment: environment)
    try profile.write(path)
    try Terminal.shared.line(
      "Logged in at \(profile.server ?? "") as \(Self.who(answer)) of org \(answer.org?.name ?? "")."
    )
    try Terminal.shared.line("Saved to \(path), readable by you only.")
  }

  /// A principal's name; of a device with a key of its own the id, which is all that it is told.
  private static func who(_ answer: WhoAmIResponse) -> String {
    answer.deviceId.isEmpty ? answer.principal?.name ?? "" : "device \(answer.deviceId)"
  }
}

/// `rollcall whoami`.
struct WhoAmICommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "whoami", abstract: "Show whom the key stands for and what it may do.",
    usage: "rollcall whoami [<options>]")

  @OptionGroup var options: ServerOptions

  func run() async throws {
    try await Session.run(options) { session in
      let answer = try await session.auth.whoAmI(WhoAmIRequest(), options: session.options)
      try session.show(answer) {
        if !answer.deviceId.isEmpty {
          var table = TextTable("ORG", "DEVICE")
          table.add(answer.org?.name ?? "", answer.deviceId)
          return table.rendered(width: Terminal.shared.tableWidth)
        }
        var table = TextTable("ORG", "PRINCIPAL", "ROLES", "KEY")
        table.add(
          answer.org?.name ?? "", answer.principal?.name ?? "",
          (answer.principal?.roles ?? []).map(Words.text).joined(separator: ", "),
          answer.apiKey?.hint ?? "")
        return table.rendered(width: Terminal.shared.tableWidth)
      }
    }
  }
}
