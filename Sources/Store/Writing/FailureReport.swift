internal import Synchronization

/// Tells of work that nobody awaits: once when it begins to fail and once when it succeeds again, however often it is tried.
final class FailureReport: Sendable {
  private let failure = Mutex<String?>(nil)
  private let report: @Sendable (String?) -> Void

  /// `report` gets why, and nil once the work succeeds again.
  init(_ report: @escaping @Sendable (String?) -> Void) { self.report = report }

  /// The outcome of an attempt; nil is success.
  func note(_ error: (any Error)?) {
    let text = error.map { "\($0)" }
    let hasChanged = failure.withLock { failure in
      defer { failure = text }
      return (failure == nil) != (text == nil)
    }
    if hasChanged { report(text) }
  }
}
