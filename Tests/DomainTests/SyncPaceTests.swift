import Domain
import Testing

@Suite struct SyncPaceTests {
  @Test(
    "The interval grows with the fleet and shrinks with it",
    arguments: [(1_000, 30), (60_000, 60), (300_000, 300), (2_000_000, 900)])
  func intervals(calls: Int, seconds: Int64) {
    var pace = SyncPace()
    for _ in 0..<calls { _ = pace.call(now: Timestamp(milliseconds: 0), share: 0) }
    let next = pace.call(now: Timestamp(milliseconds: 30_000), share: 0.5)
    #expect(pace.interval == .seconds(seconds))
    #expect(next == Duration.seconds(seconds) * 0.875)
    let later = 30_000 + seconds * 1_000
    _ = pace.call(now: Timestamp(milliseconds: later), share: 0)
    #expect(pace.interval == SyncPace.shortest)
  }

  @Test func `devices are told times apart, none later than the interval`() {
    var pace = SyncPace()
    let times = [0, 0.25, 0.999].map { pace.call(now: Timestamp(milliseconds: 0), share: $0) }
    #expect(times[0] == .milliseconds(22_500))
    #expect(times[1] == .milliseconds(24_375))
    #expect(times[2] < .seconds(30) && times[2] > times[1])
  }

  @Test func `a clock that jumps back does not hold the interval`() {
    var pace = SyncPace()
    for _ in 0..<300_000 { _ = pace.call(now: Timestamp(milliseconds: 1_000_000), share: 0) }
    _ = pace.call(now: Timestamp(milliseconds: 0), share: 0)
    #expect(pace.interval == .seconds(300))
    _ = pace.call(now: Timestamp(milliseconds: 300_000), share: 0)
    #expect(pace.interval == SyncPace.shortest)
  }
}
