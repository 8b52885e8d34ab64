internal import Domain
internal import Store
internal import Synchronization

/// Accepted credentials by the SHA-256 of their secret, so that a call costs no query.
///
/// Every change of a key or a principal empties it: such changes are rare, and a revoked key must not
/// be accepted once its revocation was acknowledged. A lookup that began before the change is not kept.
final class CredentialCache: Sendable {
  /// A SHA-256 as words: hashing it again would be waste.
  struct Digest: Hashable {
    private let words: (UInt64, UInt64, UInt64, UInt64)

    init(_ bytes: some Sequence<UInt8>) {
      var words: [4 of UInt64] = [0, 0, 0, 0]
      for (index, byte) in bytes.prefix(32).enumerated() {
        words[index >> 3] = words[index >> 3] << 8 | UInt64(byte)
      }
      self.words = (words[0], words[1], words[2], words[3])
    }

    static func == (a: Digest, b: Digest) -> Bool { a.words == b.words }
    func hash(into hasher: inout Hasher) { hasher.combine(words.0) }
  }

  struct Entry: Sendable {
    let caller: Caller
    let expiresAt: Timestamp?
  }

  private struct State {
    var entries: [Digest: Entry] = [:]
    var generation: UInt64 = 0
  }

  private let state = Mutex(State())
  private let limit: Int

  init(limit: Int = 65_536) { self.limit = limit }

  /// The entry, and the generation that ``insert(_:_:generation:)`` wants back.
  func find(_ digest: Digest) -> (entry: Entry?, generation: UInt64) {
    state.withLock { ($0.entries[digest], $0.generation) }
  }

  /// The number of changes so far.
  var generation: UInt64 { state.withLock { $0.generation } }

  /// Keeps an entry unless something changed since `generation`.
  func insert(_ digest: Digest, _ entry: Entry, generation: UInt64) {
    state.withLock { state in
      guard state.generation == generation else { return }
      if state.entries.count >= limit { state.entries.removeAll(keepingCapacity: true) }
      state.entries[digest] = entry
    }
  }

  /// Forgets everything. Call it after the commit of the change, before it is acknowledged.
  func invalidate() {
    state.withLock { state in
      state.generation += 1
      state.entries.removeAll(keepingCapacity: true)
    }
  }
}
