import API
import RPCClient

/// The demo's devices, each with a connection of its own.
actor DemoFleet {
  let tally = FleetTally()
  let count: Int
  private var tasks: [Task<Void, any Error>] = []
  private var devices: [DemoDevice] = []
  private var registrar: Channel?

  init(count: Int) { self.count = count }

  /// Connects the devices, which register with `key` and then call with keys of their own. Returns at once; `tally` tells how far
  /// they have come.
  func connect(to server: String, key: String, samples: [DemoData.Sample]) throws {
    let connection: @Sendable (String) throws -> Channel = { secret in
      var configuration = Channel.Configuration()
      configuration.credentials = try .bearer(secret)
      return try Channel(target: server, configuration: configuration)
    }
    let registrar = try connection(key)
    self.registrar = registrar
    for number in 1...count {
      let device = DemoDevice(
        number: number, registrar: DeviceServiceClient(registrar), samples: samples, tally: tally,
        connection: connection)
      devices.append(device)
      tasks.append(Task { try await device.run() })
    }
  }

  /// Disconnects them all and reports the first failure that was not a lost connection.
  func disconnect() async throws {
    for task in tasks { task.cancel() }
    var failure: (any Error)?
    for task in tasks {
      do { try await task.value } catch { failure = failure ?? error }
    }
    for device in devices { await device.close() }
    await registrar?.close()
    tasks = []
    devices = []
    registrar = nil
    if let failure { throw failure }
  }
}
