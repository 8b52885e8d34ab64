import API
import ArgumentParser
import Foundation
import Logging
import RPCClient
import ServiceLifecycle

/// `rollcall demo`: a server, two hundred devices and three versions of a model, on one machine in a minute.
struct DemoCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract:
      "Show a whole rollout on this machine: a server, 200 devices, a good and a bad version.",
    discussion: """
      The devices are clients with connections of their own; they download, verify and run real XGBoost models. \
      The data lives in a temporary folder that goes with the demo. Afterwards the server stays up for you to try.
      """)

  @Option(help: "Address to listen on; port 0 takes any free one.")
  var listen = ListenAddress.standard

  @Option(help: "Number of devices, 20 to 2000.")
  var devices = 200

  @Flag(help: "End after the story instead of leaving the server up.")
  var exit = false

  @Option(help: ArgumentHelp("Folder of the model versions and rows.", visibility: .hidden))
  var demoData: String?

  func validate() throws {
    guard (20...2_000).contains(devices) else {
      throw ValidationError("--devices \(devices) is not between 20 and 2000")
    }
  }

  func run() async throws {
    let data = try DemoData(folder: demoData ?? DemoData.builtFolder())
    let folder = try Self.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var logger = Logger(label: "rollcall") { StreamLogHandler.standardError(label: $0) }
    logger.logLevel = .error
    let options = try ServeOptions.parse([
      "--listen", "\(listen)", "--data", folder + "/data", "--tick", "250", "--grace", "2",
    ])
    let fleet = DemoFleet(count: devices)
    try await ServeCommand.serve(options, logger: logger) { [exit] address in
      do {
        try await tell(address, folder: folder, data: data, fleet: fleet)
        // Until Ctrl-C, which ends this wait as a cancellation.
        if !exit { try await gracefulShutdown() }
      } catch {
        try await fleet.disconnect()
        if Task.isCancelled { throw CancellationError() }
        if let complaint = Complaint(wrapping: error, server: "\(address)") { throw complaint }
        throw error
      }
      try await fleet.disconnect()
      // The story is over: this ends the server, in order.
      throw CancellationError()
    }
  }

  /// The story, told while it happens.
  private func tell(_ address: ListenAddress, folder: String, data: DemoData, fleet: DemoFleet)
    async throws
  {
    let terminal = Terminal.shared
    let keyFile = ControlPlane.keyFile(data: folder + "/data")
    let key = try String(contentsOfFile: keyFile, encoding: .utf8)
      .trimmingCharacters(in: .whitespacesAndNewlines)
    let session = try Session(ClientProfile(server: "\(address)", key: key))
    let story = DemoStory(session: session, fleet: fleet, data: data)
    do {
      try terminal.line(terminal.bold("A server"))
      try terminal.line("  \(address), database and artifacts in \(folder)/data")
      try terminal.line(terminal.bold("A model with three versions, uploaded and verified"))
      let versions = try await story.register()
      let first = try versions["1.0.0"].unwrapped()
      let second = try versions["2.0.0"].unwrapped()
      let third = try versions["3.0.0"].unwrapped()

      try terminal.line(terminal.bold("\(devices) devices connect"))
      try await fleet.connect(
        to: "\(address)", key: story.deviceKey(), samples: data.samples)
      try await story.gather()

      try terminal.line(terminal.bold("1.0.0 goes to everybody"))
      let deployment = try await story.deploy(first)
      try terminal.line(
        "  \(fleet.tally.counts.downloads) artifacts downloaded, every sha256 verified by its device"
      )

      try terminal.line(
        terminal.bold("2.0.0 goes out at 5 %, 25 %, 100 %, behind a gate on errors"))
      try await story.pinFirstDevices(on: deployment)
      let better = try await story.rollOut(second, from: "1.0.0", on: deployment)
      guard better.state == .completed else {
        throw Complaint(
          "2.0.0 should have completed and is \(Words.text(better.state)): \(better.stateReason)",
          status: .rolloutEnded)
      }
      try terminal.line("  \(RolloutText.ending(better))")
      for name in ["1.0.0", "2.0.0"] {
        if let judged = fleet.tally.counts.judged[name], judged.all > 0 {
          let share = Figures.percent(millionths: judged.right * 1_000 / judged.all * 1_000)
          try terminal.line(
            "  \(name) was right about \(share) of \(Figures.grouped(Int64(judged.all))) samples")
        }
      }

      try terminal.line(
        terminal.bold("3.0.0 goes out: it was made for measurements that no device takes"))
      let worse = try await story.rollOut(third, from: "2.0.0", on: deployment)
      if let failure = fleet.tally.counts.failures["3.0.0"] {
        try terminal.line("  \(failure.devices) devices could not use it. \(failure.first)")
      }
      guard worse.state == .paused else {
        throw Complaint(
          "the gate should have paused 3.0.0, which is \(Words.text(worse.state))",
          status: .rolloutEnded)
      }
      try terminal.line("  The gate paused it: \(worse.stateReason)")
      try terminal.line(terminal.bold("Rolled back"))
      let end = try await story.rollBack(worse, reason: "the gate caught 3.0.0 failing")
      try terminal.line("  \(RolloutText.ending(end))")

      var request = GetHealthRequest()
      request.deploymentId = deployment.id
      let health = try await session.deployments.getHealth(request, options: session.options)
      let names = Dictionary(
        versions.map { ($0.value.id, $0.key) }, uniquingKeysWith: { $1 })
      try terminal.line("")
      try terminal.line(DeploymentText.health(try health.health.unwrapped(), names: names))
    } catch {
      await session.channel.close()
      throw error
    }
    await session.channel.close()
    if !exit { try terminal.line(Self.next(address, keyFile: keyFile)) }
  }

  /// What to try while the server is up.
  static func next(_ address: ListenAddress, keyFile: String) -> String {
    let program = CommandLine.arguments.first ?? "rollcall"
    return """

      The server stays up; Ctrl-C ends it. In another terminal:
        export ROLLCALL_SERVER=\(address) ROLLCALL_KEY="$(cat \(keyFile))"
        \(program) deployments health \(DemoStory.model)
        \(program) deployments events \(DemoStory.model)
        \(program) rollouts list \(DemoStory.model)
        \(program) devices list --limit 5
        \(program) deployments set-version \(DemoStory.model) \(DemoStory.model)/\(DemoStory.variant)/1.0.0 --steps 10%:5s,100%:5s
        \(program) rollouts watch \(DemoStory.model)
      From Python, with `make setup-test` done:
        .build/venv/bin/python Tests/Interop/reflect.py \(address)      # services and methods, by reflection
        .build/venv/bin/python Tests/Interop/health.py \(address)       # the standard health service
      """
  }

  /// A folder of its own below the system's temporary one.
  private static func temporaryFolder() throws -> String {
    let base = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
    var template = Array(
      ("\(base)/rollcall-demo-" + String(repeating: "X", count: 6)).utf8CString)
    guard mkdtemp(&template) != nil else {
      throw Complaint(
        "no temporary folder below \(base): \(String(cString: strerror(errno)))",
        next: "set $TMPDIR to a folder that can be written", status: .failed)
    }
    return String(
      decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
