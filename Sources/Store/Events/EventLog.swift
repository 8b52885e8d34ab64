internal import SQL

/// Reads the event log: pages for watches, lists for the audit, and the log's two ends.
public struct EventLog {
  let db: Connection

  public init(_ transaction: ReadTransaction) { db = transaction.connection }
  init(connection: Connection) { db = connection }

  /// The newest revision this transaction sees; 0 when nothing ever happened.
  public func head() throws -> Int64 {
    // The newest event may itself be compacted away; its revision is then the floor.
    max(
      try db.first("SELECT max(revision) FROM events") { row in
        try row.get(0, as: Int64?.self)
      }.flatMap { $0 } ?? 0, try floor())
  }

  /// The newest compacted revision: watches can resume from it, not from an older one.
  public func floor() throws -> Int64 {
    try db.first("SELECT revision FROM event_floor WHERE id = 1") { try $0[0] } ?? 0
  }

  /// The newest revision, after checking that a watch could resume from `revision`; 0 always can, it begins anew.
  ///
  /// Fails with `.compacted` and `.futureRevision` as the watch itself would.
  public func resumable(from revision: Int64) throws -> Int64 {
    let (oldest, newest) = (try floor(), try head())
    guard revision != 0 else { return newest }
    guard revision >= oldest else {
      throw StoreError.compacted(requested: revision, oldest: oldest)
    }
    guard revision <= newest else {
      throw StoreError.futureRevision(requested: revision, newest: newest)
    }
    return newest
  }

  /// Events after `revision`, oldest first; of one org, or of all when `org` is nil.
  public func page(after revision: Int64, org: String?, limit: Int) throws -> [LoggedEvent] {
    guard let org else {
      return try db.all(
        """
        SELECT revision, created_at_ms, chain_hash, org, kind, resource_type, resource_id,
          parent_id, actor, method, request_id, before_digest, after_digest, payload
        FROM events WHERE revision > $1 ORDER BY revision LIMIT $2
        """, revision, limit, map: Self.event)
    }
    return try db.all(
      """
      SELECT revision, created_at_ms, chain_hash, org, kind, resource_type, resource_id,
        parent_id, actor, method, request_id, before_digest, after_digest, payload
      FROM events WHERE org = $1 AND revision > $2 ORDER BY revision LIMIT $3
      """, org, revision, limit, map: Self.event)
  }

  /// Events of some resources of an org, and of their children, after `revision`, oldest first: at most about `limit`, found by the
  /// resources' ids whatever else happened. `through` is the revision up to which that is all; nil: to the log's end.
  func page(
    after revision: Int64, org: String, resources: Set<String>, limit: Int
  ) throws -> (events: [LoggedEvent], through: Int64?) {
    let part = max(16, limit / (2 * max(1, resources.count)))
    var found: [LoggedEvent] = []
    var through: Int64?
    func take(_ rows: [LoggedEvent]) {
      found += rows
      if rows.count == part, let last = rows.last?.revision {
        through = min(through ?? last, last)
      }
    }
    for resource in resources {
      take(
        try db.all(
          """
          SELECT revision, created_at_ms, chain_hash, org, kind, resource_type, resource_id,
            parent_id, actor, method, request_id, before_digest, after_digest, payload
          FROM events WHERE org = $1 AND resource_id = $2 AND revision > $3
          ORDER BY revision LIMIT $4
          """, org, resource, revision, part, map: Self.event))
      take(
        try db.all(
          """
          SELECT revision, created_at_ms, chain_hash, org, kind, resource_type, resource_id,
            parent_id, actor, method, request_id, before_digest, after_digest, payload
          FROM events WHERE org = $1 AND parent_id = $2 AND parent_id <> '' AND revision > $3
          ORDER BY revision LIMIT $4
          """, org, resource, revision, part, map: Self.event))
    }
    found.sort { $0.revision < $1.revision }
    var events: [LoggedEvent] = []
    // A child that is named too was found twice.
    for event in found
    where event.revision <= through ?? .max && event.revision != events.last?.revision {
      events.append(event)
    }
    return (events, through)
  }

  /// The hash that the oldest kept event of `org` was chained to.
  public func anchor(org: String) throws -> [UInt8] {
    try db.first("SELECT chain_hash FROM event_anchors WHERE org = $1", org) { try $0[0] }
      ?? EventChain.start
  }

  /// The hash of the newest event of `org`, which the next one is chained to.
  func chainHead(org: String) throws -> [UInt8] {
    if let newest: [UInt8] = try db.first(
      "SELECT chain_hash FROM events WHERE org = $1 ORDER BY revision DESC LIMIT 1", org,
      map: { try $0[0] })
    {
      return newest
    }
    return try db.first(
      "SELECT chain_hash FROM event_anchors WHERE org = $1", org,
      map: { try $0[0] }) ?? EventChain.start
  }

  static func event(_ row: Row) throws(SQLError) -> LoggedEvent {
    LoggedEvent(
      revision: try row[0], createdAtMilliseconds: try row[1], chainHash: try row[2],
      event: NewEvent(
        org: try row[3], kind: try row[4], resourceType: try row[5], resourceID: try row[6],
        parentID: try row[7], actor: try row[8], method: try row[9], requestID: try row[10],
        beforeDigest: try row[11], afterDigest: try row[12], payload: try row[13]))
  }
}

extension EventLog {
  private static let insertion = SQLText(
    """
    INSERT INTO events (revision, org, kind, resource_type, resource_id, parent_id, actor, method,
      request_id, before_digest, after_digest, payload, created_at_ms, chain_hash)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
    """)

  /// Appends one event. Called by `WriteTransaction` only, which owns revisions and chain heads.
  static func insert(_ logged: LoggedEvent, into db: Connection) throws(SQLError) {
    try db.execute(insertion) { parameters throws(SQLError) in
      try parameters.add(logged.revision)
      try parameters.add(logged.event.org)
      try parameters.add(logged.event.kind)
      try parameters.add(logged.event.resourceType)
      try parameters.add(logged.event.resourceID)
      try parameters.add(logged.event.parentID)
      try parameters.add(logged.event.actor)
      try parameters.add(logged.event.method)
      try parameters.add(logged.event.requestID)
      try parameters.add(logged.event.beforeDigest)
      try parameters.add(logged.event.afterDigest)
      try parameters.add(logged.event.payload)
      try parameters.add(logged.createdAtMilliseconds)
      try parameters.add(logged.chainHash)
    }
  }

  /// Removes events up to and including `revision`, at most `limit` of them, and keeps the anchors.
  /// Returns how many were removed; call again while that equals `limit`.
  static func compact(through revision: Int64, limit: Int, in db: Connection) throws
    -> Int
  {
    let last: Int64? = try db.first(
      """
      SELECT max(revision) FROM
        (SELECT revision FROM events WHERE revision <= $1 ORDER BY revision LIMIT $2) AS oldest
      """, revision, limit, map: { row in try row.get(0, as: Int64?.self) }
    )
    .flatMap { $0 }
    guard let last else { return 0 }
    try db.execute(
      """
      INSERT INTO event_anchors (org, revision, chain_hash)
      SELECT org, revision, chain_hash FROM events WHERE revision IN
        (SELECT max(revision) FROM events WHERE revision <= $1 GROUP BY org)
      ON CONFLICT (org) DO UPDATE
      SET revision = excluded.revision, chain_hash = excluded.chain_hash
      """, last)
    let removed = try db.execute("DELETE FROM events WHERE revision <= $1", last)
    try db.execute("UPDATE event_floor SET revision = $1 WHERE id = 1 AND revision < $1", last)
    return removed
  }

  /// As above, by time: events up to the newest one made before `cutoff` (milliseconds since 1970).
  /// Revisions, not times, are in order: an older event behind a newer one is kept with it.
  ///
  /// What a clock that was ahead has stamped later than `now` is as old as what comes after it.
  @discardableResult
  static func compact(
    createdBefore cutoff: Int64, now: Int64, limit: Int, in db: Connection
  ) throws -> Int {
    // The oldest kept event bounds the removal, so nothing young is removed with the old.
    var kept = try db.first(
      """
      SELECT revision, created_at_ms FROM events WHERE revision IN
        (SELECT revision FROM events ORDER BY revision LIMIT $2) AND created_at_ms >= $1
      ORDER BY revision LIMIT 1
      """, cutoff, limit
    ) { (revision: try $0.get(0, as: Int64.self), createdAt: try $0.get(1, as: Int64.self)) }
    if let ahead = kept, ahead.createdAt > now + stampsAhead {
      let next = try db.first(
        """
        SELECT revision, created_at_ms FROM events WHERE revision IN
          (SELECT revision FROM events WHERE revision > $1 ORDER BY revision LIMIT $4)
          AND created_at_ms >= $2 AND created_at_ms <= $3
        ORDER BY revision LIMIT 1
        """, ahead.revision, cutoff, now + stampsAhead, lookAhead
      ) { (revision: try $0.get(0, as: Int64.self), createdAt: try $0.get(1, as: Int64.self)) }
      kept = next ?? ahead
    }
    return try compact(through: (kept?.revision ?? .max) - 1, limit: limit, in: db)
  }

  /// How far a stamp may lie ahead of the age clock, in milliseconds: that lags behind a little, and long after a server that was off.
  private static let stampsAhead: Int64 = 24 * 3_600 * 1_000
  /// Events that are looked through for one whose stamp is to be believed. More, made while the clock was ahead, stay until their
  /// stamps are old.
  private static let lookAhead = 10_000
}
