public import Domain
public import Store

/// Forgets what devices had installed that is over for a month: removed, or of a deployment that is archived or killed. Without it a
/// device's rows grew with every deployment that it ever saw.
///
/// Who still runs such a version and says so is written down again, once a month.
public struct InstallationSweep: Job {
  /// Installations looked at in one read, and forgotten in one transaction.
  private static let (looks, step) = (2_000, 200)
  private static let kept: Duration = .seconds(30 * 86_400)

  public let name = "installation sweep"
  public let period: Duration
  private let store: Store

  public init(store: Store, period: Duration = .seconds(6 * 3_600)) {
    self.store = store
    self.period = period
  }

  public func run(now: Timestamp) async throws {
    let before = now + (.zero - Self.kept)
    var next: Installations.Key?
    repeat {
      try Task.checkCancellation()
      let found = try store.read { [next] in
        try Installations($0).over(after: next, changedBefore: before, limit: Self.looks)
      }
      for start in stride(from: 0, to: found.over.count, by: Self.step) {
        let part = found.over[start..<min(start + Self.step, found.over.count)]
        try await store.write { tx in
          // Again within the transaction: the device may have reported in between.
          for key in part { _ = try Installations(tx).forget(key, changedBefore: before) }
        }
      }
      next = found.next
    } while next != nil
  }
}
