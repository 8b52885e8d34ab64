import RPCCore

/// Finds methods by the bytes of their path: one hash and one comparison, no `String`.
final class Router: @unchecked Sendable {
  // Unchecked: the tables are filled in `init` and only read afterwards.

  /// Why services cannot be served together.
  enum Problem: Error, Hashable, CustomStringConvertible {
    case duplicate(path: String)

    var description: String {
      switch self {
      case .duplicate(let path): "method \(path) is registered twice"
      }
    }
  }

  private struct Slot {
    var hash: UInt64
    /// Where the path lies in `paths`.
    var offset: Int
    var count: Int
    /// nil: the slot is free. `methods` keeps it.
    var method: Unmanaged<ServedMethod>?
  }

  private let methods: [ServedMethod]
  private let paths: UnsafeMutableRawBufferPointer
  private let slots: UnsafeMutablePointer<Slot>
  private let mask: Int

  init(_ methods: [ServedMethod]) throws(Problem) {
    self.methods = methods
    var size = 16
    while size < methods.count * 4 { size *= 2 }
    mask = size - 1
    slots = .allocate(capacity: size)
    slots.initialize(
      repeating: Slot(hash: 0, offset: 0, count: 0, method: nil), count: size)
    let all = methods.flatMap { $0.descriptor.path.utf8 }
    paths = .allocate(byteCount: max(1, all.count), alignment: 1)
    paths.copyBytes(from: all)
    var offset = 0
    for method in methods {
      let count = method.descriptor.path.utf8.count
      let path = UnsafeRawBufferPointer(rebasing: paths[offset..<offset + count])
      let hash = Self.hash(path)
      guard let slot = slot(path, hash) else {
        throw .duplicate(path: method.descriptor.path)
      }
      slots[slot] = Slot(
        hash: hash, offset: offset, count: count, method: .passUnretained(method))
      offset += count
    }
  }

  deinit {
    slots.deallocate()
    paths.deallocate()
  }

  /// The free slot for a new path; nil when the path is there.
  private func slot(_ path: UnsafeRawBufferPointer, _ hash: UInt64) -> Int? {
    var index = Int(truncatingIfNeeded: hash) & mask
    while slots[index].method != nil {
      if matches(slots[index], path, hash) { return nil }
      index = (index + 1) & mask
    }
    return index
  }

  /// The method of a path; nil when there is none.
  func find(_ path: UnsafeRawBufferPointer) -> ServedMethod? {
    let hash = Self.hash(path)
    var index = Int(truncatingIfNeeded: hash) & mask
    while let method = slots[index].method {
      if matches(slots[index], path, hash) { return method.takeUnretainedValue() }
      index = (index + 1) & mask
    }
    return nil
  }

  private func matches(_ slot: Slot, _ path: UnsafeRawBufferPointer, _ hash: UInt64) -> Bool {
    slot.hash == hash && slot.count == path.count
      && UnsafeRawBufferPointer(rebasing: paths[slot.offset..<slot.offset + slot.count])
        .elementsEqual(path)
  }

  /// A multiplicative hash over eight bytes at a time.
  private static func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var hash = 0xcbf2_9ce4_8422_2325 ^ UInt64(bytes.count)
    var offset = 0
    while offset + 8 <= bytes.count {
      hash =
        (hash ^ bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        &* 0x9e37_79b9_7f4a_7c15
      hash ^= hash >> 29
      offset += 8
    }
    while offset < bytes.count {
      hash = (hash ^ UInt64(bytes[offset])) &* 0x100_0000_01b3
      offset += 1
    }
    return hash ^ hash >> 32
  }
}
