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
    var path: [UInt8]
    var method: RegisteredMethod
  }

  private var slots: [Slot?]
  private let mask: UInt64

  init(_ methods: [RegisteredMethod]) throws(Problem) {
    var size = 16
    while size < methods.count * 4 { size *= 2 }
    mask = UInt64(size - 1)
    slots = Array(repeating: nil, count: size)
    for method in methods {
      let path = Array(method.descriptor.path.utf8)
      let hash = path.withUnsafeBytes { Self.hash($0) }
      var index = hash & mask
      while let taken = slots[Int(index)] {
        if taken.path == path { throw .duplicate(path: method.descriptor.path) }
        index = (index + 1) & mask
      }
      slots[Int(index)] = Slot(hash: hash, path: path, method: method)
    }
  }

  /// The method of a path; nil when there is none.
  func find(_ path: UnsafeRawBufferPointer) -> RegisteredMethod? {
    let hash = Self.hash(path)
    var index = hash & mask
    return slots.withUnsafeBufferPointer { slots in
      while true {
        guard let method = Self.method(slots, Int(index), hash, path) else {
          if slots[Int(index)] == nil { return nil }
          index = (index + 1) & mask
          continue
        }
        return method
      }
    }
  }

  private static func method(
    _ slots: UnsafeBufferPointer<Slot?>, _ index: Int, _ hash: UInt64,
    _ path: UnsafeRawBufferPointer
  ) -> RegisteredMethod? {
    guard let slot = slots[index], slot.hash == hash, slot.path.count == path.count,
      slot.path.elementsEqual(path)
    else { return nil }
    return slot.method
  }

  /// FNV-1a over eight bytes at a time.
  private static func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325 ^ UInt64(bytes.count)
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
