import API
import RPCClient

/// The demo's devices, each with a connection of its own.
actor DemoFleet {
  let tally = FleetTally()
  let count: Int
  private var tasks: [Task<Void, any Error>] = []
  private var channels: [Channel] = []

  init(count: Int) { self.count = count }

  /// Connects the devices. Returns at once; `tally` tells how far they have come.
  func connect(to server: String, key: String, samples: [DemoData.Sample]) throws {
    for number in 1...count {
      var configuration = Channel.Configuration()
      configuration.credentials = try .bearer(key)
      let channel = try Channel(target: server, configuration: configuration)
      channels.append(channel)
      let device = DemoDevice(
        number: number, client: DeviceServiceClient(channel), samples: samples, tally: tally)
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
    for channel in channels { await channel.close() }
    tasks = []
    channels = []
    if let failure { throw failure }
  }
}
