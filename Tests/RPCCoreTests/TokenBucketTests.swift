import RPCCore
import Testing

@Suite struct TokenBucketTests {
  static let second: Int64 = 1_000_000_000

  @Test func `the burst is there at once and not a token more`() {
    let bucket = Bucket(burst: 3, rate: 1)
    #expect(bucket.take(now: 0))
    #expect(bucket.take(2, now: 0))
    #expect(!bucket.take(now: 0))
  }

  @Test(arguments: [(1, 999, false), (1, 1000, true), (33, 30, false), (33, 31, true)])
  func `tokens come back with time`(rate: Int, milliseconds: Int64, granted: Bool) {
    let bucket = Bucket(burst: 1, rate: rate)
    #expect(bucket.take(now: 0))
    #expect(bucket.take(now: milliseconds * 1_000_000) == granted)
  }

  @Test func `often looking does not lose fractions`() {
    let bucket = Bucket(burst: 1, rate: 10)
    #expect(bucket.take(now: 0))
    var granted = 0
    for step in 1...10_000 where bucket.take(now: Int64(step) * 100_000) { granted += 1 }
    #expect(granted == 10, "a second at ten per second")
  }

  @Test func `a long pause fills the bucket and no more`() {
    let bucket = Bucket(burst: 5, rate: 1000)
    #expect(bucket.take(5, now: 0))
    #expect(bucket.take(5, now: .max / 2))
    #expect(!bucket.take(now: .max / 2))
  }

  @Test func `earned tokens are capped by the burst`() {
    let bucket = Bucket(burst: 5, rate: 1)
    #expect(bucket.take(5, now: 0))
    bucket.earn(100)
    #expect(!bucket.take(6, now: 0))
    #expect(bucket.take(5, now: 0))
  }

  @Test func `tokens a minute come back one by one, and the wait for the next is told`() {
    let bucket = Bucket(burst: 2, perMinute: 30)
    #expect(bucket.take(2, now: 0))
    #expect(bucket.wait(now: 0) == 2 * Self.second)
    #expect(bucket.wait(now: Self.second) == Self.second)
    #expect(!bucket.take(now: 2 * Self.second - 1_000_000))
    #expect(bucket.take(now: 2 * Self.second))
    #expect(bucket.wait(for: 3, now: 2 * Self.second) == nil, "more than the bucket holds")
    #expect(!bucket.isFull(now: 5 * Self.second))
    #expect(bucket.isFull(now: 6 * Self.second))
  }
}

/// A bucket that an expectation may take from: a macro's expression cannot mutate a variable.
private final class Bucket {
  private var bucket: TokenBucket

  init(burst: Int, rate: Int) { bucket = TokenBucket(burst: burst, rate: rate) }
  init(burst: Int, perMinute: Int) { bucket = TokenBucket(burst: burst, perMinute: perMinute) }

  func take(_ count: Int = 1, now: Int64) -> Bool { bucket.take(count, now: now) }
  func wait(for count: Int = 1, now: Int64) -> Int64? { bucket.wait(for: count, now: now) }
  func isFull(now: Int64) -> Bool { bucket.isFull(now: now) }
  func earn(_ count: Int) { bucket.earn(count) }
}
