import Framing
import HTTP2
import Logging
import RPCCore
import Transport

/// The calls of one connection: turns the session's events into calls, and answers what is not gRPC.
final class ConnectionCalls: ServerConnectionOwner {
  private let server: ServerCore
  @exclusivity(unchecked) private var metadata = ByteQueue()
  /// Holds responses back while too many bytes of them wait for the client.
  let gate = OutputGate()
  /// Bytes of large responses that wait for the client.
  @exclusivity(unchecked) private var waitingBytes = 0
  /// On whose account the gate was closed.
  @exclusivity(unchecked) private var gateAccount: Account?
  /// The account of the client's address, and of the principal that called last.
  @exclusivity(unchecked) private var network: Account?
  @exclusivity(unchecked) private var principal: (name: String, account: Account)?
  /// The server goes: what would wait for something to happen ends.
  @exclusivity(unchecked) private(set) var isDraining = false
  /// Open streams of the methods that have a limit of them.
  @exclusivity(unchecked) private var openStreams: [ObjectIdentifier: Int] = [:]

  init(_ server: ServerCore) { self.server = server }

  func handle(_ event: SessionEvent, of connection: ServerConnection) {
    switch event {
    case .headers(let stream): begin(stream, connection)
    case .data(let stream): dataArrived(stream, connection)
    case .remoteEnd(let stream): remoteEnded(stream, connection)
    case .drained(let stream): call(stream)?.drained()
    case .closed(let stream, let code):
      guard let call = call(stream) else { return }
      stream.pointee.owner?.release()
      stream.pointee.owner = nil
      if call.method.maxStreamsPerConnection != nil {
        openStreams[ObjectIdentifier(call.method)]? -= 1
      }
      call.streamClosed(code)
    case .settingsAcknowledged, .pingAcknowledged, .goAway: break
    }
  }

  func look(at stream: ServerStream.Reference, of connection: ServerConnection, now: Int64) {
    // What was overdrawn on other connections may have left since.
    if let gateAccount { turnGate(gateAccount) }
    if let call = call(stream) { return call.look(now: now) }
    // Not a call: the page for people, or an answer whose request goes on.
    if !stream.pointee.isRemoteClosed, now - stream.pointee.openedAt >= server.bodySpan {
      connection.session.reset(stream, .cancel)
      connection.markDirty()
    }
  }

  func connectionDrains(_ connection: ServerConnection) {
    isDraining = true
    connection.session.forEachStream { call($0)?.drain() }
  }

  func connectionClosed(_ connection: ServerConnection) {
    gate.abandon()
    if let reason = connection.failureReason {
      server.logger.debug(
        "a connection ended", metadata: ["peer": "\(connection.peer)", "reason": "\(reason)"])
    }
  }

  // MARK: Limits

  /// On whom a call counts: its principal, else its address; and its address, where that is another.
  func accounts(
    of context: ServerContext, _ connection: ServerConnection
  ) -> (caller: Account, network: Account?) {
    let now = connection.loop.now
    let network =
      network ?? server.admission.accounts.account("address \(connection.network)", now: now)
    self.network = network
    guard let name = context.account else { return (network, nil) }
    if let principal, principal.name == name { return (principal.account, network) }
    let account = server.admission.accounts.account("principal \(name)", now: now)
    principal = (name, account)
    return (account, network)
  }

  /// The bytes of large responses that wait have become more or fewer, by those of a call of `account`.
  func outputChanged(by change: Int, _ account: Account) {
    waitingBytes += change
    turnGate(account)
  }

  private func turnGate(_ account: Account) {
    if waitingBytes >= server.limits.maxResponseBufferBytesPerConnection
      || server.admission.responseBytes.isOverdrawn(by: account.responseBytes)
    {
      gateAccount = account
      gate.close()
    } else if gate.isClosed {
      gateAccount = nil
      gate.open()
    }
  }

  /// Whether the method may have one more stream on this connection; counts it.
  private func hasStream(of method: ServedMethod) -> RPCError? {
    guard let limit = method.maxStreamsPerConnection else { return nil }
    let id = ObjectIdentifier(method)
    let count = openStreams[id, default: 0]
    guard count < limit else { return server.admission.tooManyStreams(of: method, limit: limit) }
    openStreams[id] = count + 1
    return nil
  }

  private func call(_ stream: ServerStream.Reference) -> Call? {
    guard let owner = stream.pointee.owner else { return nil }
    return unsafeDowncast(owner.takeUnretainedValue(), to: Call.self)
  }

  // MARK: Head

  private func begin(_ stream: ServerStream.Reference, _ connection: ServerConnection) {
    guard !stream.pointee.isClosed else { return }
    if stream.pointee.fieldsOverflowed {
      return answer(stream, connection, ResponseHeads.headersTooLarge)
    }
    var head = RequestHead()
    var path = UnsafeRawBufferPointer(start: nil, count: 0)
    metadata.clear()
    var fields = FieldIterator(stream.pointee.fields.bytes)
    while let field = fields.next() {
      switch head.note(name: field.name, value: field.value) {
      case .path: path = field.value
      case .metadata: metadata.append(name: field.name, value: field.value)
      case .authority, .reserved: break
      }
    }
    switch head.disposition(answersPlainly: HealthPage.isPath(path)) {
    case .call(let encoding): route(path, head, encoding, stream, connection)
    case .refuse(let refusal):
      let status = refusal.status
      fail(stream, connection, RPCError(status.code, status.message))
    case .plain: HealthPage.begin(head.method, stream)
    case .methodNotAllowed: answer(stream, connection, ResponseHeads.methodNotAllowed)
    case .unsupportedMediaType: answer(stream, connection, ResponseHeads.unsupportedMediaType)
    }
  }

  private func route(
    _ path: UnsafeRawBufferPointer, _ head: RequestHead, _ encoding: MessageEncoding,
    _ stream: ServerStream.Reference, _ connection: ServerConnection
  ) {
    guard let method = server.router.find(path) else {
      let name = String(decoding: path.prefix(256), as: UTF8.self)
      return fail(
        stream, connection, RPCError(.unimplemented, "there is no method \(name) here"))
    }
    if case .nanoseconds(let patience) = head.timeout { stream.pointee.patience = patience }
    if let refusal = hasStream(of: method) { return fail(stream, connection, refusal) }
    let context = ServerContext(
      method: method.descriptor, peer: connection.peer, network: connection.network,
      deadline: deadline(head, method.descriptor.kind, connection.loop.now),
      requestMetadata: Metadata(block: metadata.bytes), security: connection.security)
    // What is kept of the head is in the context, and counts there.
    stream.pointee.fields.clear()
    stream.pointee.fields.release(above: 1024)
    metadata.clear()
    metadata.release(above: 1024)
    let call = Call(
      server: server, method: method, context: context, encoding: encoding,
      acceptsGzip: head.acceptsGzip, connection: connection, calls: self, stream: stream)
    stream.pointee.owner = Unmanaged.passRetained(call)
    call.begin()
  }

  private func deadline(_ head: RequestHead, _ kind: MethodKind, _ now: Int64) -> Deadline? {
    var timeout: Int64?
    if case .nanoseconds(let asked) = head.timeout { timeout = asked }
    if kind == .unary {
      let longest = server.maxUnaryNanoseconds
      timeout = min(timeout ?? server.defaultUnaryNanoseconds ?? .max, longest)
    }
    guard let timeout, timeout < .max else { return nil }
    let (sum, overflow) = now.addingReportingOverflow(timeout)
    return Deadline(nanoseconds: overflow ? .max : sum)
  }

  // MARK: Body

  private func dataArrived(_ stream: ServerStream.Reference, _ connection: ServerConnection) {
    if let call = call(stream) { return call.dataArrived() }
    connection.session.consume(stream.pointee.inbound.count, of: stream)
    stream.pointee.inbound.clear()
  }

  private func remoteEnded(_ stream: ServerStream.Reference, _ connection: ServerConnection) {
    if let call = call(stream) { return call.remoteEnded() }
    if HealthPage.isPending(stream) {
      HealthPage.answer(stream, connection, isServing: server.health.isServing)
    }
  }

  // MARK: Answers without a call

  private func answer(
    _ stream: ServerStream.Reference, _ connection: ServerConnection, _ fields: FixedFields
  ) {
    connection.session.respond(
      stream, fixed: fields, block: UnsafeRawBufferPointer(start: nil, count: 0), isWhole: true)
    connection.markDirty()
  }

  private func fail(
    _ stream: ServerStream.Reference, _ connection: ServerConnection, _ error: RPCError
  ) {
    StatusFields.append(
      error, trailing: Metadata(), domain: server.errorDomain, to: &stream.pointee.trailers)
    connection.session.respond(
      stream, fixed: FixedFields.response, block: stream.pointee.trailers.bytes, isWhole: true)
    connection.markDirty()
  }
}
