import API
import Domain

/// Reads quantiles from the sketch that devices report.
enum LatencyQuantile {
  /// Upper bound of the bucket that holds the quantile, in microseconds; 0 without latencies.
  ///
  /// Bucket b ends at 2^(b/4): four latencies in bucket 0 and one in bucket 8 have median 1 and 99th percentile 4.
  static func of(_ sketch: API.LatencySketch?, _ quantile: Double) -> Double {
    guard let sketch else { return 0 }
    let total = sketch.buckets.reduce(0.0) { $0 + Double($1.count) }
    guard total > 0 else { return 0 }
    var seen = 0.0
    for bucket in sketch.buckets {
      seen += Double(bucket.count)
      if seen >= total * quantile { return upperBound(bucket.index) }
    }
    return upperBound(sketch.buckets.last?.index ?? 0)
  }

  /// The bucket of a latency.
  static func bucket(microseconds: Double) -> UInt32 {
    UInt32(Domain.LatencySketch.bucket(ofMicroseconds: microseconds))
  }

  /// The upper end of a bucket; of the last one for an index beyond it.
  private static func upperBound(_ index: UInt32) -> Double {
    Domain.LatencySketch.upperBound(
      ofBucket: min(Int(index), Domain.LatencySketch.bucketCount - 1))
  }
}
