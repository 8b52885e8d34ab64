/// The compiled statements of a connection by the address of their literal: a table with open addressing, because a lookup stands
/// before every query and hashing an address with the standard library's `Hasher` costs more than all the rest of it.
///
/// Addresses are the binary's own, so nobody can choose them to collide.
@usableFromInline
struct StatementTable {
  /// None before the first statement; then a power of two, at most half of them taken.
  @usableFromInline var slots = UnsafeMutableBufferPointer<Slot>(start: nil, count: 0)
  @usableFromInline private(set) var count = 0

  @usableFromInline
  struct Slot {
    @usableFromInline let address: UInt
    @usableFromInline let length: Int
    /// Nil in a free slot.
    @usableFromInline let statement: CachedStatement?

    @usableFromInline
    init(_ sql: StaticString, _ statement: CachedStatement) {
      address = UInt(bitPattern: sql.utf8Start)
      length = sql.utf8CodeUnitCount
      self.statement = statement
    }

    init() {
      address = 0
      length = 0
      statement = nil
    }
  }

  init() {}

  private static func free(_ count: Int) -> UnsafeMutableBufferPointer<Slot> {
    let slots = UnsafeMutableBufferPointer<Slot>.allocate(capacity: count)
    slots.initialize(repeating: Slot())
    return slots
  }

  @inlinable
  func find(_ sql: StaticString) -> CachedStatement? {
    if slots.isEmpty { return nil }
    let address = UInt(bitPattern: sql.utf8Start)
    var index = Self.start(address) & (slots.count - 1)
    while let statement = slots[index].statement {
      if slots[index].address == address, slots[index].length == sql.utf8CodeUnitCount {
        return statement
      }
      index = (index + 1) & (slots.count - 1)
    }
    return nil
  }

  /// Adds a statement that is not in the table.
  mutating func insert(_ sql: StaticString, _ statement: CachedStatement) {
    if 2 * (count + 1) > slots.count {
      let old = slots
      slots = Self.free(max(128, 2 * old.count))
      for slot in old where slot.statement != nil { place(slot) }
      old.deinitialize()
      old.deallocate()
    }
    place(Slot(sql, statement))
    count += 1
  }

  private func place(_ slot: Slot) {
    var index = Self.start(slot.address) & (slots.count - 1)
    while slots[index].statement != nil { index = (index + 1) & (slots.count - 1) }
    slots[index] = slot
  }

  /// Where the search for an address starts: literals lie close together, the multiplication spreads them.
  @inlinable
  static func start(_ address: UInt) -> Int {
    Int(truncatingIfNeeded: (address &* 0x9E37_79B9_7F4A_7C15) >> 32)
  }

  /// Forgets every statement.
  mutating func removeAll() {
    for index in slots.indices { slots[index] = Slot() }
    count = 0
  }

  /// Gives the memory back; the table must not be used again.
  func deallocate() {
    slots.deinitialize()
    slots.deallocate()
  }
}
