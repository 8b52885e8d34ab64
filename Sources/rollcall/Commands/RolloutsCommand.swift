import API
import ArgumentParser
import ProtoWire
import RPCCore

/// `rollcall rollouts …`.
struct RolloutsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rollouts",
    abstract: "Rollouts: a deployment moving to another version, step by step.",
    discussion: "A rollout is named by its id, or by its deployment: then the newest one is meant.",
    subcommands: [
      List.self, Show.self, Watch.self, Advance.self, Pause.self, Resume.self, Expose.self,
    ])

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List a deployment's rollouts.",
      usage: "rollcall rollouts list [<options>] <deployment>")
    @OptionGroup var options: ServerOptions
    @OptionGroup var paging: PagingOptions
    @Argument(help: "Name or id of the deployment.") var deployment: String

    func run() async throws {
      try await Session.run(options) { session in
        var request = ListRolloutsRequest()
        request.deploymentId = try await Lookup(session: session).deployment(deployment).id
        request.pageSize = paging.pageSize
        request.pageToken = paging.pageToken
        let answer = try await session.deployments.listRollouts(request, options: session.options)
        try await session.show(answer) {
          let names = Names(session: session)
          var table = TextTable(
            "NUMBER", "TO", "STATE", "EXPOSURE", "STARTED", "ENDED", "WHY",
            right: ["NUMBER", "EXPOSURE"])
          for rollout in answer.rollouts {
            table.add(
              String(rollout.number), try await names.version(rollout.toVersionId),
              Words.state(rollout.state),
              Figures.percent(millionths: Int(rollout.exposureMillionths)),
              Words.time(rollout.startedAt), Words.time(rollout.endedAt), rollout.stateReason)
          }
          return paging.footed(
            table, count: answer.rollouts.count, total: answer.totalSize,
            next: answer.nextPageToken)
        }
      }
    }
  }

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show a rollout and its gates.",
      usage: "rollcall rollouts show [<options>] <rollout>")
    @OptionGroup var options: ServerOptions
    @Argument(help: "Rollout or deployment.") var rollout: String

    func run() async throws {
      try await Session.run(options) { session in
        let rollout = try await Lookup(session: session).rollout(rollout)
        try await session.show(rollout) {
          try await RolloutText.details(rollout, Names(session: session))
        }
      }
    }
  }

  struct Watch: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Follow a rollout to its end, with a progress bar.",
      usage: "rollcall rollouts watch [<options>] <rollout>",
      discussion:
        """
        With --output json every change is one line. Ends with 0 once it has completed, with 7 when it was rolled back or \
        aborted, with --exit-on-pause also with 8 when it is paused. Says why it waits and what can be done. When the connection \
        is lost it is taken up again.
        """)
    @OptionGroup var options: ServerOptions
    @Argument(help: "Rollout or deployment.") var rollout: String
    @Flag(help: "End when the rollout is paused, with exit code 8.") var exitOnPause = false

    func run() async throws {
      try await Session.run(options) { session in
        let name = rollout
        let rollout = try await Lookup(session: session).rollout(name)
        let names = try await VersionNames(session: session, rollout: rollout)
        let isJSON = session.output == .json
        let watch = RolloutWatch(
          session: session, rollout: rollout, title: names.title,
          name: Lookup.isID(name)
            ? try await Names(session: session).deployment(rollout.deploymentId) : name
        ) { message in
          if isJSON { try Terminal.shared.line(try message.json()) }
        }
        let over: Set<Rollout.State> = [.completed, .rolledBack, .aborted]
        let end = try await watch.run(until: exitOnPause ? over.union([.paused]) : over)
        if !isJSON { try Terminal.shared.line(RolloutText.ending(end)) }
        if end.state == .paused { throw ExitCode(ProgramExit.rolloutPaused.rawValue) }
        if end.state != .completed { throw ExitCode(ProgramExit.rolloutEnded.rawValue) }
      }
    }
  }

  struct Advance: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Take the next step now, even within a soak.",
      usage: "rollcall rollouts advance [<options>] <rollout>")
    @OptionGroup var options: ServerOptions
    @Argument(help: "Rollout or deployment.") var rollout: String
    @Option(help: "Why.") var reason = ""

    func run() async throws {
      try await Session.run(options) { session in
        let rollout = try await Lookup(session: session).rollout(rollout)
        var request = AdvanceRolloutRequest()
        request.rolloutId = rollout.id
        request.etag = rollout.etag
        request.reason = reason
        request.requestId = Session.requestID()
        let answer = try await session.deployments.advanceRollout(
          request, options: session.options)
        try session.show(answer) { RolloutText.change(from: rollout, to: answer.rollout) }
      }
    }
  }

  struct Pause: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Hold a rollout: devices keep what they have, nobody else gets the new version.",
      usage: "rollcall rollouts pause [<options>] <rollout>")
    @OptionGroup var options: ServerOptions
    @Argument(help: "Rollout or deployment.") var rollout: String
    @Option(help: "Why.") var reason = ""

    func run() async throws {
      try await Session.run(options) { session in
        let rollout = try await Lookup(session: session).rollout(rollout)
        var request = PauseRolloutRequest()
        request.rolloutId = rollout.id
        request.reason = reason
        request.requestId = Session.requestID()
        let answer = try await session.deployments.pauseRollout(request, options: session.options)
        try session.show(answer) { RolloutText.change(from: rollout, to: answer.rollout) }
      }
    }
  }

  struct Resume: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Go on with a paused rollout; the soak of its step begins anew.",
      usage: "rollcall rollouts resume [<options>] <rollout>")
    @OptionGroup var options: ServerOptions
    @Argument(help: "Rollout or deployment.") var rollout: String
    @Option(help: "Why.") var reason = ""

    func run() async throws {
      try await Session.run(options) { session in
        let rollout = try await Lookup(session: session).rollout(rollout)
        var request = ResumeRolloutRequest()
        request.rolloutId = rollout.id
        request.reason = reason
        request.requestId = Session.requestID()
        let answer = try await session.deployments.resumeRollout(request, options: session.options)
        try session.show(answer) { RolloutText.change(from: rollout, to: answer.rollout) }
      }
    }
  }

  struct Expose: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Set the exposure of a paused rollout.",
      usage: "rollcall rollouts expose [<options>] <rollout> <share>")
    @OptionGroup var options: ServerOptions
    @Argument(help: "Rollout or deployment.") var rollout: String
    @Argument(help: "Share of the devices, for instance 12.5%.", transform: ShareText.parsed)
    var share: Int64
    @Flag(help: "Let devices above a lower exposure go back to the old version.")
    var allowRegression = false

    func run() async throws {
      try await Session.run(options) { session in
        let rollout = try await Lookup(session: session).rollout(rollout)
        var changed = Rollout()
        changed.id = rollout.id
        changed.exposureMillionths = Int32(share)
        var request = UpdateRolloutRequest()
        request.rollout = changed
        request.updateMask = .init(["exposure_millionths"])
        request.allowRegression = allowRegression
        request.etag = rollout.etag
        request.requestId = Session.requestID()
        let answer = try await session.deployments.updateRollout(request, options: session.options)
        try session.show(answer) { RolloutText.change(from: rollout, to: answer.rollout) }
      }
    }
  }
}
