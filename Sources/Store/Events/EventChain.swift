internal import Crypto

/// The hash chain over one org's events.
///
/// `hash(n) = SHA-256(hash(n − 1) ‖ field ‖ field ‖ …)`, each field preceded by its length as four
/// big-endian bytes, integers as eight; the first event's predecessor is 32 zero bytes. One chain
/// for each org, so an org's log can be exported and verified without another org's rows. The
/// revision is hashed too, so events can be neither reordered nor renumbered; a removed one breaks
/// its successor. Compaction keeps the last removed hash as the anchor verification starts from.
public enum EventChain {
  /// The predecessor of an org's first event.
  public static let start = [UInt8](repeating: 0, count: 32)

  public static func hash(
    after previous: [UInt8], revision: Int64, createdAtMilliseconds: Int64, _ event: NewEvent
  ) -> [UInt8] {
    var hash = SHA256()
    hash.update(data: previous)
    add(UInt64(bitPattern: revision), to: &hash)
    add(UInt64(bitPattern: createdAtMilliseconds), to: &hash)
    add(event.org, to: &hash)
    add(event.kind, to: &hash)
    add(event.resourceType, to: &hash)
    add(event.resourceID, to: &hash)
    add(event.parentID, to: &hash)
    add(event.actor, to: &hash)
    add(event.method, to: &hash)
    add(event.requestID, to: &hash)
    add(event.beforeDigest, to: &hash)
    add(event.afterDigest, to: &hash)
    add(event.payload, to: &hash)
    return Array(hash.finalize())
  }

  /// Checks `events` (of one org, ascending) against each other and against the hash before them.
  /// Returns the revision of the first event that does not fit; nil when all do.
  public static func firstBreak(in events: [LoggedEvent], after anchor: [UInt8]) -> Int64? {
    var previous = anchor
    for logged in events {
      let expected = hash(
        after: previous, revision: logged.revision,
        createdAtMilliseconds: logged.createdAtMilliseconds, logged.event)
      if expected != logged.chainHash { return logged.revision }
      previous = expected
    }
    return nil
  }

  private static func add(_ text: String, to hash: inout SHA256) {
    var text = text
    text.withUTF8 { bytes in
      addLength(bytes.count, to: &hash)
      hash.update(bufferPointer: UnsafeRawBufferPointer(bytes))
    }
  }

  private static func add(_ bytes: [UInt8], to hash: inout SHA256) {
    addLength(bytes.count, to: &hash)
    hash.update(data: bytes)
  }

  private static func addLength(_ count: Int, to hash: inout SHA256) {
    withUnsafeBytes(of: UInt32(truncatingIfNeeded: count).bigEndian) {
      hash.update(bufferPointer: $0)
    }
  }

  private static func add(_ value: UInt64, to hash: inout SHA256) {
    withUnsafeBytes(of: value.bigEndian) { hash.update(bufferPointer: $0) }
  }
}
