import CNGHTTP2
import RPCCore

/// What the callbacks of a session write: one record in raw memory, so that recording an event costs neither reference counts nor exclusivity checks.
struct SessionState: ~Copyable {
  var handle: OpaquePointer?
  let maxHeaderListBytes: Int
  let maxHeaderCount: Int

  /// The stream whose header block is being received.
  var receiving: ServerStream.Reference?
  /// All streams the client has opened and the owner has not released.
  var live: ServerStream.Reference?
  private var free: ServerStream.Reference?
  private var freeCount = 0

  /// Connection-level bytes received in this batch, given back at its end.
  var received = 0
  /// RST_STREAMs sent for the client's errors, invalid frames received.
  var faults = 0
  /// Frames without use received in this batch, and what useful ones earned.
  var emptyFrames = 0
  var earned = 0
  /// PINGs received in this batch, and whether a response's bytes have left since the last look.
  var pings = 0
  var hasAnswered = false
  /// Streams that the client reset soon after it had opened them.
  var resets = 0
  /// When the bytes of this batch arrived, in nanoseconds.
  var now: Int64 = 0
  var openStreams = 0
  /// The number of the header block that has begun and is not complete; 0: none.
  var openHeaderBlock = 0
  var headerBlocks = 0
  var scratch = FieldArray()
  /// A stream was opened whose number the client had passed over.
  var hasTurnedBack = false
  /// The client's highest stream, and the numbers below it that it has passed over last.
  private var highest: Int32 = -1
  private var passedOver: [4 of ClosedRange<Int32>] = [0...0, 0...0, 0...0, 0...0]
  private var passes = 0

  private var events: UnsafeMutablePointer<SessionEvent>
  private var eventCapacity = 64
  private var eventHead = 0
  private var eventTail = 0

  /// A stream that is reset younger than this counts against the limit of resets; nanoseconds.
  static let rapid: Int64 = 100_000_000
  /// And one that lived as long as its client said to wait counts only if it is younger than this.
  static let hasty: Int64 = 5_000_000

  /// Records kept for reuse; the rest goes back to the allocator.
  private static let keptStreams = 128

  init(_ configuration: SessionConfiguration) {
    maxHeaderListBytes = configuration.maxHeaderListBytes
    maxHeaderCount = configuration.maxHeaderCount
    events = .allocate(capacity: 64)
  }

  deinit {
    events.deallocate()
    var next = free
    while let stream = next {
      next = stream.pointee.next
      stream.deinitialize(count: 1)
      stream.deallocate()
    }
    next = live
    while let stream = next {
      next = stream.pointee.next
      stream.deinitialize(count: 1)
      stream.deallocate()
    }
  }

  // MARK: Events

  mutating func record(_ event: SessionEvent) {
    if eventTail == eventCapacity { growEvents() }
    (events + eventTail).initialize(to: event)
    eventTail &+= 1
  }

  mutating func nextEvent() -> SessionEvent? {
    guard eventHead < eventTail else {
      eventHead = 0
      eventTail = 0
      return nil
    }
    eventHead &+= 1
    return events[eventHead &- 1]
  }

  private mutating func growEvents() {
    if eventHead > 0 {
      events.update(from: events + eventHead, count: eventTail - eventHead)
    } else {
      let grown = UnsafeMutablePointer<SessionEvent>.allocate(capacity: eventCapacity * 2)
      grown.update(from: events, count: eventTail)
      events.deallocate()
      events = grown
      eventCapacity *= 2
    }
    eventTail -= eventHead
    eventHead = 0
  }

  // MARK: Streams

  mutating func open(_ id: Int32) -> ServerStream.Reference {
    let stream: ServerStream.Reference
    if let reused = free {
      free = reused.pointee.next
      freeCount -= 1
      stream = reused
    } else {
      stream = .allocate(capacity: 1)
      stream.initialize(to: ServerStream())
    }
    stream.pointee.id = id
    stream.pointee.openedAt = now
    stream.pointee.previous = nil
    stream.pointee.next = live
    if let live { live.pointee.previous = stream }
    live = stream
    openStreams += 1
    return stream
  }

  /// HEADERS begin. A number below the last is one of a stream that has ended, or was never opened and never can be (RFC 9113 section
  /// 5.1.1), which the library does not tell apart: it ignores both.
  mutating func noteHeaders(_ id: Int32) {
    // The others are the server's own, or none.
    guard id & 1 == 1 else { return }
    if id > highest {
      if id - highest > 2 {
        passedOver[passes & 3] = (highest + 2)...(id - 2)
        passes &+= 1
      }
      highest = id
    } else {
      for index in passedOver.indices where passedOver[index].contains(id) { hasTurnedBack = true }
    }
  }

  mutating func release(_ stream: ServerStream.Reference) {
    if let previous = stream.pointee.previous {
      previous.pointee.next = stream.pointee.next
    } else {
      live = stream.pointee.next
    }
    if let next = stream.pointee.next { next.pointee.previous = stream.pointee.previous }
    openStreams -= 1
    if freeCount < SessionState.keptStreams {
      stream.pointee.recycle()
      stream.pointee.previous = nil
      stream.pointee.next = free
      free = stream
      freeCount += 1
    } else {
      stream.deinitialize(count: 1)
      stream.deallocate()
    }
  }

  /// Whether a stream that its client resets now belongs to a flood. One that has waited as long as it said, or nearly, as two clocks
  /// measure it, has expired.
  func isRapid(_ stream: ServerStream.Reference, _ code: UInt32) -> Bool {
    let age = now &- stream.pointee.openedAt
    guard stream.pointee.bytesSent == 0, age < SessionState.rapid else { return false }
    let patience = stream.pointee.patience
    let hasExpired = patience > 0 && age >= max(patience / 4 * 3, SessionState.hasty)
    return !hasExpired || code != NGHTTP2_CANCEL.rawValue
  }

  // MARK: Recording

  mutating func recordField(
    _ stream: ServerStream.Reference, name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer
  ) {
    stream.pointee.headerCount &+= 1
    stream.pointee.headerBytes &+= name.count &+ value.count &+ 32
    guard
      stream.pointee.headerCount <= maxHeaderCount,
      stream.pointee.headerBytes <= maxHeaderListBytes
    else {
      stream.pointee.fieldsOverflowed = true
      return
    }
    if stream.pointee.inTrailers { return }
    stream.pointee.fields.append(name: name, value: value)
  }

  mutating func recordRemoteEnd(_ stream: ServerStream.Reference) {
    guard !stream.pointee.isRemoteClosed else { return }
    stream.pointee.isRemoteClosed = true
    record(.remoteEnd(stream))
  }
}
