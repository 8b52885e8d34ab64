import API

/// The names of the two versions of a rollout.
struct VersionNames: Sendable {
  let from: String
  let to: String

  /// "1.0.0 → 2.0.0".
  var title: String { from.isEmpty ? to : "\(from) → \(to)" }

  init(session: Session, rollout: Rollout) async throws {
    let lookup = Lookup(session: session)
    from =
      rollout.fromVersionId.isEmpty ? "" : try await lookup.version(rollout.fromVersionId).name
    to = try await lookup.version(rollout.toVersionId).name
  }
}
