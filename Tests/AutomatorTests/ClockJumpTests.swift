import Domain
import Store
import Synchronization
import Testing

@testable import Automator

/// A soak is time in which a server looked, whatever the machine's clock says meanwhile.
@Suite struct ClockJumpTests {
  private static let minute: Int64 = 60_000
  private static let year: Int64 = 365 * 24 * 60 * minute

  /// A machine's two clocks, at the start of the world's rollout.
  private final class Clocks: Sendable {
    private let state = Mutex(
      (wall: AutomatorTests.start.milliseconds, steady: Int64(7_000)))

    var now: Timestamp { Timestamp(milliseconds: state.withLock { $0.wall }) }

    func pass(minutes: Int64) {
      state.withLock { state in
        state.wall += minutes * ClockJumpTests.minute
        state.steady += minutes * ClockJumpTests.minute
      }
    }

    func set(by milliseconds: Int64) { state.withLock { $0.wall += milliseconds } }

    var configuration: StoreConfiguration {
      var configuration = StoreConfiguration()
      configuration.clock = { [self] in state.withLock { $0.wall } }
      configuration.steadyClock = { [self] in state.withLock { $0.steady } }
      return configuration
    }
  }

  /// The exposure after each of `minutes` minutes.
  private func exposures(
    _ world: AutomatorTests.World, _ clocks: Clocks, minutes: Int
  ) async throws -> [String] {
    var exposures: [String] = []
    for _ in 0..<minutes {
      clocks.pass(minutes: 1)
      _ = try await world.automator.tick(now: clocks.now)
      exposures.append(try world.rollout.exposure.percent)
    }
    return exposures
  }

  private static func repeated(_ exposure: String, _ count: Int) -> [String] {
    Array(repeating: exposure, count: count)
  }

  @Test(arguments: [year, -year, 90 * minute, -90 * minute])
  func `a clock that is set and set right again neither ends a soak nor holds it up`(
    jump: Int64
  ) async throws {
    let clocks = Clocks()
    let world = try await AutomatorTests.World(gates: [], clocks.configuration)
    #expect(try await exposures(world, clocks, minutes: 3) == Self.repeated("5%", 3))
    clocks.set(by: jump)
    let during = try await exposures(world, clocks, minutes: 12)
    #expect(during == Self.repeated("5%", 6) + Self.repeated("25%", 6))
    #expect(try world.rollout.nextAdvanceAt == clocks.now + .seconds(5 * 60))
    clocks.set(by: -jump)
    let after = try await exposures(world, clocks, minutes: 6)
    #expect(after == Self.repeated("25%", 4) + Self.repeated("100%", 2))
    let ended = try await exposures(world, clocks, minutes: 9)
    #expect(ended == Self.repeated("100%", 9))
    #expect(try world.rollout.state == .completed)
  }

  @Test(arguments: [year, -year, 60 * minute, 0])
  func `a soak goes on after a start where it was, whatever the clock did meanwhile`(
    jump: Int64
  ) async throws {
    let clocks = Clocks()
    let world = try await AutomatorTests.World(gates: [], clocks.configuration)
    #expect(try await exposures(world, clocks, minutes: 3) == Self.repeated("5%", 3))
    try world.restart(clocks.configuration) {
      clocks.set(by: jump)
      clocks.pass(minutes: 45)
    }
    #expect(try world.rollout.nextAdvanceAt == clocks.now + .seconds(7 * 60))
    let after = try await exposures(world, clocks, minutes: 8)
    #expect(after == Self.repeated("5%", 6) + Self.repeated("25%", 2))
  }

  @Test func `a step that was taken by a clock that was ahead holds up no other`() async throws {
    let clocks = Clocks()
    let world = try await AutomatorTests.World(gates: [], clocks.configuration)
    var rollout = try world.rollout
    rollout.exposureChangedAt = clocks.now + .seconds(365 * 24 * 3_600)
    rollout.nextAdvanceAt = clocks.now
    let arms = (canary: ArmHealth.zero, control: ArmHealth.zero)
    #expect(RolloutJudgement(rollout, arms, now: clocks.now).decision == .advance)
    rollout.exposureChangedAt = clocks.now
    #expect(
      RolloutJudgement(rollout, arms, now: clocks.now).decision
        == .hold(.soaking(until: clocks.now)))
  }
}
