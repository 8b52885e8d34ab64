/// An event with its place in the log.
public struct LoggedEvent: Sendable, Hashable {
  /// Position in the one log of all orgs: unique and increasing, also over restarts and compaction.
  public let revision: Int64
  /// Milliseconds since 1970 by the writer's clock; not necessarily increasing.
  public let createdAtMilliseconds: Int64
  /// See `EventChain`.
  public let chainHash: [UInt8]
  public let event: NewEvent

  public init(
    revision: Int64, createdAtMilliseconds: Int64, chainHash: [UInt8], event: NewEvent
  ) {
    self.revision = revision
    self.createdAtMilliseconds = createdAtMilliseconds
    self.chainHash = chainHash
    self.event = event
  }
}
