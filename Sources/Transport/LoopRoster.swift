import NIOCore
import RPCCore

/// The connections of one event loop, and the look at their timers twice a second.
final class LoopRoster: @unchecked Sendable {
  // Unchecked: `connections` belongs to the loop's thread.

  let loop: LoopExecutor
  private var connections: [ObjectIdentifier: ServerConnection] = [:]
  private var isLooking = false
  private var isDraining = false

  init(_ loop: LoopExecutor) { self.loop = loop }

  func add(_ connection: ServerConnection) {
    connections[ObjectIdentifier(connection)] = connection
    connection.roster = self
    if isDraining { connection.drain() }
    startLooking()
  }

  func remove(_ connection: ServerConnection) {
    connections[ObjectIdentifier(connection)] = nil
  }

  private func startLooking() {
    guard !isLooking else { return }
    isLooking = true
    loop.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(500)) { self.look() }
  }

  private func look() {
    isLooking = false
    guard !connections.isEmpty else { return }
    loop.beginTurn()
    for connection in connections.values { connection.lookAtClock(now: loop.now) }
    loop.drain()
    startLooking()
  }

  func drain() async {
    await onLoop {
      self.isDraining = true
      for connection in self.connections.values { connection.drain() }
    }
  }

  func closeAll() async {
    await onLoop {
      for connection in self.connections.values { connection.close() }
    }
  }

  private func onLoop(_ body: @escaping @Sendable () -> Void) async {
    await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
      loop.execute {
        body()
        continuation.resume()
      }
    }
  }
}
