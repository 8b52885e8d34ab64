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

    func run() async throws {
      try await Session.run(options) { session in
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
            "DEVICE", "PLATFORM", "CLASS", "LABELS", "OK", "FAILED", "LAST SEEN", "ID",
            right: ["OK", "FAILED"])
          for device in answer.devices {
            table.add(
              device.hardwareId, Words.text(device.platform), device.deviceClass,
              Words.labels(device.labels), Figures.grouped(device.counters?.inferencesOk ?? 0),
              Figures.grouped(device.counters?.inferencesFailed ?? 0),
              Words.time(device.lastSeenAt), device.id)
          }
          return paging.footed(
            table, count: answer.devices.count, total: answer.totalSize, next: answer.nextPageToken)
        }
      }
    }
  }

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show what a device runs.")
    @OptionGroup var options: ServerOptions
    @Argument(help: "The device's own name (hardware id) or its id.") var device: String

    func run() async throws {
      try await Session.run(options) { session in
        let device = try await Lookup(session: session).device(device)
        try session.show(device) {
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
              entry.deploymentId, entry.modelVersionId, Words.state(entry.state),
              Words.time(entry.changedAt), entry.error)
          }
          return facts.rendered() + (installed.isEmpty ? "" : "\n\n" + installed.rendered())
        }
      }
    }
  }

  struct Label: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Set and remove labels of a device.")
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
