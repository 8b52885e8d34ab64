/// How many different things there were, in bounded memory: exact up to ``sampleSize``, a few percent off beyond.
///
/// Things are known by hashes that are spread evenly. Kept are those that end in a number of zero bits, one more whenever there are too
/// many of them: each stands for as many things as hashes share its end.
///
/// - 1,000 hashes, each twice → 1,000
/// - 1,000,000 hashes → about 1,000,000
public struct DistinctCount: Hashable, Sendable {
  /// Hashes kept at most.
  public static let sampleSize = 1_024

  private var sample: Set<UInt64> = []
  private var zeroBits: UInt64 = 0

  public init() {}

  public var estimate: Int64 { Int64(sample.count) << Int64(zeroBits) }

  public mutating func insert(_ hash: UInt64) {
    guard hash & mask == 0, sample.insert(hash).inserted else { return }
    while sample.count > Self.sampleSize, zeroBits < 40 {
      zeroBits += 1
      sample = sample.filter { $0 & mask == 0 }
    }
  }

  private var mask: UInt64 { (1 << zeroBits) - 1 }
}
