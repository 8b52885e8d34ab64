@testable import Store

extension Store {
  /// Removes events up to and including `revision`, as retention does when they are that old.
  func compact(through revision: Int64) async throws {
    _ = try await write { transaction in
      try EventLog.compact(
        through: min(revision, transaction.head), limit: .max, in: transaction.connection)
    }
  }
}
