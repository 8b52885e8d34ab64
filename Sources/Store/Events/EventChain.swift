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
    let texts =
      event.org.utf8.count + event.kind.utf8.count + event.resourceType.utf8.count
      + event.resourceID.utf8.count + event.parentID.utf8.count + event.actor.utf8.count
      + event.method.utf8.count + event.requestID.utf8.count
    let blobs = event.beforeDigest.count + event.afterDigest.count + event.payload.count
    let count = previous.count + 2 * 8 + 11 * 4 + texts + blobs
    if bytes.count < count || bytes.count > max(count, keptCapacity) {
      bytes = [UInt8](repeating: 0, count: max(count, 1024))
    }
    return bytes.withUnsafeMutableBytes { memory in
      var fields = FieldWriter(memory)
      fields.put(previous)
      fields.put(UInt64(bitPattern: revision))
      fields.put(UInt64(bitPattern: createdAtMilliseconds))
      fields.add(event.org)
      fields.add(event.kind)
      fields.add(event.resourceType)
      fields.add(event.resourceID)
      fields.add(event.parentID)
      fields.add(event.actor)
      fields.add(event.method)
      fields.add(event.requestID)
      fields.add(event.beforeDigest)
      fields.add(event.afterDigest)
      fields.add(event.payload)
      return Fingerprint.sha256(UnsafeRawBufferPointer(rebasing: memory[..<fields.count]))
    }
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

  /// Puts the fields of an event one behind the other into memory that has room for them.
  private struct FieldWriter {
    let memory: UnsafeMutableRawBufferPointer
    /// Bytes written.
    private(set) var count = 0

    init(_ memory: UnsafeMutableRawBufferPointer) { self.memory = memory }

    mutating func add(_ text: String) {
      put(UInt32(truncatingIfNeeded: text.utf8.count))
      if text.utf8.withContiguousStorageIfAvailable({ put(UnsafeRawBufferPointer($0)) }) == nil {
        for byte in text.utf8 { put(byte) }
      }
    }

    mutating func add(_ field: [UInt8]) {
      put(UInt32(truncatingIfNeeded: field.count))
      put(field)
    }

    mutating func put(_ bytes: [UInt8]) { bytes.withUnsafeBytes { put($0) } }

    mutating func put(_ value: some FixedWidthInteger & BitwiseCopyable) {
      memory.storeBytes(of: value.bigEndian, toByteOffset: count, as: type(of: value))
      count += value.bitWidth / 8
    }

    private mutating func put(_ bytes: UnsafeRawBufferPointer) {
      UnsafeMutableRawBufferPointer(rebasing: memory[count...]).copyMemory(from: bytes)
      count += bytes.count
    }
  }
}
