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
        default:
          (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[index])
            || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(bytes[index])
        }
      }
  }
}
