import Domain
import Glibc
import SQL
import Testing

@testable import Store

/// Start and Advance cost the same whatever the fleet's size, because nothing is stored for a device.
///
/// The small fleet runs always. `ROLLCALL_SCALE=1` adds the fleet of a million.
@Suite(.serialized) struct FleetScaleTests {
  static let sizes = getenv("ROLLCALL_SCALE") == nil ? [10_000] : [10_000, 1_000_000]

  @Test(arguments: sizes)
  func `a step changes one row of rollouts, however many devices there are`(
    devices: Int
  ) async throws {
    let sample = try await FleetSample()
    let store = sample.store
    for first in stride(from: 0, to: devices, by: 20_000) {
      try await store.write { tx in
        for index in first..<min(first + 20_000, devices) {
          try Devices(tx).insert(FleetSample.device(tx.makeID() + "-\(index)"))
        }
      }
    }
    let clock = ContinuousClock()
    let deployment = FleetSample.deployment(policy: try FleetSample.policy())
    let before = try changes(store)
    let begin = clock.now
    let started = try await sample.started(deployment)
    let start = clock.now - begin
    var (current, rollout) = (started.deployment, try #require(started.rollout))
    var advance = Duration.zero
    for _ in 0..<2 {
      let begin = clock.now
      (current, rollout) = try await store.write { [current, rollout] tx in
        try DeploymentJournal(tx, author: FleetSample.author).step(
          RolloutPlan.advance(rollout, now: FleetSample.start), replacing: rollout, of: current,
          now: FleetSample.start, .init("advanced", message: ""))
      }
      advance += clock.now - begin
    }
    #expect(rollout.exposure == .full)
    #expect(try changes(store) == before, "no row of a device was touched")

    let index = DeploymentIndexes()
    let device = try #require(
      try store.read {
        try Devices($0).list(Page(limit: 1), org: FleetSample.org).items.first
      })
    let matching = clock.now
    let rounds = 1_000
    for _ in 0..<rounds {
      let assigned = try store.read { tx in
        let index = try index.index(org: FleetSample.org, tx)
        return index.entries.filter { $0.targets(device) }.compactMap {
          Assignment.resolve(
            deployment: $0.deployment, rollout: $0.rollout, device: device.id, running: nil,
            pin: nil)?.version
        }
      }
      #expect(assigned == [FleetSample.v2])
    }
    let sync = (clock.now - matching) / rounds
    print("\(devices) devices: start \(start), advance \(advance / 2), match a device \(sync)")
  }

  /// A digest of everything stored for devices.
  private func changes(_ store: Store) throws -> [Int64] {
    try store.read { tx in
      try tx.connection.first(
        """
        SELECT (SELECT count(*) FROM devices), (SELECT sum(revision) FROM devices),
          (SELECT count(*) FROM installations), (SELECT count(*) FROM device_pins)
        """
      ) { row in
        try (0..<4).map { try row.get($0, as: Int64.self) }
      } ?? []
    }
  }
}
