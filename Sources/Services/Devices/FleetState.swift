internal import API
internal import Domain
internal import ProtoWire
public import Store
internal import Synchronization

/// What device and deployment services share: the indexes that match devices with deployments, what devices report, and who is connected.
public final class FleetState: Sendable {
  let store: Store
  let indexes = DeploymentIndexes()
  let activity: FleetActivity
  let connections: DeviceConnections
  let introductions = Introductions<ConnectCall>()
  let health: HealthBoard
  let reports = FleetReports()
  let encodings: WatchEncodings
  let notedSharedKeys = NotedPrincipals()
  private let paces = Mutex(SyncPaces())
  private let versions = Mutex<[VersionID: VersionFacts]>([:])

  /// How many versions' facts are kept; beyond it all are read again.
  private static let versionLimit = 10_000

  /// Makes the shared state of one server. One for each store.
  public init(_ store: Store) {
    self.store = store
    activity = FleetActivity(store)
    connections = DeviceConnections(store, indexes)
    encodings = WatchEncodings(store)
    health = HealthBoard(store)
    activity.onReport { [health] in health.signal($0) }
  }

  /// What never changes about a version.
  struct VersionFacts: Sendable {
    let model: ModelID
    let modelName: String
    let name: String
    let artifact: Domain.Artifact?
  }

  /// A device called: when it is to call again.
  func nextSync(of device: DeviceID, _ org: OrgID, now: Timestamp) -> Duration {
    let share = Double.random(in: 0..<1)
    return paces.withLock { $0.call(device, of: org, now: now, share: share) }
  }

  /// What a device should run, as of the reader's view.
  func desiredState(_ device: Domain.Device, _ db: ReadTransaction) throws -> DesiredState {
    let index = try indexes.index(org: device.org, db)
    let pins = index.hasPins ? try DevicePins(db).of(device.id) : []
    var state = DesiredState()
    for entry in index.entries {
      let deployment = entry.deployment
      // One read by key where it matters: what a device has ever installed may be much.
      let running =
        entry.needsRunning(device)
        ? try Installations(db).find(device: device.id, deployment: deployment.id)?.running : nil
      let assignment = entry.assignment(
        device, running: running,
        pin: pins.first { $0.deployment == deployment.id }?.target)
      guard let assignment else { continue }
      state.entries.append(try self.entry(deployment, entry.rollout, assignment.version, db))
    }
    state.digest = Self.digest(state)
    state.nextSyncIn = Google_Protobuf_Duration(SyncPace.shortest)
    return state
  }

  private func entry(
    _ deployment: Domain.Deployment, _ rollout: Domain.Rollout?, _ version: VersionID?,
    _ db: ReadTransaction
  ) throws -> DesiredState.Entry {
    var entry = DesiredState.Entry()
    entry.deploymentId = deployment.id.rawValue
    entry.rolloutId = rollout?.id.rawValue ?? ""
    entry.modelId = deployment.model.rawValue
    guard let version else { return entry }
    let facts = try facts(of: version, org: deployment.org, db)
    entry.modelName = facts.modelName
    entry.modelVersionId = version.rawValue
    entry.modelVersionName = facts.name
    entry.sha256 = facts.artifact?.digest.hex ?? ""
    entry.sizeBytes = facts.artifact?.size ?? 0
    return entry
  }

  private func facts(
    of id: VersionID, org: OrgID, _ db: ReadTransaction
  ) throws -> VersionFacts {
    if let known = versions.withLock({ $0[id] }) { return known }
    guard let version = try ModelVersions(db).find(id, org: org),
      let model = try Models(db).find(version.model, org: org)
    else { throw StoreError.failure("version \(id) of a deployment is missing") }
    let facts = VersionFacts(
      model: version.model, modelName: model.name, name: version.name,
      artifact: version.artifact)
    // Without its artifact a version is not yet what it will stay.
    if facts.artifact != nil {
      versions.withLock { versions in
        if versions.count >= Self.versionLimit { versions.removeAll() }
        versions[id] = facts
      }
    }
    return facts
  }

  /// 16 hexadecimal digits over the entries: equal states, equal digests.
  private static func digest(_ state: DesiredState) -> String {
    var bytes: [UInt8] = []
    for entry in state.entries {
      for text in [entry.deploymentId, entry.rolloutId, entry.modelVersionId, entry.sha256] {
        bytes.append(contentsOf: text.utf8)
        bytes.append(0)
      }
    }
    return Hex.encode(SipHash.hash(bytes, key0: 0, key1: 0))
  }
}
