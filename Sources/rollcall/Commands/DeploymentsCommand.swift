import API
import ArgumentParser
import ProtoWire

/// `rollcall deployments …`: what should run where.
struct DeploymentsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "deployments", abstract: "Deployments: what should run where.",
    subcommands: [
      List.self, Show.self, Create.self, Start.self, SetVersion.self, Rollback.self, Health.self,
      Assignments.self, Events.self, Pin.self, Unpin.self,
    ], defaultSubcommand: List.self)

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List the deployments.", usage: "rollcall deployments list [<options>]")
    @OptionGroup var options: ServerOptions
    @OptionGroup var paging: PagingOptions
    @Option(help: "Only in this environment: staging or production.")
    var environment: EnvironmentArgument?

    func run() async throws {
      try await Session.run(options) { session in
        var request = ListDeploymentsRequest()
        request.environment = environment?.environment ?? .unspecified
        request.pageSize = paging.pageSize
        request.pageToken = paging.pageToken
        let answer = try await session.deployments.listDeployments(
          request, options: session.options)
        try session.show(answer) {
          var table = TextTable(
            "NAME", "ENVIRONMENT", "STATE", "ROLLOUTS", "UPDATED", right: ["ROLLOUTS"])
          for deployment in answer.deployments {
            table.add(
              deployment.name, Words.text(deployment.environment), Words.state(deployment.state),
              String(deployment.rolloutCount), Words.time(deployment.updatedAt))
          }
          return paging.footed(
            table, count: answer.deployments.count, total: answer.totalSize,
            next: answer.nextPageToken)
        }
      }
    }
  }

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show a deployment.", usage: "rollcall deployments show [<options>] <deployment>")
    @OptionGroup var options: ServerOptions
    @Argument(help: "Name or id of the deployment.") var deployment: String

    func run() async throws {
      try await Session.run(options) { session in
        let deployment = try await Lookup(session: session).deployment(deployment)
        try await session.show(deployment) {
          try await DeploymentText.details(deployment, Names(session: session))
        }
      }
    }
  }

  struct Create: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Create a deployment as a draft, or start it at once with --start.")
    @OptionGroup var options: ServerOptions
    @Argument(help: "Name for people.") var name: String
    @Option(help: "What to deploy: MODEL/VARIANT/VERSION or the version's id.") var version: String
    @Option(help: "What devices are delivered with: a version of the same variant.")
    var from: String?
    @Option(help: "staging or production.") var environment: EnvironmentArgument?
    @Option(
      name: .customLong("target"),
      help:
        "Only devices with this label, key=value; may be repeated: of one key any of the values, of several keys all."
    )
    var targets: [LabelArgument] = []
    @OptionGroup var policy: PolicyOptions
    @Flag(help: "Start it at once.") var start = false

    func run() async throws {
      try await Session.run(options) { session in
        let lookup = Lookup(session: session)
        let version = try await lookup.version(version)
        var fleet = FleetTarget()
        fleet.modelVariantId = version.variantId
        fleet.desiredVersionId = version.id
        if let from { fleet.activeVersionId = try await lookup.version(from).id }
        if !targets.isEmpty {
          var targeting = Targeting()
          targeting.requirements = LabelArgument.requirements(targets)
          fleet.targeting = targeting
        }
        var deployment = Deployment()
        deployment.name = name
        deployment.environment = environment?.environment ?? .unspecified
        deployment.target = .fleet(fleet)
        deployment.rolloutPolicy = policy.message
        var request = CreateDeploymentRequest()
        request.deployment = deployment
        request.requestId = Session.requestID()
        let answer = try await session.deployments.createDeployment(
          request, options: session.options)
        guard start, let created = answer.deployment else {
          return try session.show(answer) {
            "Created deployment \(name) as a draft."
          }
        }
        let started = try await DeploymentsCommand.start(created, session: session)
        try session.show(started) { "Created and started deployment \(name)." }
      }
    }
  }

  struct Start: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Start a draft.", usage: "rollcall deployments start [<options>] <deployment>")
    @OptionGroup var options: ServerOptions
    @Argument(help: "Name or id of the deployment.") var deployment: String

    func run() async throws {
      try await Session.run(options) { session in
        let deployment = try await Lookup(session: session).deployment(deployment)
        let answer = try await DeploymentsCommand.start(deployment, session: session)
        try session.show(answer) {
          "Started \(deployment.name)"
            + (answer.rollout.map { ": rollout \($0.number)." } ?? " for every device.")
        }
      }
    }
  }

  static func start(_ deployment: Deployment, session: Session) async throws
    -> StartDeploymentResponse
  {
    var request = StartDeploymentRequest()
    request.deploymentId = deployment.id
    request.etag = deployment.etag
    request.requestId = Session.requestID()
    return try await session.deployments.startDeployment(request, options: session.options)
  }

  struct SetVersion: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "set-version",
      abstract: "Set the version that should run; on an active deployment a rollout begins.")
    @OptionGroup var options: ServerOptions
    @Argument(help: "Name or id of the deployment.") var deployment: String
    @Argument(help: "MODEL/VARIANT/VERSION or the version's id.") var version: String
    @OptionGroup var policy: PolicyOptions
    @Flag(help: "Without steps: every device gets it at once, and that is meant.")
    var allAtOnce = false
    @Flag(name: .shortAndLong, help: "Do not ask.") var yes = false

    func validate() throws {
      if allAtOnce, policy.message != nil {
        throw ValidationError("--all-at-once and --steps exclude each other")
      }
    }

    /// Without steps every device gets the version at once, and no gate watches: somebody must mean it.
    private func check(_ deployment: Deployment) throws {
      guard policy.message == nil, deployment.state == .active else { return }
      guard deployment.rolloutPolicy == nil else {
        if allAtOnce {
          throw Complaint(
            "\(deployment.name) has a policy with steps of its own",
            next: "--steps 100% replaces it, --steps 5%:10m,100% as well", status: .usage)
        }
        return
      }
      if allAtOnce || yes { return }
      let question = "\(deployment.name) has no steps: every device gets \(version) at once."
      switch try SecretPrompt.confirm(question + " Go on?") {
      case true?: return
      case false?: throw Complaint("nothing was changed", status: .refused)
      case nil:
        throw Complaint(
          question, next: "add --steps 5%:10m,25%:1h,100%, or --all-at-once when it is meant",
          status: .usage)
      }
    }

    func run() async throws {
      try await Session.run(options) { session in
        let lookup = Lookup(session: session)
        let deployment = try await lookup.deployment(deployment)
        try check(deployment)
        var fleet = FleetTarget()
        fleet.desiredVersionId = try await lookup.version(version).id
        var changed = Deployment()
        changed.id = deployment.id
        changed.target = .fleet(fleet)
        changed.rolloutPolicy = policy.message
        var request = UpdateDeploymentRequest()
        request.deployment = changed
        request.updateMask = .init(
          ["fleet.desired_version_id"] + (policy.message == nil ? [] : ["rollout_policy"]))
        request.etag = deployment.etag
        request.requestId = Session.requestID()
        let answer = try await session.deployments.updateDeployment(
          request, options: session.options)
        try session.show(answer) {
          guard let rollout = answer.rollout else {
            return "\(deployment.name) should run \(version)."
          }
          return
            "\(deployment.name) moves to \(version): rollout \(rollout.number).\n"
            + "  → rollcall rollouts watch \(deployment.name)"
        }
      }
    }
  }

  struct Rollback: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Return every device to the version from before the newest change.",
      usage: "rollcall deployments rollback [<options>] <deployment>")
    @OptionGroup var options: ServerOptions
    @Argument(help: "Name or id of the deployment.") var deployment: String
    @Option(help: "Why.") var reason = ""

    func run() async throws {
      try await Session.run(options) { session in
        let deployment = try await Lookup(session: session).deployment(deployment)
        var request = RollbackDeploymentRequest()
        request.deploymentId = deployment.id
        request.reason = reason
        request.requestId = Session.requestID()
        let answer = try await session.deployments.rollbackDeployment(
          request, options: session.options)
        try session.show(answer) {
          guard let rollout = answer.rollout else {
            return "Rolled \(deployment.name) back to the version before."
          }
          return "Rolled \(deployment.name) back; rollout \(rollout.number) is "
            + "\(Words.state(rollout.state))."
        }
      }
    }
  }

  struct Health: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show what the devices report for each version.",
      usage: "rollcall deployments health [<options>] <deployment>")
    @OptionGroup var options: ServerOptions
    @Argument(help: "Name or id of the deployment.") var deployment: String

    func run() async throws {
      try await Session.run(options) { session in
        var request = GetHealthRequest()
        request.deploymentId = try await Lookup(session: session).deployment(deployment).id
        let answer = try await session.deployments.getHealth(request, options: session.options)
        try await session.show(answer) {
          let health = try answer.health.unwrapped()
          let known = Names(session: session)
          var names: [String: String] = [:]
          for version in health.versions {
            names[version.modelVersionId] = try await known.version(version.modelVersionId)
          }
          return DeploymentText.health(health, names: names)
        }
      }
    }
  }

  struct Assignments: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List what a deployment means for each device.")
    @OptionGroup var options: ServerOptions
    @OptionGroup var paging: PagingOptions
    @Argument(help: "Name or id of the deployment.") var deployment: String
    @Flag(help: "Only pinned devices.") var pinned = false

    func run() async throws {
      try await Session.run(options) { session in
        var request = ListAssignmentsRequest()
        request.deploymentId = try await Lookup(session: session).deployment(deployment).id
        request.pinnedOnly = pinned
        request.pageSize = paging.pageSize
        request.pageToken = paging.pageToken
        let answer = try await session.deployments.listAssignments(
          request, options: session.options)
        try await session.show(answer) {
          let names = Names(session: session)
          var table = TextTable("DEVICE", "ARM", "WHY", "SHOULD RUN", "RUNS", "LAST ERROR")
          for entry in answer.assignments {
            table.add(
              entry.hardwareId, Words.text(entry.arm), Words.text(entry.reason),
              try await names.version(entry.desiredVersionId),
              try await names.version(entry.installedVersionId), entry.lastFailure?.error ?? "")
          }
          return paging.footed(
            table, count: answer.assignments.count, total: answer.totalSize,
            next: answer.nextPageToken)
        }
      }
    }
  }

  struct Events: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List what happened to a deployment, newest first.",
      usage: "rollcall deployments events [<options>] <deployment>")
    @OptionGroup var options: ServerOptions
    @OptionGroup var paging: PagingOptions
    @Argument(help: "Name or id of the deployment.") var deployment: String

    func run() async throws {
      try await Session.run(options) { session in
        var request = ListEventsRequest()
        request.deploymentId = try await Lookup(session: session).deployment(deployment).id
        request.pageSize = paging.pageSize
        request.pageToken = paging.pageToken
        let answer = try await session.deployments.listEvents(request, options: session.options)
        try session.show(answer) {
          var table = TextTable("REVISION", "TIME", "EVENT", "WHAT", right: ["REVISION"])
          for event in answer.events {
            table.add(
              String(event.revision), Words.time(event.occurredAt), event.type, event.message)
          }
          return paging.footed(
            table, count: answer.events.count, total: answer.totalSize, next: answer.nextPageToken)
        }
      }
    }
  }

  struct Pin: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Fix a device to a side of the rollouts, or to a version.")
    @OptionGroup var options: ServerOptions
    @Argument(help: "Name or id of the deployment.") var deployment: String
    @Argument(help: "The device's own name (hardware id) or its id.") var device: String
    @Argument(help: "canary, control, or a version: MODEL/VARIANT/VERSION or its id.")
    var target: String
    @Option(help: "Why.") var reason = ""

    func run() async throws {
      try await Session.run(options) { session in
        let lookup = Lookup(session: session)
        var request = PinDeviceRequest()
        request.deploymentId = try await lookup.deployment(deployment).id
        request.deviceId = try await lookup.device(device).id
        switch target {
        case "canary": request.target = .arm(.canary)
        case "control": request.target = .arm(.control)
        default: request.target = .modelVersionId(try await lookup.version(target).id)
        }
        request.reason = reason
        request.requestId = Session.requestID()
        let answer = try await session.deployments.pinDevice(request, options: session.options)
        try session.show(answer) { "Pinned \(device) to \(target)." }
      }
    }
  }

  struct Unpin: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Take a device's pin away.",
      usage: "rollcall deployments unpin [<options>] <deployment> <device>")
    @OptionGroup var options: ServerOptions
    @Argument(help: "Name or id of the deployment.") var deployment: String
    @Argument(help: "The device's own name (hardware id) or its id.") var device: String

    func run() async throws {
      try await Session.run(options) { session in
        let lookup = Lookup(session: session)
        var request = UnpinDeviceRequest()
        request.deploymentId = try await lookup.deployment(deployment).id
        request.deviceId = try await lookup.device(device).id
        request.requestId = Session.requestID()
        let answer = try await session.deployments.unpinDevice(request, options: session.options)
        try session.show(answer) { "\(device) is not pinned any more." }
      }
    }
  }
}
