import API

/// Reads quantiles from the sketch that devices report.
enum LatencyQuantile {
  /// Upper bound of the bucket that holds the quantile, in microseconds; 0 without latencies.
  ///
  /// Bucket b ends at 2^(b/4): four latencies in bucket 0 and one in bucket 8 have median 1 and 99th percentile 4.
  static func of(_ sketch: LatencySketch?, _ quantile: Double) -> Double {
    guard let sketch else { return 0 }
    let total = sketch.buckets.reduce(0.0) { $0 + Double($1.count) }
    guard total > 0 else { return 0 }
    var seen = 0.0
    for bucket in sketch.buckets {
      seen += Double(bucket.count)
      if seen >= total * quantile { return power(bucket.index) }
    }
    return power(sketch.buckets.last?.index ?? 0)
  }

  /// The bucket of a latency: the smallest b with latency ≤ 2^(b/4), at most 127.
  static func bucket(microseconds: Double) -> UInt32 {
    var index: UInt32 = 0
    while index < 127, power(index) < microseconds { index += 1 }
    return index
  }

  /// 2^(index/4), from whole powers and the roots between them.
  private static func power(_ index: UInt32) -> Double {
    let roots = [1.0, 1.189_207_115_002_721, 1.414_213_562_373_095, 1.681_792_830_507_429]
    return Double(UInt64(1) << min(63, UInt64(index / 4))) * roots[Int(index % 4)]
  }
}
