import Framing
import HTTP2
import Logging
import RPCCore
import Transport

/// The calls of one connection: turns the session's events into calls, and answers what is not gRPC.
final class ConnectionCalls: ServerConnectionOwner {
  private let server: ServerCore
  private var metadata = ByteQueue()

  init(_ server: ServerCore) { self.server = server }

  func handle(_ event: SessionEvent, of connection: ServerConnection) {
    switch event {
    case .headers(let stream): begin(stream, connection)
    case .data(let stream): dataArrived(stream, connection)
    case .remoteEnd(let stream): remoteEnded(stream, connection)
    case .drained(let stream): call(stream)?.didDrain()
    case .closed(let stream, let code):
      guard let owner = stream.pointee.owner else { return }
      stream.pointee.owner = nil
      (owner.takeRetainedValue() as? Call)?.streamClosed(code)
    case .settingsAcknowledged, .pingAcknowledged, .goAway: break
    }
  }

  func connectionDrains(_ connection: ServerConnection) {
    connection.session.forEachStream { call($0)?.drain() }
  }

  func connectionClosed(_ connection: ServerConnection) {
    if let reason = connection.failureReason {
      server.logger.debug(
        "a connection ended", metadata: ["peer": "\(connection.peer)", "reason": "\(reason)"])
    }
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
    let context = ServerContext(
      method: method.descriptor, peer: connection.peer,
      deadline: deadline(head, method.descriptor.kind, connection.loop.now),
      requestMetadata: Metadata(block: metadata.bytes), security: connection.security)
    stream.pointee.fields.clear()
    let call = Call(
      server: server, method: method, context: context, encoding: encoding,
      acceptsGzip: head.acceptsGzip, connection: connection, stream: stream)
    stream.pointee.owner = Unmanaged.passRetained(call)
    call.begin()
  }

  private func deadline(_ head: RequestHead, _ kind: MethodKind, _ now: Int64) -> Deadline? {
    if case .nanoseconds(let timeout) = head.timeout {
      let (sum, overflow) = now.addingReportingOverflow(timeout)
      return Deadline(nanoseconds: overflow ? .max : sum)
    }
    guard kind == .unary, let nanoseconds = server.defaultUnaryNanoseconds else { return nil }
    return Deadline(nanoseconds: now &+ nanoseconds)
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
