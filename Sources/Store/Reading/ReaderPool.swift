internal import SQL

/// Readers for threads that are no event loops. A caller beyond the limit waits for one to be
/// returned: reads are bounded, so the wait is short.
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

  func read<R>(_ body: (ReadTransaction) throws -> R) throws -> R {
    let reader = try take()
    defer { put(reader) }
    return try reader.readOnce(body)
  }

  private func take() throws -> Reader {
    enum Turn {
      case use(Reader)
      case open
      case closed
    }
    let turn: Turn? = state.wait { state in
      if state.isClosed { return .closed }
      if let reader = state.idle.popLast() { return .use(reader) }
      if state.opened < limit {
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
    let isClosed = state.withLock { state in
      if !state.isClosed { state.idle.append(reader) }
      return state.isClosed
    }
    if isClosed { reader.close() } else { state.signal() }
  }

  func close() {
    let idle = state.withLock { state in
      state.isClosed = true
      defer { state.idle.removeAll() }
      return state.idle
    }
    state.broadcast()
    for reader in idle { reader.close() }
  }
}
