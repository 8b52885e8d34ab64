internal import SQL
internal import Synchronization

/// A store's clocks: the wall clock for whatever is stamped and shown, the steady one for what waits, and the ``AgeClock`` for what is
/// removed by its age. Any thread.
final class StoreClocks: Sendable {
  private static let name = "clocks"

  private let wall: @Sendable () -> Int64
  private let steady: @Sendable () -> Int64
  private let clock: Mutex<AgeClock>
  /// What the clock said last, for whoever must not wait.
  private let ages: Atomic<Int64>

  /// Clocks that know nothing of a database.
  init(_ configuration: StoreConfiguration) {
    wall = configuration.clock
    steady = configuration.steadyClock
    let now = wall()
    clock = Mutex(AgeClock(now: now, steady: steady()))
    ages = Atomic(now)
  }

  /// Goes on from what a database remembers; one that remembers nothing is as old as its newest event.
  ///
  /// Returns by how much the wall clock has moved since a server saw it last, whether it went on while none ran or was set; 0 for a
  /// database that does not know.
  func recall(_ db: Connection) throws -> Int64 {
    let stored: [UInt8] =
      try db.first("SELECT value FROM settings WHERE name = $1", Self.name) { try $0[0] } ?? []
    let newest = try db.first(
      "SELECT created_at_ms FROM events WHERE revision = (SELECT max(revision) FROM events)"
    ) { try $0.get(0, as: Int64.self) }
    let now = wall()
    let seen = Seen(stored)
    let age = seen?.ages ?? min(now, newest ?? now)
    clock.withLock { $0 = AgeClock(now: age, steady: steady()) }
    ages.store(age, ordering: .relaxed)
    return seen.map { now - $0.wall } ?? 0
  }

  /// Milliseconds since 1970: what has expired by this has expired, and stays so when the wall clock is set back.
  var expiry: Int64 { stamp(wall()) }

  /// What is stamped with that must not be taken for older than it is: the later of `now` and the age clock.
  func stamp(_ now: Int64) -> Int64 { max(now, ages.load(ordering: .relaxed)) }

  /// Moves the age clock. Returns it, and the earlier of it and the wall clock: what is older by this is older for certain.
  func advance() -> (ages: Int64, certain: Int64) {
    let (wall, steady) = (wall(), steady())
    let now = clock.withLock { clock in
      clock.advance(wall: wall, steady: steady)
      return clock.now
    }
    ages.store(now, ordering: .relaxed)
    return (now, min(now, wall))
  }

  /// Has the database remember what time it is.
  func save(_ db: Connection) throws {
    try Settings.set(Self.name, Seen(wall: wall(), ages: advance().ages).bytes, in: db)
  }

  /// What is stored: sixteen bytes, both numbers big-endian.
  private struct Seen {
    let wall: Int64
    let ages: Int64

    init(wall: Int64, ages: Int64) {
      self.wall = wall
      self.ages = ages
    }

    init?(_ bytes: [UInt8]) {
      guard bytes.count == 16 else { return nil }
      func number(_ bytes: ArraySlice<UInt8>) -> Int64 {
        Int64(bitPattern: bytes.reduce(0) { $0 << 8 | UInt64($1) })
      }
      self.init(wall: number(bytes[..<8]), ages: number(bytes[8...]))
    }

    var bytes: [UInt8] {
      [wall, ages].flatMap { value in withUnsafeBytes(of: value.bigEndian) { [UInt8]($0) } }
    }
  }
}
