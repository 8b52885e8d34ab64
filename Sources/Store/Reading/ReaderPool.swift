internal import SQL

/// Readers for threads that have none of their own. A caller beyond the limit waits for one to be returned: reads are bounded, so the
/// wait is short.
///
/// Nobody who has a reader waits for another. A read within a read of the same store shares its view; within one of another store it
/// gets a reader beyond the limit where none is idle. So no two reads ever wait for each other.
final class ReaderPool: Sendable {
  private struct State {
    var idle: [Reader] = []
    var opened = 0
    var isClosed = false
  }
  private let state = Monitor(State())
  private let engine: any Engine
  private let limit: Int

  init(_ engine: any Engine, limit: Int) {
    self.engine = engine
    self.limit = max(1, limit)
  }

  /// Readers that are open, idle ones included.
  var opened: Int { state.withLock { $0.opened } }

  /// Runs `body` with a reader of `store`, which the thread has as its own meanwhile.
  func read<R>(of store: ObjectIdentifier, _ body: (ReadTransaction) throws -> R) throws -> R {
    guard !ThreadReaders.isWriter else {
      throw StoreError.failure("a write reads through its own transaction and nothing else")
    }
    let reader = try take(mayWait: !ThreadReaders.hasAny)
    ThreadReaders.attach(.init(store: store, reader: reader))
    defer {
      ThreadReaders.detach(store: store)
      put(reader)
    }
    return try reader.readOnce(body)
  }

  private func take(mayWait: Bool) throws -> Reader {
    enum Turn {
      case use(Reader)
      case open
      case closed
    }
    let turn: Turn? = state.wait { state in
      if state.isClosed { return .closed }
      if let reader = state.idle.popLast() { return .use(reader) }
      if state.opened < limit || !mayWait {
        state.opened += 1
        return .open
      }
      return nil
    }
    switch turn {
    case .use(let reader): return reader
    case .open:
      do {
        return try Reader(engine)
      } catch {
        state.withLock { $0.opened -= 1 }
        state.signal()
        throw error
      }
    case .closed, nil: throw StoreError.closed
    }
  }

  private func put(_ reader: Reader) {
    let isKept = state.withLock { state in
      guard !state.isClosed, state.opened <= limit else {
        state.opened -= 1
        return false
      }
      state.idle.append(reader)
      return true
    }
    if isKept { state.signal() } else { reader.close() }
  }

  func close() {
    let idle = state.withLock { state in
      state.isClosed = true
      state.opened -= state.idle.count
      defer { state.idle.removeAll() }
      return state.idle
    }
    state.broadcast()
    for reader in idle { reader.close() }
  }
}
