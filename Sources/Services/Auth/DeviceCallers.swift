internal import Domain
internal import Synchronization

/// The devices that called with secrets of their own, by the SHA-256 of the secret, so that a call costs no query.
///
/// There are as many of them as devices, and each may rotate its secret: a change concerns one device and nobody else. What was looked
/// up while something changed is not kept.
final class DeviceCallers: Sendable {
  private struct State {
    var callers: [CredentialCache.Digest: Caller] = [:]
    /// At most two for each device.
    var digests: [DeviceID: [CredentialCache.Digest]] = [:]
    var changes: UInt64 = 0
    /// Changes by the device's hash: a stream compares its device's number, and asks again when it has moved.
    var changesBySlot = [UInt64](repeating: 0, count: DeviceCallers.slots)
  }

  private static let slots = 4_096

  private let state = Mutex(State())
  private let limit: Int

  init(limit: Int = 65_536) { self.limit = limit }

  /// The caller behind a secret where it is known, and the number that ``insert(_:_:after:)`` wants back.
  func find(_ digest: CredentialCache.Digest) -> (caller: Caller?, changes: UInt64) {
    state.withLock { ($0.callers[digest], $0.changes) }
  }

  /// Keeps a caller unless something changed since it was looked up.
  func insert(_ digest: CredentialCache.Digest, _ caller: Caller, after changes: UInt64) {
    guard let device = caller.device?.id else { return }
    state.withLock { state in
      guard state.changes == changes, state.callers[digest] == nil else { return }
      if state.callers.count >= limit {
        state.callers.removeAll(keepingCapacity: true)
        state.digests.removeAll(keepingCapacity: true)
      }
      state.callers[digest] = caller
      state.digests[device, default: []].append(digest)
    }
  }

  /// Forgets a device. Call it after the commit of the change of its secrets, before that is acknowledged.
  func forget(_ device: DeviceID) {
    state.withLock { state in
      state.changes += 1
      state.changesBySlot[Self.slot(device)] += 1
      for digest in state.digests.removeValue(forKey: device) ?? [] { state.callers[digest] = nil }
    }
  }

  /// Grows whenever the device's secrets change, and rarely else.
  func changes(of device: DeviceID) -> UInt64 {
    state.withLock { $0.changesBySlot[Self.slot(device)] }
  }

  private static func slot(_ device: DeviceID) -> Int {
    Int(UInt(bitPattern: device.hashValue) % UInt(slots))
  }
}
