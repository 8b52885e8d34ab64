internal import API
internal import Domain
internal import ProtoWire
internal import RPCCore
internal import Store

/// What every resource has in common. Requests and answers are envelopes: whatever the field is called, it is their content.
extension CallRules {
  // MARK: Reads

  /// Answers with the resource of an id of the caller's org; NOT_FOUND when there is none.
  nonisolated(nonsending) func get<R: Resource, Reply: Envelope<R.Wire>>(
    _ resource: R, _ id: String, _ context: ServerContext
  ) async throws -> Reply {
    try await read(context) { db, caller in
      Reply(try resource.wire(try resource.require(id, caller, db), db))
    }
  }

  /// Answers with a page of the caller's org.
  ///
  /// On the calling thread when no more than a thousand rows can match, else on the scan threads. A page has a bound in rows and
  /// in bytes, its total one of ``Listing/countLimit``.
  nonisolated(nonsending) func list<
    R: Resource, Request: ListRequest, Reply: ListResponse & ListEnvelope<R.Wire>
  >(
    _ resource: R, _ request: Request, _ context: ServerContext,
    where conditions: @escaping @Sendable (Caller, ReadTransaction) throws -> [Condition<R.Value>] =
      { _, _ in [] }
  ) async throws -> Reply {
    try await perform(context) { caller in
      let walk = try PageWalk(request, caller, context, store.pageTokens)
      let org = resource.listed(caller)
      @Sendable func page(
        _ conditions: [Condition<R.Value>], _ db: ReadTransaction
      ) throws -> Listing<R.Wire> {
        try Rows<R.Value>(db).list(walk.page, org: org, conditions) { value in
          let wire = try resource.wire(value, db)
          return (wire, wire.encodedSize)
        }
      }
      let short =
        resource.isListedBeside
        ? nil
        : try store.read { db in
          let conditions = try conditions(caller, db)
          return try Rows<R.Value>(db).isShort(org: org, conditions)
            ? try page(conditions, db) : nil
        }
      let listing =
        if let short { short } else {
          try await store.scan(for: caller.share) { db in try page(try conditions(caller, db), db) }
        }
      var answer = Reply()
      answer.items = listing.items
      walk.finish(&answer, listing)
      return answer
    }
  }

  // MARK: Changes

  /// Stores a new resource. ALREADY_EXISTS when a sibling has its name.
  nonisolated(nonsending) func create<
    R: EditableResource, Request: MutationRequest & Envelope<R.Wire>, Reply: Envelope<R.Wire>
  >(
    _ resource: R, _ request: Request, _ context: ServerContext
  ) async throws -> Reply {
    try await mutate(request, context) { mutation in
      let value = try resource.new(request.content ?? R.Wire(), mutation)
      return Reply(try mutation.insert(value, resource))
    }
  }

  /// Changes the fields of a resource that the request's mask names, or that it populates when it has none.
  nonisolated(nonsending) func update<
    R: EditableResource, Request: UpdateRequest & Envelope<R.Wire>, Reply: Envelope<R.Wire>
  >(
    _ resource: R, _ request: Request, _ context: ServerContext
  ) async throws -> Reply {
    try await mutate(request, context) { mutation in
      let wanted = request.content ?? R.Wire()
      let before = try mutation.require(resource, wanted.id, etag: request.etag)
      let mask = try R.fields(of: request.updateMask, wanted)
      var value = before
      for change in R.changes where mask?.changes(change.path) ?? change.isPopulated(wanted) {
        try change.apply(&value, wanted, resource.kind)
      }
      try resource.check(value, replacing: before, mutation)
      return Reply(try mutation.save(value, resource, "updated", replacing: before))
    }
  }

  /// Archives a resource or takes it back; one that is so already stays as it is.
  nonisolated(nonsending) func archive<
    R: Resource, Request: ArchiveRequest, Reply: Envelope<R.Wire>
  >(
    _ resource: R, _ request: Request, _ id: String, _ context: ServerContext
  ) async throws -> Reply where R.Value: Archivable {
    try await mutate(request, context) { mutation in
      let before = try mutation.require(resource, id, etag: request.etag)
      guard (before.archivedAt == nil) != request.restore else {
        return Reply(try resource.wire(before, mutation.tx))
      }
      var value = before
      value.archivedAt = request.restore ? nil : mutation.now
      return Reply(
        try mutation.save(
          value, resource, request.restore ? "restored" : "archived", replacing: before))
    }
  }

  /// Removes a resource unless `check` refuses. `check` may remove what belongs to it.
  nonisolated(nonsending) func delete<R: Resource, Request: ConditionalRequest, Reply: Message>(
    _ resource: R, _ request: Request, _ id: String, _ context: ServerContext,
    check: @escaping @Sendable (R.Value, Mutation) throws -> Void
  ) async throws -> Reply {
    try await mutate(request, context) { mutation in
      let value = try mutation.require(resource, id, etag: request.etag)
      try check(value, mutation)
      try mutation.delete(value, resource)
      return Reply()
    }
  }
}

extension WireMessage {
  /// Bytes of the message on the wire.
  var encodedSize: Int {
    var sizes = WireSizes()
    return byteSize(&sizes)
  }
}

extension Envelope {
  /// One that carries `content` and nothing else.
  fileprivate init(_ content: Content) {
    self.init()
    self.content = content
  }
}

extension EditableResource {
  /// A new value with everything a caller wants of it.
  func new(_ wanted: Wire, _ mutation: Mutation) throws -> Value {
    var value = try make(wanted, mutation)
    for change in Self.changes { try change.apply(&value, wanted, kind) }
    return value
  }

  /// The fields that a mask names; nil when there is none.
  fileprivate static func fields(
    of mask: Google_Protobuf_FieldMask?, _ wanted: Wire
  ) throws(ServiceError) -> FieldMaskUpdate? {
    guard let mask, !mask.paths.isEmpty else { return nil }
    return try FieldMaskUpdate(mask, fields: changes.map { ($0.path, $0.isPopulated(wanted)) })
  }
}

extension Mutation {
  /// The caller's resource of an id, when it is what the caller read: NOT_FOUND, or ABORTED when the etag is another one. An
  /// empty etag was not given.
  func require<R: Resource>(_ resource: R, _ id: String, etag: String) throws -> R.Value {
    let value = try resource.require(id, caller, tx)
    try Etag.check(etag, resource.kind, value.id.rawValue, revision: value.revision)
    return value
  }

  /// Stores a new value and logs it: in the caller's log unless `log` names another org's.
  @discardableResult
  func insert<R: Resource>(
    _ value: R.Value, _ resource: R, _ verb: String = "created", detail: EventDetail? = nil,
    log: OrgID? = nil,
    by insert: (Rows<R.Value>, R.Value) throws -> Void = { try $0.insert($1) }
  ) throws -> R.Wire {
    var value = value
    value.stamp(now: now, revision: try nextRevision())
    try named(value, resource) { try insert(Rows(tx), value) }
    let after = try resource.wire(value, tx)
    try record(
      verb, resource.kind, id: value.id.rawValue, parent: resource.parent(of: value),
      after: Self.digest(after), payload: detail?.payload ?? [], org: log)
    return after
  }

  /// Stores a changed value and logs the change.
  @discardableResult
  func save<R: Resource>(
    _ value: R.Value, _ resource: R, _ verb: String, replacing before: R.Value,
    detail: EventDetail? = nil
  ) throws -> R.Wire {
    let old = Self.digest(try resource.wire(before, tx))
    var value = value
    value.stamp(now: now, revision: try nextRevision())
    try named(value, resource) { try Rows(tx).update(value) }
    let after = try resource.wire(value, tx)
    try record(
      verb, resource.kind, id: value.id.rawValue, parent: resource.parent(of: value), before: old,
      after: Self.digest(after), payload: detail?.payload ?? [], org: value.org)
    return after
  }

  /// Removes a value and logs that.
  func delete<R: Resource>(_ value: R.Value, _ resource: R) throws {
    let old = Self.digest(try resource.wire(value, tx))
    try Rows<R.Value>(tx).delete(value.id, org: value.org)
    try record(
      "deleted", resource.kind, id: value.id.rawValue, parent: resource.parent(of: value),
      before: old, org: value.org)
  }

  /// Turns the schema's refusal of a second sibling of a name into ALREADY_EXISTS.
  private func named<R: Resource>(
    _ value: R.Value, _ resource: R, _ store: () throws -> Void
  ) throws {
    do {
      try store()
    } catch let error as StoreError where Rows<R.Value>.isNameTaken(error) {
      throw ServiceError.alreadyExists(resource.kind, name: resource.name(of: value))
    }
  }
}
