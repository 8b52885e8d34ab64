internal import Domain
internal import Synchronization

/// Wakes those who watch the health of a deployment when its devices have reported.
final class HealthSignals: Sendable {
  private struct State {
    var listeners: [DeploymentID: [Int: @Sendable () -> Void]] = [:]
    var nextID = 1
  }

  private let state = Mutex(State())

  /// Has `body` called at every report that concerns a deployment, until ``remove(_:of:)``. It must not wait.
  func add(_ deployment: DeploymentID, _ body: @escaping @Sendable () -> Void) -> Int {
    state.withLock { state in
      let id = state.nextID
      state.nextID += 1
      state.listeners[deployment, default: [:]][id] = body
      return id
    }
  }

  func remove(_ id: Int, of deployment: DeploymentID) {
    state.withLock { state in
      state.listeners[deployment]?[id] = nil
      if state.listeners[deployment]?.isEmpty == true { state.listeners[deployment] = nil }
    }
  }

  func signal(_ deployments: Set<DeploymentID>) {
    let bodies = state.withLock { state in
      deployments.flatMap { state.listeners[$0].map { Array($0.values) } ?? [] }
    }
    for body in bodies { body() }
  }
}
