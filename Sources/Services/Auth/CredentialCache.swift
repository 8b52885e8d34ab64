internal import Domain
internal import Store
internal import Synchronization

/// Accepted credentials by the SHA-256 of their secret, so that a call costs no query.
///
/// A change of a key or a principal makes what is known of its org stale: a revoked key must not be accepted once its revocation was
/// acknowledged, and nobody else's is looked up again for it. What was looked up before the change is not believed after it.
final class CredentialCache: Sendable {
  /// A SHA-256 as words: hashing it again would be waste.
  struct Digest: Hashable {
    private let words: (UInt64, UInt64, UInt64, UInt64)

    /// `bytes` are 32.
    init(_ bytes: UnsafeRawBufferPointer) {
      func word(_ index: Int) -> UInt64 {
        bytes.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self)
      }
      words = (word(0), word(1), word(2), word(3))
    }

    static func == (a: Digest, b: Digest) -> Bool { a.words == b.words }
    func hash(into hasher: inout Hasher) { hasher.combine(words.0) }
  }

  struct Entry: Sendable {
    let caller: Caller
    let expiresAt: Timestamp?
  }

  /// When the keys and principals of an org changed last, on the cache's own count of changes.
  final class Changes: Sendable {
    fileprivate let count: Atomic<UInt64>

    fileprivate init(_ count: UInt64) { self.count = Atomic(count) }

    /// Grows with every change of the org.
    var last: UInt64 { count.load(ordering: .acquiring) }
    /// The cache has forgotten this record: ask it for another.
    var isForgotten: Bool { last == .max }
  }

  private struct Kept {
    let entry: Entry
    /// The count of changes when its lookup began.
    let asOf: UInt64
    let changes: Changes
  }

  private struct State {
    var entries: [Digest: Kept] = [:]
    var orgs: [OrgID: Changes] = [:]
    var count: UInt64 = 0
  }

  private let state = Mutex(State())
  private let limit: Int

  init(limit: Int = 65_536) { self.limit = limit }

  /// The entry, and what ``insert(_:_:asOf:)`` wants to know of the moment before the lookup.
  func find(_ digest: Digest) -> (entry: Entry?, asOf: UInt64) {
    state.withLock { state in
      guard let kept = state.entries[digest], kept.asOf >= kept.changes.last else {
        return (nil, state.count)
      }
      return (kept.entry, state.count)
    }
  }

  func insert(_ digest: Digest, _ entry: Entry, asOf: UInt64) {
    state.withLock { state in
      if state.entries.count >= limit { state.entries.removeAll(keepingCapacity: true) }
      let changes = changes(of: entry.caller.org, &state)
      state.entries[digest] = Kept(entry: entry, asOf: asOf, changes: changes)
    }
  }

  /// The record of an org's changes.
  func changes(of org: OrgID) -> Changes { state.withLock { changes(of: org, &$0) } }

  private func changes(of org: OrgID, _ state: inout State) -> Changes {
    if let known = state.orgs[org] { return known }
    if state.orgs.count >= limit {
      for changes in state.orgs.values { changes.count.store(.max, ordering: .releasing) }
      state.orgs.removeAll(keepingCapacity: true)
      state.entries.removeAll(keepingCapacity: true)
    }
    let made = Changes(state.count)
    state.orgs[org] = made
    return made
  }

  /// Believes nothing any more of an org. Call it after the commit of the change, before it is acknowledged.
  ///
  /// An org of which nothing is known gets no record: its first one begins with the count as it is then, later than what was looked
  /// up before.
  func invalidate(_ org: OrgID) {
    state.withLock { state in
      state.count += 1
      state.orgs[org]?.count.store(state.count, ordering: .releasing)
    }
  }
}
