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
}
