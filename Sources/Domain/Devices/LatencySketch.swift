/// A histogram of latencies that can be added up in any order.
///
/// Bucket 0 counts latencies of at most 1 µs, bucket b those in (2^((b−1)/4), 2^(b/4)] µs, b ≤ 127 (about an hour; the last bucket
/// takes everything above).
public struct LatencySketch: Hashable, Sendable {
  /// How many buckets there are.
  public static let bucketCount = 128

  /// Counts by bucket; always ``bucketCount`` of them, or none at all when nothing was counted.
  public private(set) var counts: [Int64] = []

  public static let empty = LatencySketch()

  public init() {}

  /// Whether nothing was counted.
  public var isEmpty: Bool { counts.isEmpty }

  /// How many latencies were counted; saturates.
  public var total: Int64 { counts.reduce(0) { LatencySketch.sum($0, $1) } }

  /// Adds `count` latencies to a bucket; a bucket beyond the last, or a count that is not positive, is refused.
  public mutating func add(
    _ count: Int64, toBucket bucket: Int, field: String = "latency"
  ) throws(DomainError) {
    guard (0..<LatencySketch.bucketCount).contains(bucket) else {
      throw .invalid(
        field: field, message: "bucket \(bucket) exceeds \(LatencySketch.bucketCount - 1)")
    }
    guard count >= 0 else {
      throw .invalid(field: field, message: "count \(count) of bucket \(bucket) is below 0")
    }
    guard count > 0 else { return }
    if counts.isEmpty { counts = Array(repeating: 0, count: LatencySketch.bucketCount) }
    counts[bucket] = LatencySketch.sum(counts[bucket], count)
  }

  /// Adds another sketch.
  public mutating func merge(_ other: LatencySketch) {
    guard !other.isEmpty else { return }
    guard !isEmpty else {
      counts = other.counts
      return
    }
    for index in counts.indices {
      counts[index] = LatencySketch.sum(counts[index], other.counts[index])
    }
  }

  /// The bucket of a latency: the smallest b with latency ≤ 2^(b/4) µs.
  ///
  /// - 0.5 µs → 0, 1 µs → 0
  /// - 1.1 µs → 1 (2^0.25 = 1.189)
  /// - 2 µs → 4
  /// - 1000 µs → 40 (2^10 = 1024)
  public static func bucket(ofMicroseconds latency: Double) -> Int {
    var bound = 1.0
    var bucket = 0
    while bound < latency, bucket < bucketCount - 1 {
      bucket += 1
      bound = upperBound(ofBucket: bucket)
    }
    return bucket
  }

  /// The upper end of a bucket in microseconds: 2^(b/4).
  public static func upperBound(ofBucket bucket: Int) -> Double {
    let quarters: [Double] = [
      1, 1.189207115002721, 1.4142135623730951, 1.681792830507429,
    ]
    return quarters[bucket % 4] * Double(UInt64(1) << UInt64(bucket / 4))
  }

  /// The latency that a share `q` (0...1) of the counted ones do not exceed, as the upper end of its bucket, in microseconds;
  /// 0 when nothing was counted. Off by at most 19 % (2^0.25).
  ///
  /// The rank is ⌈q × total⌉, at least 1.
  ///
  /// - 99 × bucket 4, 1 × bucket 40: q = 0.5 → 2 µs; q = 0.99 → 2 µs; q = 1 → 1024 µs
  public func quantile(_ q: Double) -> Double {
    let total = total
    guard total > 0 else { return 0 }
    let wanted = max(1, (q * Double(total)).rounded(.up))
    var seen = 0.0
    for (bucket, count) in counts.enumerated() {
      seen += Double(count)
      if count > 0, seen >= wanted { return LatencySketch.upperBound(ofBucket: bucket) }
    }
    return LatencySketch.upperBound(ofBucket: counts.lastIndex { $0 > 0 } ?? 0)
  }

  private static func sum(_ left: Int64, _ right: Int64) -> Int64 {
    let (sum, overflow) = left.addingReportingOverflow(right)
    return overflow ? .max : sum
  }
}
