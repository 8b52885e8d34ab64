/// A copy-on-write box for the fields of a wide or recursive message: one word inline, a copy is one
/// retain. An untouched box allocates nothing and stands for the empty message.
///
/// `@unchecked Sendable`: the value is only written while the reference to its storage is unique.
@frozen public struct CopyOnWrite<Value: WireMessage>: @unchecked Sendable {
  /// The fields stand in the buffer's tail, which unlike a property has no exclusivity checks at run time.
  @usableFromInline final class Storage: ManagedBuffer<Void, BorrowedMessage<Value>> {
    @inlinable static func make(_ value: consuming Value) -> Storage {
      let storage = unsafeDowncast(create(minimumCapacity: 1) { _ in }, to: Storage.self)
      storage.pointer.initialize(to: BorrowedMessage(value))
      return storage
    }

    @inlinable deinit { _ = pointer.deinitialize(count: 1) }

    /// Valid while the storage is.
    @inlinable var pointer: UnsafeMutablePointer<BorrowedMessage<Value>> {
      @inline(__always) get { withUnsafeMutablePointerToElements { $0 } }
    }
  }

  @usableFromInline var storage: Storage?

  @inlinable public init() {}

  /// Whether the value was ever written to.
  @inlinable public var isAllocated: Bool { @inline(__always) get { storage != nil } }

  /// Bytes that the box allocates when it is first written to.
  @inlinable public static var allocationSize: Int { MemoryLayout<Value>.size &+ 16 }

  /// Reading requires `isAllocated`, so that no reader builds an empty value; writing allocates.
  @inlinable public var value: Value {
    @inline(__always) _read {
      guard let storage else { preconditionFailure("an untouched box has no value") }
      yield storage.pointer.pointee.value
    }
    @inline(__always) _modify {
      if storage == nil {
        storage = Storage.make(Value())
      } else if !isKnownUniquelyReferenced(&storage) {
        storage = Storage.make(storage.unsafelyUnwrapped.pointer.pointee.value)
      }
      yield &storage.unsafelyUnwrapped.pointer.pointee.value
    }
  }

  // MARK: Codec

  /// Merges into the boxed fields; the box is charged to the reader's budget when it is first needed.
  @inlinable public mutating func merge(from reader: inout WireReader) throws(DecodingError) {
    if reader.atEnd { return }
    if storage == nil { try reader.charge(Self.allocationSize) }
    try value.merge(from: &reader)
  }

  @inlinable public func byteSize(_ sizes: inout WireSizes) -> Int {
    guard let storage else { return 0 }
    return storage.pointer.pointee.byteSize(&sizes)
  }

  @inlinable public func write(to writer: inout WireWriter) {
    guard let storage else { return }
    storage.pointer.pointee.write(to: &writer)
  }
}

extension CopyOnWrite: Hashable {
  /// An untouched box equals one whose fields all have their defaults.
  @inlinable public static func == (left: Self, right: Self) -> Bool {
    if left.storage === right.storage { return true }
    return (left.isAllocated ? left.value : Value()) == (right.isAllocated ? right.value : Value())
  }

  @inlinable public func hash(into hasher: inout Hasher) {
    (isAllocated ? value : Value()).hash(into: &hasher)
  }
}
