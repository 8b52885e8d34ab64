internal import Domain
internal import Synchronization

/// Whether keys of role device, which a whole fleet shares, still speak for devices.
public enum SharedKeys: Sendable, Hashable {
  /// For those that never called with a key of their own.
  case accepted
  /// For none.
  case refused
}

/// The principals whose shared keys the log has named.
final class NotedPrincipals: Sendable {
  /// Beyond it nobody is noted any more.
  private static let limit = 1_000

  private let known = Mutex<Set<PrincipalID>>([])

  /// Whether a principal is new.
  func insert(_ principal: PrincipalID) -> Bool {
    known.withLock { $0.count < Self.limit && $0.insert(principal).inserted }
  }
}
