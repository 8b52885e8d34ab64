import API
import Crypto
import ProtoWire
import RPCClient
import RPCCore

/// One device of the demo: a client with a connection of its own that does what a device does.
///
/// It registers with the key that all share, gets a key of its own, stays connected with that, downloads and verifies what it should run, loads it with libxgboost, lets it judge real
/// rows and reports. Nothing is pretended: a version that does not answer is reported with the library's words, and the
/// device goes on with what it ran before.
actor DemoDevice {
  let hardwareId: String
  /// The client that registers; once that is done, the device's own.
  private var client: DeviceServiceClient
  private let connection: @Sendable (_ secret: String) throws -> Channel
  private var channel: Channel?
  private let registrationID: String
  private let samples: [DemoData.Sample]
  private let tally: FleetTally
  private let clock = ContinuousClock()
  private var generator: SplitMix

  private var deviceId = ""
  /// What answers now, and whose version it is.
  private var running: (model: TreeModel, version: String, name: String, deployment: String)?
  /// The version asked for last, so that a failed one is not tried again and again.
  private var attempted = ""
  private var digest = ""

  /// Events in order; those up to `sentSequence` are on their way, those acknowledged are gone.
  private var pending: [DeviceEvent] = []
  private var installed: [InstalledVersion] = []
  private var nextSequence: Int64 = 1
  private var sentSequence: Int64 = 0

  init(
    number: Int, registrar: DeviceServiceClient, samples: [DemoData.Sample], tally: FleetTally,
    connection: @escaping @Sendable (_ secret: String) throws -> Channel
  ) {
    hardwareId = Self.hardwareId(number)
    client = registrar
    self.connection = connection
    registrationID = Session.requestID()
    self.samples = samples
    self.tally = tally
    generator = SplitMix(seed: UInt64(number))
  }

  /// "clinic-007".
  static func hardwareId(_ number: Int) -> String {
    let digits = String(number)
    return "clinic-" + String(repeating: "0", count: max(0, 3 - digits.count)) + digits
  }

  /// Runs until the task is cancelled. A lost connection is taken up again; another failure is thrown.
  func run() async throws {
    while !Task.isCancelled {
      do {
        if deviceId.isEmpty { try await register() }
        try await connect()
      } catch let error as RPCError where error.code == .unavailable && !Task.isCancelled {
        try await Task.sleep(for: .milliseconds(200 + Int64(generator.next() % 800)))
      } catch is CancellationError {
        return
      } catch let error as RPCError where error.code == .cancelled {
        return
      }
    }
  }

  private func register() async throws {
    var device = Device()
    device.hardwareId = hardwareId
    device.platform = .linux
    device.appIdentifier = "org.example.cell-screen"
    device.deviceClass = "bench-top"
    device.labels = ["region": generator.next() % 2 == 0 ? "eu" : "us"]
    var request = RegisterRequest()
    request.device = device
    // The same in every attempt: a repeat whose answer was lost gets a key all the same.
    request.requestId = registrationID
    let options = CallOptions(timeout: .seconds(30), waitForReady: true)
    let answer = try await client.register(request, options: options)
    let own = try connection(answer.secret)
    channel = own
    client = DeviceServiceClient(own)
    deviceId = try answer.device.unwrapped().id
    tally.registered()
  }

  /// Closes the device's connection, once ``run()`` has ended.
  func close() async { await channel?.close() }

  private func connect() async throws {
    let call = client.connect()
    // What was on its way when the last connection broke is sent again; the server knows what it took.
    sentSequence = 0
    var hello = ConnectRequest()
    var content = ConnectRequest.Hello()
    content.deviceId = deviceId
    hello.content = .hello(content)
    try await call.send(hello)
    try await withThrowingTaskGroup { group in
      group.addTask {
        for try await message in call { try await self.take(message) }
        throw RPCError(.unavailable, "the server ended the connection")
      }
      group.addTask {
        while true {
          try await self.pause()
          if let report = try await self.work() { try await call.send(report) }
        }
      }
      defer {
        group.cancelAll()
        call.cancel()
      }
      try await group.next()
    }
  }

  /// Half a second, more or less: two hundred devices do not speak at once.
  private func pause() async throws {
    try await Task.sleep(for: .milliseconds(350 + Int64(generator.next() % 300)))
  }

  private func take(_ message: ConnectResponse) async throws {
    switch message.content {
    case .acknowledgement(let answer)?:
      pending.removeAll { $0.sequence <= answer.acknowledgedSequence }
    case .desiredState(let desired)?:
      guard desired.digest != digest else { return }
      digest = desired.digest
      for entry in desired.entries { try await adopt(entry) }
    case nil: return
    }
  }

  /// Brings the device to what it should run; on failure it keeps what it has.
  private func adopt(_ entry: DesiredState.Entry) async throws {
    if running?.version == entry.modelVersionId {
      // Back to what still runs: said anew, for the server heard of another version meanwhile.
      if attempted != entry.modelVersionId { say(entry, .installed) }
      attempted = entry.modelVersionId
      return
    }
    guard !entry.modelVersionId.isEmpty, attempted != entry.modelVersionId else { return }
    attempted = entry.modelVersionId
    say(entry, .downloading)
    let begun = clock.now
    var finished = DownloadFinished()
    let bytes: [UInt8]
    do {
      bytes = try await download(entry)
    } catch let failure as Failure {
      finished.error = failure.description
      add(entry, .download(finished))
      say(entry, .failed, error: failure.description)
      return
    }
    finished.succeeded = true
    finished.sizeBytes = Int64(bytes.count)
    finished.elapsed = .init(clock.now - begun)
    add(entry, .download(finished))
    var activation = ActivationFinished()
    do throws(TreeModel.Failure) {
      let model = try TreeModel(artifact: bytes)
      // A version counts as installed once it has answered for a row that this device knows.
      _ = try model.predict(samples[0].row)
      running = (model, entry.modelVersionId, entry.modelVersionName, entry.deploymentId)
      activation.succeeded = true
      say(entry, .installed)
    } catch {
      activation.error = error.description
      tally.failed(version: entry.modelVersionName, device: hardwareId, error.description)
      say(entry, .failed, error: error.description)
    }
    add(entry, .activation(activation))
  }

  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  /// The artifact, complete and verified.
  private func download(_ entry: DesiredState.Entry) async throws -> [UInt8] {
    var request = DeviceServiceDownloadArtifactRequest()
    request.deviceId = deviceId
    request.modelVersionId = entry.modelVersionId
    var bytes: [UInt8] = []
    for try await message in client.downloadArtifact(request) {
      if case .data(let data)? = message.part { bytes += data }
      guard bytes.count <= entry.sizeBytes else { break }
    }
    guard bytes.count == entry.sizeBytes else {
      throw Failure(description: "\(bytes.count) bytes arrived, \(entry.sizeBytes) were announced")
    }
    let sha256 = SHA256.hash(data: bytes).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
      .joined()
    guard sha256 == entry.sha256 else {
      throw Failure(description: "sha256 is \(sha256), \(entry.sha256) was announced")
    }
    tally.downloaded(bytes: bytes.count)
    return bytes
  }

  /// Lets the running model judge a few rows, and packs up what there is to report; nil when there is nothing.
  private func work() throws -> ConnectRequest? {
    if let running, pending.count < 500 {
      var batch = InferenceBatch()
      var latencies: [UInt32: UInt64] = [:]
      for _ in 0..<8 {
        let sample = samples[Int(generator.next() % UInt64(samples.count))]
        let begun = clock.now
        do {
          let isBenign = try running.model.predict(sample.row) > 0.5
          batch.ok += 1
          tally.judged(version: running.name, isRight: isBenign == sample.isBenign)
        } catch {
          batch.failed += 1
        }
        let elapsed = (clock.now - begun).components
        let microseconds =
          Double(elapsed.seconds) * 1e6 + Double(elapsed.attoseconds) / 1e12
        latencies[LatencyQuantile.bucket(microseconds: microseconds), default: 0] += 1
      }
      var sketch = LatencySketch()
      sketch.buckets = latencies.sorted { $0.key < $1.key }.map { index, count in
        var bucket = LatencySketch.Bucket()
        bucket.index = index
        bucket.count = count
        return bucket
      }
      batch.latency = sketch
      append(running.deployment, running.version, .inferences(batch))
    }
    let events = pending.filter { $0.sequence > sentSequence }
    guard !events.isEmpty || !installed.isEmpty else { return nil }
    sentSequence = events.last?.sequence ?? sentSequence
    var report = ConnectRequest.Report()
    report.installed = installed
    report.events = events
    installed = []
    var request = ConnectRequest()
    request.content = .report(report)
    return request
  }

  private func say(
    _ entry: DesiredState.Entry, _ state: InstalledVersion.State, error: String = ""
  ) {
    var version = InstalledVersion()
    version.deploymentId = entry.deploymentId
    version.modelVersionId = entry.modelVersionId
    version.state = state
    version.error = error
    installed.removeAll { $0.deploymentId == entry.deploymentId }
    installed.append(version)
  }

  private func add(_ entry: DesiredState.Entry, _ detail: DeviceEvent.Detail) {
    append(entry.deploymentId, entry.modelVersionId, detail)
  }

  private func append(_ deployment: String, _ version: String, _ detail: DeviceEvent.Detail) {
    var event = DeviceEvent()
    event.sequence = nextSequence
    event.occurredAt = .now
    event.deploymentId = deployment
    event.modelVersionId = version
    event.detail = detail
    pending.append(event)
    nextSequence += 1
  }
}
