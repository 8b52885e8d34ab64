import Domain
import Testing

@Suite struct SyncPaceTests {
  private static func device(_ number: Int) -> DeviceID { DeviceID("device-\(number)") }

  /// Has so many devices call during the interval that begins at `seconds`; returns the next interval.
  private func interval(
    after devices: Int, at seconds: Int64, _ pace: inout SyncPace
  ) -> Duration {
    let now = Timestamp(milliseconds: seconds * 1_000)
    for number in 0..<devices { _ = pace.call(Self.device(number), now: now, share: 0) }
    _ = pace.call(Self.device(0), now: now + pace.interval, share: 0)
    return pace.interval
  }

  @Test(
    "The interval is what the fleet needs, a few percent off",
    arguments: [(1, 30), (29_000, 30), (50_000, 50)])
  func intervals(devices: Int, seconds: Int64) {
    var pace = SyncPace()
    let next = interval(after: devices, at: 0, &pace)
    #expect(next >= .seconds(seconds) * 0.9 && next <= .seconds(seconds) * 1.1)
    #expect(next >= SyncPace.shortest)
  }

  @Test func `the interval grows to twice the last one at most, and shrinks at once`() {
    var pace = SyncPace()
    #expect(interval(after: 300_000, at: 0, &pace) == .seconds(60))
    #expect(interval(after: 300_000, at: 30, &pace) == .seconds(120))
    #expect(interval(after: 10, at: 90, &pace) == SyncPace.shortest)
  }

  @Test func `one device that calls without end makes nobody wait`() {
    var pace = SyncPace()
    for second in 0..<120 as Range<Int64> {
      for _ in 0..<1_500 {
        _ = pace.call(Self.device(1), now: Timestamp(milliseconds: second * 1_000), share: 0)
      }
    }
    #expect(pace.interval == SyncPace.shortest)
  }

  @Test func `no org changes the interval of another`() {
    var paces = SyncPaces()
    let (large, small) = (OrgID("large"), OrgID("small"))
    let (start, later) = (Timestamp(milliseconds: 0), Timestamp(milliseconds: 30_000))
    for number in 2..<SyncPaces.limit {
      _ = paces.call(Self.device(1), of: OrgID("\(number)"), now: start, share: 0)
    }
    for number in 0..<100_000 {
      _ = paces.call(Self.device(number), of: large, now: start, share: 0)
    }
    _ = paces.call(Self.device(1), of: small, now: start, share: 0)
    var next = paces.call(Self.device(1), of: large, now: later, share: 0)
    #expect(next == .seconds(60) * 0.75)
    next = paces.call(Self.device(1), of: small, now: later, share: 0)
    #expect(next == .seconds(30) * 0.75)
    // However many orgs there are: the ones that still call keep their interval.
    for number in 0..<100 {
      _ = paces.call(Self.device(1), of: OrgID("new \(number)"), now: later, share: 0)
    }
    next = paces.call(Self.device(1), of: large, now: later, share: 0)
    #expect(next == .seconds(60) * 0.75)
  }

  @Test func `devices are told times apart, none later than the interval`() {
    var pace = SyncPace()
    let times = [0, 0.25, 0.999].map {
      pace.call(Self.device(1), now: Timestamp(milliseconds: 0), share: $0)
    }
    #expect(times[0] == .milliseconds(22_500))
    #expect(times[1] == .milliseconds(24_375))
    #expect(times[2] < .seconds(30) && times[2] > times[1])
  }

  @Test func `a clock that jumps back does not hold the interval`() {
    var pace = SyncPace()
    let now = Timestamp(milliseconds: 1_000_000)
    for number in 0..<100_000 { _ = pace.call(Self.device(number), now: now, share: 0) }
    _ = pace.call(Self.device(1), now: Timestamp(milliseconds: 0), share: 0)
    #expect(pace.interval == .seconds(60))
    _ = pace.call(Self.device(1), now: Timestamp(milliseconds: 60_000), share: 0)
    #expect(pace.interval == SyncPace.shortest)
  }

  @Test(
    "Different things are counted, exactly while there are few",
    arguments: [0, 1, 1_024, 10_000, 1_000_000])
  func distinct(count: Int) {
    var distinct = DistinctCount()
    var state: UInt64 = 7
    var hashes: [UInt64] = []
    for _ in 0..<count {
      // SplitMix64: spread evenly.
      state &+= 0x9E37_79B9_7F4A_7C15
      var hash = state
      hash = (hash ^ (hash >> 30)) &* 0xBF58_476D_1CE4_E5B9
      hash = (hash ^ (hash >> 27)) &* 0x94D0_49BB_1331_11EB
      hashes.append(hash ^ (hash >> 31))
    }
    for _ in 0..<2 { for hash in hashes { distinct.insert(hash) } }
    let error = abs(distinct.estimate - Int64(count))
    #expect(error <= (count <= DistinctCount.sampleSize ? 0 : Int64(count) / 7))
  }
}
