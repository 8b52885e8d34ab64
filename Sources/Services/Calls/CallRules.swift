internal import API
internal import Domain
public import Logging
internal import ProtoWire
internal import RPCCore
public import Store

/// How every call is carried out: who calls, in which transaction, what the caller is told when it
/// fails. The first call with a key is put on record before it is answered. A service's method is `check → store → respond` inside one of these.
public struct CallRules: Sendable {
  let store: Store
  let logger: Logger
  let mapping: StatusMapping
  let authentication: Authentication

  /// `authentication` is the one that calls pass through: it knows when a caller's key has changed.
  public init(store: Store, logger: Logger, authentication: Authentication) {
    self.store = store
    self.logger = logger
    self.authentication = authentication
    mapping = StatusMapping(logger: logger) { store.ids.make() }
  }

  // MARK: Reads

  /// A bounded read, in one consistent view: with an engine in this process on the calling thread and without a suspension.
  /// `body` may run on another thread when the engine is elsewhere.
  nonisolated(nonsending) func read<R: Sendable>(
    _ context: ServerContext, _ body: @Sendable (ReadTransaction, Caller) throws -> R
  ) async throws -> R {
    do {
      let caller = try context.authenticatedCaller()
      if !caller.isKeyUsed { try await noteFirstUse(by: caller, context) }
      return try store.read { db in try body(db, caller) }
    } catch {
      throw mapping.error(error, context)
    }
  }

  /// A page of a list that may have to look at every row, in one consistent view, on the analysis threads.
  func scan<Request: ListRequest, R: Sendable>(
    _ request: Request, _ context: ServerContext,
    _ body: @escaping @Sendable (ReadTransaction, Caller, PageWalk) throws -> R
  ) async throws -> R {
    try await perform(context) { caller in
      let walk = try PageWalk(request, caller, context, store.pageTokens)
      return try await store.scan(for: caller.share) { db in try body(db, caller, walk) }
    }
  }

  /// Anything else, with the same errors: streams, scans, several transactions.
  nonisolated(nonsending) func perform<R>(
    _ context: ServerContext, _ body: nonisolated(nonsending) (Caller) async throws -> R
  ) async throws -> R {
    do {
      let caller = try context.authenticatedCaller()
      if !caller.isKeyUsed { try await noteFirstUse(by: caller, context) }
      return try await body(caller)
    } catch {
      throw mapping.error(error, context)
    }
  }

  /// Once a call: a stream may come here with each of its messages.
  private func noteFirstUse(by caller: Caller, _ context: ServerContext) async throws {
    try await authentication.noteUse(by: caller)
    var noted = caller
    noted.isKeyUsed = true
    context.caller = noted
  }

  // MARK: Streams

  /// Whether the caller of a stream may go on, and `device`, for which it speaks.
  func lease(
    _ caller: Caller, _ context: ServerContext, for device: DeviceID? = nil
  ) -> CallerLease {
    CallerLease(caller, context, self, for: device)
  }

  /// What a client is told when the hub ends its watch.
  func ending(_ context: ServerContext) -> @Sendable (WatchEnd) -> RPCError {
    { [mapping] end in
      let error: StoreError =
        switch end {
        case .compacted(let requested, let oldest):
          .compacted(requested: requested, oldest: oldest)
        case .futureRevision(let requested, let newest):
          .futureRevision(requested: requested, newest: newest)
        case .failed(let text): .failure(text)
        case .closed: .closed
        }
      return mapping.error(error, context)
    }
  }

  // MARK: Changes

  /// One change in the writer's transaction, at most once for a request id.
  ///
  /// A repeated request is answered with what was stored the first time. `validate_only` runs `body`
  /// and rolls it back. `storing` is what is kept of a response for repeats: for one that shows a
  /// secret, the response without it. `replaying` makes the answer to a repeat from what was stored, which its answer replaces.
  /// `body` checks, changes and records its event; it must not wait.
  nonisolated(nonsending) func mutate<Request: MutationRequest, Response: Message>(
    _ request: Request, _ context: ServerContext,
    storing: @escaping @Sendable (Response) -> Response = { $0 },
    replaying: (@Sendable (Mutation, Response) throws -> Response)? = nil,
    _ body: @escaping @Sendable (Mutation) throws -> Response
  ) async throws -> Response {
    try await perform(context) { caller in
      try await mutate(
        request, caller, context.method, storing: storing, replaying: replaying, body)
    }
  }

  /// As above, inside ``perform(_:_:)``.
  nonisolated(nonsending) func mutate<Request: MutationRequest, Response: Message>(
    _ request: Request, _ caller: Caller, _ method: AnyMethodDescriptor,
    storing: @escaping @Sendable (Response) -> Response = { $0 },
    replaying: (@Sendable (Mutation, Response) throws -> Response)? = nil,
    _ body: @escaping @Sendable (Mutation) throws -> Response
  ) async throws -> Response {
    try await decide(
      request, caller, method, storing: storing, replaying: replaying
    ) { .done(try body($0)) }
  }

  /// A change that may be kept although its caller is refused: what `body` wrote before it returned `.refused` is committed like any
  /// other change, and the error is the answer, to repeats of the request too. An error that `body` throws undoes everything.
  nonisolated(nonsending) func decide<Request: MutationRequest, Response: Message>(
    _ request: Request, _ context: ServerContext,
    _ body: @escaping @Sendable (Mutation) throws -> Decision<Response>
  ) async throws -> Response {
    try await perform(context) { caller in
      try await decide(
        request, caller, context.method, storing: { $0 }, replaying: nil, body)
    }
  }

  /// What a repeat of a request is answered with, nil for one that comes for the first time: for changes that need long reads first.
  /// ``mutate(_:_:_:storing:replaying:_:)`` looks again.
  func stored<Request: MutationRequest, Response: Message>(
    _ request: Request, _ caller: Caller, _ method: AnyMethodDescriptor
  ) throws -> Response? {
    guard !request.validateOnly, let key = try key(request, caller, method) else { return nil }
    return try store.response(to: key, bodyDigest: Self.digest(request)).map {
      try Decision<Response>($0).response
    }
  }

  /// Nil for a request without an id.
  private func key<Request: MutationRequest>(
    _ request: Request, _ caller: Caller, _ method: AnyMethodDescriptor
  ) throws -> IdempotencyKey? {
    let requestID = request.requestId
    guard requestID.utf8.count <= 64 else {
      throw ServiceError.invalid(
        field: "request_id", message: "\(requestID.utf8.count) bytes exceed 64")
    }
    guard !requestID.isEmpty else { return nil }
    return IdempotencyKey(
      org: caller.org.rawValue, principal: caller.principal.rawValue, method: method.path,
      requestID: requestID)
  }

  private nonisolated(nonsending) func decide<Request: MutationRequest, Response: Message>(
    _ request: Request, _ caller: Caller, _ method: AnyMethodDescriptor,
    storing: @escaping @Sendable (Response) -> Response,
    replaying: (@Sendable (Mutation, Response) throws -> Response)?,
    _ body: @escaping @Sendable (Mutation) throws -> Decision<Response>
  ) async throws -> Response {
    let key = try key(request, caller, method)
    let requestID = request.requestId
    if request.validateOnly {
      return try await store.rehearse(for: caller.org.rawValue) { tx in
        try body(Mutation(tx: tx, caller: caller, method: method, requestID: requestID)).response
      }
    }
    // Thrown after the commit: within the closure a refusal would undo what it is to keep.
    guard let key else {
      return try await store.write(for: caller.org.rawValue) { tx in
        try body(Mutation(tx: tx, caller: caller, method: method, requestID: ""))
      }.response
    }
    let digest = Self.digest(request)
    return try await store.write(for: caller.org.rawValue) { tx -> Decision<Response> in
      let mutation = Mutation(tx: tx, caller: caller, method: method, requestID: requestID)
      var fresh: Decision<Response>?
      let stored = try tx.idempotent(key, bodyDigest: digest) {
        let decision = try body(mutation)
        fresh = decision
        return IdempotentResponse(decision, storing: storing)
      }
      if let fresh { return fresh }
      let first = try Decision<Response>(stored)
      guard let replaying, case .done(let response) = first else { return first }
      let answer = try replaying(mutation, response)
      try tx.replaceResponse(key, storing(answer).serialized())
      return .done(answer)
    }.response
  }

  /// The SHA-256 of a request without its request id.
  private static func digest(_ request: some MutationRequest) -> [UInt8] {
    var body = request
    body.requestId = ""
    return Fingerprint.sha256(body.serialized(deterministic: true))
  }
}
