internal import SQL

/// The writer's transaction, during one closure of `store.write`.
///
/// Its state is the writer thread's alone and never touched twice at a time, so nothing checks that
/// at run time.
public final class WriteTransaction: ReadTransaction {
  /// Milliseconds since 1970 when the closure started: the time of everything it writes.
  @exclusivity(unchecked) public internal(set) var nowMilliseconds: Int64 = 0
  let ids: IDGenerator
  let clocks: StoreClocks

  /// The revision of the last appended event, committed or not.
  @exclusivity(unchecked) private(set) var head: Int64 = 0
  /// Each org's chain, as far as this process appended to any.
  @exclusivity(unchecked) private var chains: [String: OrgChain] = [:]
  /// The chain that grew last: what a batch appends goes mostly to one.
  @exclusivity(unchecked) private var latest: (org: String, chain: OrgChain)?
  /// Events of the batch that is not yet committed.
  @exclusivity(unchecked) private var pending: [LoggedEvent] = []
  /// What the running closure replaced in `chains`, newest last.
  @exclusivity(unchecked) private var undo: [(chain: OrgChain, hash: [UInt8])] = []
  /// The orgs whose chains the running closure was the first to need: of one that it made and that is undone nothing stays.
  @exclusivity(unchecked) private var added: [String] = []
  @exclusivity(unchecked) private var mark = (head: Int64(0), pending: 0)
  /// What the chain's hash is made of, kept for its memory.
  @exclusivity(unchecked) private var hashed: [UInt8] = []

  /// Whether the database has an event log.
  private let logsEvents: Bool

  init(
    _ connection: Connection, ids: IDGenerator, clocks: StoreClocks,
    logsEvents: Bool = true
  ) {
    self.ids = ids
    self.logsEvents = logsEvents
    self.clocks = clocks
    super.init(connection)
  }

  public override var isWriting: Bool { true }

  /// A new UUIDv7, greater than every one before.
  public func makeID() -> String { ids.make() }

  /// Appends to the event log; watchers see it after the commit. Returns the event's revision,
  /// which is final if this closure's transaction commits.
  @discardableResult
  public func append(_ event: NewEvent) throws -> Int64 {
    let chain = try chain(of: event.org)
    let revision = head + 1
    let logged = LoggedEvent(
      revision: revision, createdAtMilliseconds: nowMilliseconds,
      chainHash: EventChain.hash(
        after: chain.head, revision: revision, createdAtMilliseconds: nowMilliseconds, event,
        in: &hashed),
      event: event)
    try EventLog.insert(logged, into: connection)
    undo.append((chain, chain.head))
    chain.head = logged.chainHash
    head = revision
    pending.append(logged)
    return revision
  }

  private func chain(of org: String) throws -> OrgChain {
    if let latest, latest.org == org { return latest.chain }
    let chain: OrgChain
    if let known = chains[org] {
      chain = known
    } else {
      chain = OrgChain(head: try EventLog(self).chainHead(org: org))
      chains[org] = chain
      added.append(org)
    }
    latest = (org, chain)
    return chain
  }

  /// The newest revision, including events this closure appended.
  public override func revision() throws -> Int64 { head }

  // MARK: The writer's side

  func begin(nowMilliseconds: Int64) {
    self.nowMilliseconds = nowMilliseconds
    mark = (head, pending.count)
    undo.removeAll(keepingCapacity: true)
    added.removeAll(keepingCapacity: true)
    // Between two closures, so that what undoing sets is what is looked at later.
    if chains.count >= 10_000 { forgetChains() }
  }

  /// The closure was rolled back: its revisions are free again.
  func rollBack() {
    head = mark.head
    pending.removeSubrange(mark.pending...)
    for (chain, hash) in undo.reversed() { chain.head = hash }
    undo.removeAll(keepingCapacity: true)
    guard !added.isEmpty else { return }
    for org in added { chains[org] = nil }
    latest = nil
    added.removeAll(keepingCapacity: true)
  }

  /// The batch is durable: hands over its events.
  func takeCommitted() -> [LoggedEvent] {
    defer { pending.removeAll(keepingCapacity: true) }
    return pending
  }

  /// The batch is gone or its fate unknown: everything remembered is read again.
  func reload() throws {
    pending.removeAll()
    forgetChains()
    undo.removeAll()
    added.removeAll()
    if logsEvents { head = try EventLog(self).head() }
  }

  private func forgetChains() {
    chains.removeAll()
    latest = nil
  }
}

/// One org's chain of events.
private final class OrgChain {
  /// The hash of the newest event, committed or not.
  @exclusivity(unchecked) var head: [UInt8]

  init(head: [UInt8]) { self.head = head }
}
