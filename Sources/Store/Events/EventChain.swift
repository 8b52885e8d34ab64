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
    var bytes: [UInt8] = []
    return hash(
      after: previous, revision: revision, createdAtMilliseconds: createdAtMilliseconds, event,
      in: &bytes)
  }

  /// As above. `bytes` is where the fields are put together, so that they are hashed at once: whoever hashes many events keeps its
  /// memory.
  static func hash(
    after previous: [UInt8], revision: Int64, createdAtMilliseconds: Int64, _ event: NewEvent,
    in bytes: inout [UInt8]
  ) -> [UInt8] {
    bytes.removeAll(keepingCapacity: bytes.capacity <= keptCapacity)
    bytes.append(contentsOf: previous)
    add(UInt64(bitPattern: revision), to: &bytes)
    add(UInt64(bitPattern: createdAtMilliseconds), to: &bytes)
    add(event.org, to: &bytes)
    add(event.kind, to: &bytes)
    add(event.resourceType, to: &bytes)
    add(event.resourceID, to: &bytes)
    add(event.parentID, to: &bytes)
    add(event.actor, to: &bytes)
    add(event.method, to: &bytes)
    add(event.requestID, to: &bytes)
    add(event.beforeDigest, to: &bytes)
    add(event.afterDigest, to: &bytes)
    add(event.payload, to: &bytes)
    return Fingerprint.sha256(bytes)
  }

  /// A buffer that one large payload has grown is given back.
  private static let keptCapacity = 64 * 1024

  /// Checks `events` (of one org, ascending) against each other and against the hash before them.
  /// Returns the revision of the first event that does not fit; nil when all do.
  public static func firstBreak(in events: [LoggedEvent], after anchor: [UInt8]) -> Int64? {
    var previous = anchor
    var bytes: [UInt8] = []
    for logged in events {
      let expected = hash(
        after: previous, revision: logged.revision,
        createdAtMilliseconds: logged.createdAtMilliseconds, logged.event, in: &bytes)
      if expected != logged.chainHash { return logged.revision }
      previous = expected
    }
    return nil
  }

  private static func add(_ text: String, to bytes: inout [UInt8]) {
    addLength(text.utf8.count, to: &bytes)
    bytes.append(contentsOf: text.utf8)
  }

  private static func add(_ field: [UInt8], to bytes: inout [UInt8]) {
    addLength(field.count, to: &bytes)
    bytes.append(contentsOf: field)
  }

  private static func addLength(_ count: Int, to bytes: inout [UInt8]) {
    withUnsafeBytes(of: UInt32(truncatingIfNeeded: count).bigEndian) {
      bytes.append(contentsOf: $0)
    }
  }

  private static func add(_ value: UInt64, to bytes: inout [UInt8]) {
    withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
  }
}
