internal import Domain
internal import Glibc
internal import SQL
internal import Synchronization

/// Makes UUIDv7 ids from any thread, each greater than the one before.
public final class IDGenerator: Sendable {
  private let sequence = Mutex((UUIDv7Sequence(), RandomPool()))
  private let clock: @Sendable () -> Int64

  public init(clock: @escaping @Sendable () -> Int64 = { StoreClock.nowMilliseconds() }) {
    self.clock = clock
  }

  /// A new id as 36 characters of text, the form in which ids are stored and sent.
  public func make() -> String {
    let now = clock()
    return sequence.withLock { state in
      state.0.next(milliseconds: now, random: (state.1.word(), state.1.word())).text
    }
  }

  /// Has all ids from now on be greater than `newest`, also when the clock is behind the one by which that was made. A text that is no
  /// id of this kind changes nothing.
  func goOn(after newest: String?) {
    guard let newest, Self.isID(newest),
      let high = UInt64(String(newest.prefix(18).filter { $0 != "-" }), radix: 16)
    else { return }
    sequence.withLock { $0.0.goOn(after: high) }
  }

  /// The greatest id of a database whose rows are listed by it.
  static func newest(in db: Connection) throws -> String? {
    try db.first(
      """
      SELECT max(id) FROM (
        SELECT max(id) AS id FROM orgs UNION ALL SELECT max(id) FROM principals
        UNION ALL SELECT max(id) FROM api_keys UNION ALL SELECT max(id) FROM models
        UNION ALL SELECT max(id) FROM model_variants UNION ALL SELECT max(id) FROM model_versions
        UNION ALL SELECT max(id) FROM devices UNION ALL SELECT max(id) FROM device_groups
        UNION ALL SELECT max(id) FROM deployments UNION ALL SELECT max(id) FROM rollouts
      ) AS newest
      """
    ) { try $0.get(0, as: String?.self) }.flatMap { $0 }
  }

  /// Whether a text has the form of an id that was made here.
  static func isID(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    return bytes.count == 36
      && bytes.indices.allSatisfy { index in
        switch index {
        case 8, 13, 18, 23: bytes[index] == UInt8(ascii: "-")
        case 14: bytes[index] == UInt8(ascii: "7")
        default: Hex.isDigit(bytes[index])
        }
      }
  }
}

/// Random words from the kernel, fetched many at a time: a call for each would cost more than the
/// id it is for.
private struct RandomPool {
  private var words = [UInt64](repeating: 0, count: 128)
  private var next: Int

  init() { next = words.count }

  mutating func word() -> UInt64 {
    if next == words.count { refill() }
    defer {
      // A word is used once, and not kept where a core dump could show it.
      words[next] = 0
      next += 1
    }
    return words[next]
  }

  private mutating func refill() {
    let filled = words.withUnsafeMutableBytes { bytes in
      // 256 bytes are the most that one call gives.
      stride(from: 0, to: bytes.count, by: 256).allSatisfy { offset in
        getentropy(bytes.baseAddress.map { $0 + offset }, 256) == 0
      }
    }
    // Without the kernel's generator, which Linux always has, the standard one stands in.
    if !filled {
      var system = SystemRandomNumberGenerator()
      for index in words.indices { words[index] = system.next() }
    }
    next = 0
  }
}
