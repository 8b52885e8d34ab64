/// Deadlines of many calls, most of which never pass: arming and disarming cost a few nanoseconds, the time of the next look is known without a search.
///
/// One rotation of 512 slots of 8 ms; a deadline beyond it stays in its slot and is looked at once per rotation. Fires late by at most one slot, never
/// early. Pure: time is a parameter, in nanoseconds of any monotonic clock. Belongs to one thread.
public struct TimerWheel: ~Copyable {
  /// One armed deadline.
  public struct Node {
    var deadline: Int64
    var slot: Int
    var payload: Unmanaged<AnyObject>
    var previous: Timer?
    var next: Timer?
  }

  /// What `arm` returns and `disarm` takes, once.
  public typealias Timer = UnsafeMutablePointer<Node>

  /// Nanoseconds per slot.
  public static let resolution: Int64 = 8_000_000
  static let slotCount = 512

  private let slots: UnsafeMutablePointer<Timer?>
  /// A bit per slot that may hold timers.
  private let occupied: UnsafeMutablePointer<UInt64>
  /// The last slot time that was looked at.
  private var tick: Int64
  private var free: Timer?
  /// Timers whose deadline has passed and which `expire` has not returned yet: a slot is walked once, however many are due.
  private var due: Timer?
  public private(set) var count = 0

  /// The slot of a timer in `due`.
  private static let dueSlot = -1

  public init(now: Int64) {
    slots = .allocate(capacity: Self.slotCount)
    slots.initialize(repeating: nil, count: Self.slotCount)
    occupied = .allocate(capacity: Self.slotCount / 64)
    occupied.initialize(repeating: 0, count: Self.slotCount / 64)
    tick = now / Self.resolution
  }

  deinit {
    for slot in 0..<Self.slotCount { Self.deallocate(slots[slot]) }
    Self.deallocate(due)
    Self.deallocate(free)
    slots.deallocate()
    occupied.deallocate()
  }

  private static func deallocate(_ list: Timer?) {
    var next = list
    while let node = next {
      next = node.pointee.next
      node.deallocate()
    }
  }

  /// Arms a deadline. `payload` is not retained: disarm before it goes.
  public mutating func arm(_ payload: AnyObject, at deadline: Int64) -> Timer {
    let node: Timer
    if let reused = free {
      free = reused.pointee.next
      node = reused
    } else {
      node = .allocate(capacity: 1)
    }
    // Rounded up, and not in a slot that has been looked at.
    let due = max(deadline / Self.resolution &+ (deadline % Self.resolution > 0 ? 1 : 0), tick &+ 1)
    let slot = Int(truncatingIfNeeded: due & Int64(Self.slotCount - 1))
    node.initialize(
      to: Node(
        deadline: deadline, slot: slot, payload: .passUnretained(payload), previous: nil,
        next: slots[slot]))
    slots[slot]?.pointee.previous = node
    slots[slot] = node
    occupied[slot >> 6] |= 1 << UInt64(slot & 63)
    count &+= 1
    return node
  }

  /// Takes an armed deadline back.
  public mutating func disarm(_ timer: Timer) {
    unlink(timer)
    timer.pointee.next = free
    free = timer
  }

  private mutating func unlink(_ timer: Timer) {
    let slot = timer.pointee.slot
    if let previous = timer.pointee.previous {
      previous.pointee.next = timer.pointee.next
    } else if slot == Self.dueSlot {
      due = timer.pointee.next
    } else {
      slots[slot] = timer.pointee.next
      if timer.pointee.next == nil { occupied[slot >> 6] &= ~(1 << UInt64(slot & 63)) }
    }
    timer.pointee.next?.pointee.previous = timer.pointee.previous
    count &-= 1
  }

  /// When to call `expire` next; nil while nothing is armed.
  public var nextLook: Int64? {
    guard count > 0 else { return nil }
    if due != nil { return tick * Self.resolution }
    var distance = 1
    while distance <= Self.slotCount {
      let slot = Int(truncatingIfNeeded: (tick &+ Int64(distance)) & Int64(Self.slotCount - 1))
      let rest = occupied[slot >> 6] >> UInt64(slot & 63)
      if rest == 0 {
        distance += 64 - slot & 63
      } else {
        distance += rest.trailingZeroBitCount
        return (tick + Int64(distance)) * Self.resolution
      }
    }
    return (tick + Int64(Self.slotCount)) * Self.resolution
  }

  /// Removes one deadline that has passed and returns its payload; nil when there is none left. Call it until then.
  public mutating func expire(now: Int64) -> AnyObject? {
    let current = now / Self.resolution
    if current - tick > Int64(Self.slotCount) { tick = current - Int64(Self.slotCount) }
    while true {
      if let node = due {
        unlink(node)
        let payload = node.pointee.payload.takeUnretainedValue()
        node.pointee.next = free
        free = node
        return payload
      }
      guard tick < current else { return nil }
      tick += 1
      collect(Int(truncatingIfNeeded: tick & Int64(Self.slotCount - 1)), now: now)
    }
  }

  /// Moves what has passed of a slot to `due`.
  private mutating func collect(_ slot: Int, now: Int64) {
    var next = slots[slot]
    while let node = next {
      next = node.pointee.next
      guard node.pointee.deadline <= now else { continue }
      unlink(node)
      node.pointee.slot = Self.dueSlot
      node.pointee.previous = nil
      node.pointee.next = due
      due?.pointee.previous = node
      due = node
      count &+= 1
    }
  }
}
