internal import Domain
internal import Glibc
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
