import API
import ArgumentParser

/// Keys of devices: what a device calls with, as itself alone.
extension DevicesCommand {
  struct Register: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make a device known. Its key is shown once.")
    @OptionGroup var options: ServerOptions
    @Argument(help: "What the device calls itself: a serial number, an installation id.")
    var hardwareID: String
    @Option(help: "ios, android, macos, windows, linux, browser or embedded.")
    var platform: PlatformArgument
    @Option(name: .customLong("class"), help: "Its class, for instance phone-high.")
    var deviceClass = ""
    @Option(help: "The app it runs in, for instance a bundle id.") var app = ""
    @Option(name: .customLong("label"), help: "A label, key=value; may be repeated.")
    var labels: [LabelArgument] = []

    func run() async throws {
      try await Session.run(options) { session in
        var device = Device()
        device.hardwareId = hardwareID
        device.platform = platform.platform
        device.deviceClass = deviceClass
        device.appIdentifier = app
        device.labels = LabelArgument.map(labels)
        var request = RegisterRequest()
        request.device = device
        request.requestId = Session.requestID()
        let answer = try await session.devices.register(request, options: session.once)
        try session.showSecret(
          answer, of: "the key of \(hardwareID)", next: "rollcall devices rotate-key \(hardwareID)"
        ) {
          answer.created
            ? "\(answer.secret)\n(shown this once; the key of \(hardwareID))"
            : "\(hardwareID) was registered before; its key stays. `rollcall devices rotate-key`"
              + " gives it a new one."
        }
      }
    }
  }

  struct RotateKey: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "rotate-key",
      abstract: "Give a device a new key, shown once. The old one ends at once.",
      usage: "rollcall devices rotate-key [<options>] <device>")
    @OptionGroup var options: ServerOptions
    @Argument(help: "The device's own name (hardware id) or its id.") var device: String
    @Flag(help: "The device begins to number its events anew.") var resetSequence = false

    func run() async throws {
      try await Session.run(options) { session in
        let device = try await Lookup(session: session).device(device)
        var request = RotateDeviceKeyRequest()
        request.deviceId = device.id
        request.resetSequence = resetSequence
        request.requestId = Session.requestID()
        let answer = try await session.devices.rotateDeviceKey(request, options: session.once)
        try session.showSecret(
          answer, of: "the key of \(device.hardwareId)", next: "rotate it once more"
        ) {
          "\(answer.secret)\n(shown this once; the key of \(device.hardwareId))"
        }
      }
    }
  }

  struct RevokeKey: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "revoke-key",
      abstract: "End the keys of a device: it cannot call until rotate-key gives it a new one.",
      usage: "rollcall devices revoke-key [<options>] <device>")
    @OptionGroup var options: ServerOptions
    @Argument(help: "The device's own name (hardware id) or its id.") var device: String

    func run() async throws {
      try await Session.run(options) { session in
        let device = try await Lookup(session: session).device(device)
        var request = RevokeDeviceKeyRequest()
        request.deviceId = device.id
        request.requestId = Session.requestID()
        let answer = try await session.devices.revokeDeviceKey(request, options: session.options)
        try session.show(answer) { "The keys of \(device.hardwareId) ended." }
      }
    }
  }
}
