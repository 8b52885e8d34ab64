/// A copy-on-write box for the fields of a wide or recursive message: one word inline, a copy is one
/// retain. An untouched box allocates nothing and reads as the default value.
@frozen public struct CopyOnWrite<Value: Sendable & Hashable & Defaultable>: Sendable {
  /// `@unchecked Sendable`: `value` is only written while the reference is unique.
  @usableFromInline final class Storage: @unchecked Sendable {
    @exclusivity(unchecked) @usableFromInline var value: Value
    @inlinable init(_ value: consuming Value) { self.value = value }
  }

  @usableFromInline var storage: Storage?

  @inlinable public init() {}

  /// Bytes that the box allocates when first written.
  @inlinable public static var allocationSize: Int { MemoryLayout<Value>.size &+ 16 }
  @inlinable public var isAllocated: Bool { storage != nil }

  @inlinable public var value: Value {
    @inline(__always) _read {
      if let storage {
        yield storage.value
      } else {
        yield Value()
      }
    }
    @inline(__always) _modify {
      if storage == nil {
        storage = Storage(Value())
      } else if !isKnownUniquelyReferenced(&storage) {
        storage = Storage(storage.unsafelyUnwrapped.value)
      }
      yield &storage.unsafelyUnwrapped.value
    }
  }
}

/// A type with a natural default: what the fields of a boxed message are.
public protocol Defaultable {
  init()
}

extension CopyOnWrite: Hashable {
  @inlinable public static func == (left: Self, right: Self) -> Bool {
    left.storage === right.storage || left.value == right.value
  }
  @inlinable public func hash(into hasher: inout Hasher) { value.hash(into: &hasher) }
}
