internal import Domain

/// A UUID of version 7 (RFC 9562 section 5.7): 48 bits of milliseconds, a 12-bit counter in
/// `rand_a`, 62 random bits. Ids made by one generator increase, as integers and as text, so rows
/// are appended at the end of their index instead of all over it.
public struct UUIDv7: Hashable, Sendable, Comparable {
  public let high: UInt64
  public let low: UInt64

  init(milliseconds: UInt64, counter: UInt64, random: UInt64) {
    high = (milliseconds << 16) | 0x7000 | (counter & 0xfff)
    low = 0x8000_0000_0000_0000 | (random & 0x3fff_ffff_ffff_ffff)
  }

  /// Milliseconds since 1970 at which the id was made, or the counter's overflow later.
  public var milliseconds: Int64 { Int64(high >> 16) }

  public static func < (a: UUIDv7, b: UUIDv7) -> Bool {
    (a.high, a.low) < (b.high, b.low)
  }

  /// 36 characters, lower case: `018bcfe5-6800-7000-8000-000000000000`.
  public var text: String {
    String(unsafeUninitializedCapacity: 36) { buffer in
      var position = 0
      for index in 0..<32 {
        if index == 8 || index == 12 || index == 16 || index == 20 {
          buffer[position] = UInt8(ascii: "-")
          position += 1
        }
        let word = index < 16 ? high : low
        let nibble = UInt8(truncatingIfNeeded: word >> UInt64(60 - 4 * (index & 15))) & 15
        buffer[position] = Hex.digit(nibble)
        position += 1
      }
      return 36
    }
  }
}

/// The pure part of the generator: RFC 9562 section 6.2, method 1 (fixed-length counter).
///
/// The counter starts each millisecond at a random value below 2048, so at least 2048 ids fit into
/// one; when it overflows the timestamp is advanced by one and stays ahead of the clock until the
/// clock catches up. A clock that goes back never makes an id smaller.
public struct UUIDv7Sequence: Sendable {
  private var lastMilliseconds: UInt64 = 0
  private var counter: UInt64 = 0

  public init() {}

  /// Has the next id be greater than all whose first half is `high`.
  mutating func goOn(after high: UInt64) {
    guard (high >> 16, high & 0xfff) > (lastMilliseconds, counter) else { return }
    lastMilliseconds = high >> 16
    counter = high & 0xfff
  }

  /// The next id at `milliseconds` since 1970; `random` supplies the counter's start and the tail.
  public mutating func next(milliseconds: Int64, random: (UInt64, UInt64)) -> UUIDv7 {
    let now = UInt64(max(0, milliseconds)) & 0xffff_ffff_ffff
    if now > lastMilliseconds {
      lastMilliseconds = now
      counter = random.0 & 0x7ff
    } else {
      counter += 1
      if counter > 0xfff {
        lastMilliseconds += 1
        counter = random.0 & 0x7ff
      }
    }
    return UUIDv7(milliseconds: lastMilliseconds, counter: counter, random: random.1)
  }
}
