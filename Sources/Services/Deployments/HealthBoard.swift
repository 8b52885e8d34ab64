internal import API
internal import Domain
internal import ProtoWire
internal import Store
internal import Synchronization

/// The health of the deployments that somebody watches: computed once for all who watch one.
final class HealthBoard: Sendable {
  private let store: Store
  private let topics = Mutex<[DeploymentID: HealthTopic]>([:])

  init(_ store: Store) { self.store = store }

  /// Adds a watch of a deployment of an org; it is told of new readings until ``leave(_:_:)``.
  func join(_ watch: HealthWatch, _ deployment: DeploymentID, org: OrgID) -> HealthTopic {
    topics.withLock { topics in
      let topic = topics[deployment] ?? HealthTopic(store, deployment, org)
      topics[deployment] = topic
      topic.add(watch)
      return topic
    }
  }

  /// Takes a watch out, and forgets the deployment with its last one.
  func leave(_ watch: HealthWatch, _ topic: HealthTopic) {
    topics.withLock { topics in
      if topic.remove(watch) { topics[topic.deployment] = nil }
    }
  }

  /// Devices of these deployments have reported. Any thread; costs the same however many watch.
  func signal(_ deployments: Set<DeploymentID>) {
    let concerned = topics.withLock { topics in deployments.compactMap { topics[$0] } }
    for topic in concerned { topic.wake() }
  }

  /// Deployments that are watched.
  var count: Int { topics.withLock { $0.count } }

  /// How often the health of a deployment was computed for those who watch it now.
  func readings(of deployment: DeploymentID) -> Int {
    topics.withLock { $0[deployment] }?.readings ?? 0
  }
}

/// The health of one deployment at some time, encoded for all who watch it.
struct HealthReading: Sendable {
  /// Two readings of a topic with one number say the same.
  let number: Int
  /// Everything up to this revision is in it.
  let revision: Int64
  /// A `WatchHealthResponse`.
  let bytes: [UInt8]
}

/// One deployment that is watched.
///
/// Reports and events only wake it; it holds a Task only between a wake and the reading that follows, at most about one a second.
final class HealthTopic: Sendable {
  private struct State {
    var watches: [ObjectIdentifier: HealthWatch] = [:]
    var reading: HealthReading?
    /// The content of `reading`, without the time it was computed at.
    var content: DeploymentHealth?
    /// When the health was computed last, and as of which revision.
    var readAt: ContinuousClock.Instant?
    var readRevision: Int64 = 0
    var readings = 0
    var isWaking = false
    var isDirty = false
  }

  /// Longer than the interval at which reports are written down, so that what woke the topic can be seen.
  private static let delay: Duration = .milliseconds(700)
  /// How long a reading that nothing has woken since is taken for the latest. What a late flush brought is found then.
  private static let freshness: Duration = .seconds(2)

  let deployment: DeploymentID
  private let org: OrgID
  private let store: Store
  private let state = Mutex(State())

  init(_ store: Store, _ deployment: DeploymentID, _ org: OrgID) {
    self.store = store
    self.deployment = deployment
    self.org = org
  }

  func add(_ watch: HealthWatch) {
    state.withLock { $0.watches[ObjectIdentifier(watch)] = watch }
  }

  /// Whether it was the last one.
  func remove(_ watch: HealthWatch) -> Bool {
    state.withLock { state in
      state.watches[ObjectIdentifier(watch)] = nil
      return state.watches.isEmpty
    }
  }

  var readings: Int { state.withLock { $0.readings } }

  /// The latest reading that was made.
  var latest: HealthReading? { state.withLock { $0.reading } }

  /// Whether nothing has happened since the latest reading, as far as is known. Wakes the topic when the reading is old.
  func isFresh() -> Bool {
    let (isWaking, readAt) = state.withLock { ($0.isWaking, $0.readAt) }
    if isWaking { return false }
    if let readAt, ContinuousClock.now - readAt < Self.freshness { return true }
    wake()
    return false
  }

  /// Has the health computed and told to all who watch, soon. Any thread; it does not wait.
  func wake() {
    let mustStart = state.withLock { state in
      state.isDirty = true
      defer { state.isWaking = true }
      return !state.isWaking
    }
    guard mustStart else { return }
    Task { [weak self] in
      while let self, self.takeDirty() {
        // Cancelled only with the process; the next bookmark looks anyway.
        do { try await Task.sleep(for: Self.delay) } catch { return }
        self.publish()
      }
    }
  }

  private func takeDirty() -> Bool {
    state.withLock { state in
      defer { state.isDirty = false }
      state.isWaking = state.isDirty
      return state.isDirty
    }
  }

  private func publish() {
    let watches = state.withLock { Array($0.watches.values) }
    guard !watches.isEmpty else { return }
    do {
      try read()
      for watch in watches { watch.deliver() }
    } catch {
      for watch in watches { watch.failed(error) }
    }
  }

  /// Sees to a reading for whoever begins to watch at `revision`: the latest when it is young and as new, else another one.
  func prepare(_ revision: Int64) throws {
    let (readAt, readRevision) = state.withLock { ($0.readAt, $0.readRevision) }
    if let readAt, ContinuousClock.now - readAt < Self.freshness, readRevision >= revision {
      return
    }
    try read()
  }

  /// Computes the health now, in one bounded read. A deployment that is gone leaves the latest reading as it is.
  private func read() throws {
    let found = try store.read { db -> (DeploymentHealth, Int64)? in
      guard let deployment = try Deployments(db).find(deployment, org: org) else { return nil }
      let health = try DeploymentService.health(
        deployment, now: DeploymentService.now, db, store.telemetry)
      return (health, try db.revision())
    }
    guard let (health, revision) = found else { return }
    var content = health
    content.computedAt = nil
    state.withLock { state in
      // Who read earlier and comes later has nothing to add.
      guard revision >= state.readRevision else { return }
      state.readAt = .now
      state.readRevision = revision
      state.readings += 1
      guard content != state.content else { return }
      state.content = content
      state.reading = HealthReading(
        number: (state.reading?.number ?? 0) + 1, revision: revision,
        bytes: WatchHealthResponse.with {
          $0.revision = revision
          $0.content = .snapshot(health)
        }.serialized())
    }
  }
}
