import API
import ArgumentParser

/// `rollcall devices …`.
struct DevicesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "devices", abstract: "Devices: what they run and how they are.",
    subcommands: [
      List.self, Show.self, Label.self, Register.self, RotateKey.self, RevokeKey.self,
    ], defaultSubcommand: List.self)

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List the devices.")
    @OptionGroup var options: ServerOptions
    @OptionGroup var paging: PagingOptions
    @Option(
      name: .customLong("label"), help: "Only devices with this label, key=value; may be repeated.")
    var labels: [LabelArgument] = []
    @Option(help: "Only devices on this platform.") var platform: PlatformArgument?
    @Option(help: "Only devices on which this version is installed.") var version: String?
    @Option(help: "Devices of this deployment; with --state failed those that failed, by error.")
    var deployment: String?
    @Option(help: "failed: the last error of each device is kept, also after a rollback.")
    var state: DeviceStateArgument?

    func validate() throws {
      guard (deployment == nil) == (state == nil) else {
        throw ValidationError("--deployment and --state belong together")
      }
      if deployment != nil, !labels.isEmpty || platform != nil || version != nil {
        throw ValidationError("--deployment excludes --label, --platform and --version")
      }
    }

    /// The devices that failed in a deployment, grouped by error, and what each of them told.
    private func failures(of name: String, _ session: Session) async throws {
      let deployment = try await Lookup(session: session).deployment(name)
      var request = ListAssignmentsRequest()
      request.deploymentId = deployment.id
      request.failedOnly = true
      request.pageSize = paging.pageSize
      request.pageToken = paging.pageToken
      let answer = try await session.deployments.listAssignments(request, options: session.options)
      var health = GetDeviceHealthRequest()
      health.deploymentId = deployment.id
      try await session.show(answer) {
        let names = Names(session: session)
        let told = try await session.deployments.getDeviceHealth(health, options: session.options)
          .deviceHealth.unwrapped()
        var table = TextTable("DEVICE", "VERSION", "FAILED", "RUNS", "ERROR")
        let failed = answer.assignments.sorted {
          ($0.lastFailure?.error ?? "", $0.hardwareId) < (
            $1.lastFailure?.error ?? "", $1.hardwareId
          )
        }
        for entry in failed {
          let failure = entry.lastFailure ?? .init()
          table.add(
            entry.hardwareId, try await names.version(failure.modelVersionId),
            Words.time(failure.failedAt), try await names.version(entry.installedVersionId),
            failure.error)
        }
        let groups = try await DeploymentText.failures(told, names)
        guard !table.isEmpty else { return groups }
        return groups + "\n\n"
          + paging.footed(
            table, count: answer.assignments.count, total: answer.totalSize,
            next: answer.nextPageToken)
      }
    }

    func run() async throws {
      try await Session.run(options) { session in
        if let deployment { return try await failures(of: deployment, session) }
        var request = ListDevicesRequest()
        request.labels = LabelArgument.map(labels)
        request.platform = platform?.platform ?? .unspecified
        if let version {
          request.installedVersionId = try await Lookup(session: session).version(version).id
        }
        request.pageSize = paging.pageSize
        request.pageToken = paging.pageToken
        let answer = try await session.devices.listDevices(request, options: session.options)
        try session.show(answer) {
          var table = TextTable(
            "DEVICE", "PLATFORM", "CLASS", "LABELS", "OK", "FAILED", "LAST SEEN",
            right: ["OK", "FAILED"])
          for device in answer.devices {
            table.add(
              device.hardwareId, Words.text(device.platform), device.deviceClass,
              Words.labels(device.labels), Figures.grouped(device.counters?.inferencesOk ?? 0),
              Figures.grouped(device.counters?.inferencesFailed ?? 0),
              Words.time(device.lastSeenAt))
          }
          return paging.footed(
            table, count: answer.devices.count, total: answer.totalSize, next: answer.nextPageToken)
        }
      }
    }
  }

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show what a device runs.", usage: "rollcall devices show [<options>] <device>")
    @OptionGroup var options: ServerOptions
    @Argument(help: "The device's own name (hardware id) or its id.") var device: String

    func run() async throws {
      try await Session.run(options) { session in
        let device = try await Lookup(session: session).device(device)
        try await session.show(device) {
          let names = Names(session: session)
          var facts = TextTable("DEVICE", device.hardwareId)
          facts.add("id", device.id)
          facts.add("platform", Words.text(device.platform))
          facts.add("class", device.deviceClass)
          facts.add("app", device.appIdentifier)
          facts.add("labels", Words.labels(device.labels))
          facts.add("registered", Words.time(device.registeredAt))
          facts.add("last seen", Words.time(device.lastSeenAt))
          facts.add(
            "inferences",
            "\(Figures.grouped(device.counters?.inferencesOk ?? 0)) ok, "
              + "\(Figures.grouped(device.counters?.inferencesFailed ?? 0)) failed")
          facts.add(
            "downloads",
            "\(Figures.grouped(device.counters?.downloadsOk ?? 0)) ok, "
              + "\(Figures.grouped(device.counters?.downloadsFailed ?? 0)) failed")
          var installed = TextTable("DEPLOYMENT", "VERSION", "STATE", "SINCE", "ERROR")
          for entry in device.installed {
            installed.add(
              try await names.deployment(entry.deploymentId),
              try await names.version(entry.modelVersionId), Words.state(entry.state),
              Words.time(entry.changedAt), entry.error)
          }
          guard !installed.isEmpty else { return facts.rendered() }
          return facts.rendered() + "\n\n"
            + installed.rendered(width: Terminal.shared.tableWidth)
        }
      }
    }
  }

  struct Label: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Set and remove labels of a device.",
      usage: "rollcall devices label [<options>] <device> [<labels> ...]")
    @OptionGroup var options: ServerOptions
    @Argument(help: "The device's own name (hardware id) or its id.") var device: String
    @Argument(help: "Labels to set, key=value.") var labels: [LabelArgument] = []
    @Option(help: "Key of a label to remove; may be repeated.") var remove: [String] = []

    func validate() throws {
      if labels.isEmpty, remove.isEmpty {
        throw ValidationError("name labels to set (key=value) or to --remove")
      }
    }

    func run() async throws {
      try await Session.run(options) { session in
        let device = try await Lookup(session: session).device(device)
        var request = UpdateLabelsRequest()
        request.deviceId = device.id
        request.set = LabelArgument.map(labels)
        request.remove = remove
        request.requestId = Session.requestID()
        let answer = try await session.devices.updateLabels(request, options: session.options)
        try session.show(answer) {
          "\(device.hardwareId): \(Words.labels(answer.device?.labels ?? [:]))"
        }
      }
    }
  }
}

/// What devices are narrowed to within a deployment.
enum DeviceStateArgument: String, ExpressibleByArgument, CaseIterable, Sendable {
  case failed
}
