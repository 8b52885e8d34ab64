import ProtoWire
import RPCCore
import StandardProtos
import Synchronization

/// `grpc.health.v1`: what the server says about itself and each of its services. Safe from any thread.
final class HealthService: Grpc_Health_V1_HealthServer {
  typealias Status = Grpc_Health_V1_HealthCheckResponse.ServingStatus
  typealias Watcher = DetachedResponseStream<Grpc_Health_V1_HealthCheckResponse>

  private struct State {
    /// The empty name is the server as a whole.
    var statuses: [String: Status]
    var watchers: [ObjectIdentifier: (service: String, stream: Watcher)] = [:]
  }

  private let state: Mutex<State>

  init(services: [String]) {
    var statuses: [String: Status] = ["": .serving]
    for service in services { statuses[service] = .serving }
    state = Mutex(State(statuses: statuses))
  }

  /// Whether the server as a whole serves.
  var isServing: Bool { state.withLock { $0.statuses[""] == .serving } }

  /// Sets a service's status; watchers hear of a change.
  func set(_ status: Status, for service: String) {
    let watchers = state.withLock { state -> [Watcher] in
      guard state.statuses.updateValue(status, forKey: service) != status else { return [] }
      return state.watchers.values.filter { $0.service == service }.map(\.stream)
    }
    for watcher in watchers { watcher.send(.with { $0.status = status }) }
  }

  /// Everything is NOT_SERVING from now on; watchers hear it, then their streams end.
  func drain() {
    let services = state.withLock { Array($0.statuses.keys) }
    for service in services { set(.notServing, for: service) }
  }

  func check(
    _ request: Grpc_Health_V1_HealthCheckRequest, context: ServerContext
  ) async throws -> Grpc_Health_V1_HealthCheckResponse {
    guard let status = state.withLock({ $0.statuses[request.service] }) else {
      throw RPCError(.notFound, "there is no service \"\(request.service)\" here")
    }
    return .with { $0.status = status }
  }

  func list(
    _ request: Grpc_Health_V1_HealthListRequest, context: ServerContext
  ) async throws -> Grpc_Health_V1_HealthListResponse {
    let statuses = state.withLock { $0.statuses }
    return .with {
      $0.statuses = statuses.mapValues { status in .with { $0.status = status } }
    }
  }

  func watch(
    _ request: Grpc_Health_V1_HealthCheckRequest,
    responses: ResponseStream<Grpc_Health_V1_HealthCheckResponse>, context: ServerContext
  ) async throws {
    let stream = responses.detach()
    let id = ObjectIdentifier(stream)
    let status = state.withLock { state -> Status in
      state.watchers[id] = (request.service, stream)
      let status = state.statuses[request.service] ?? .serviceUnknown
      // Under the lock, so that no change overtakes the first answer.
      stream.send(.with { $0.status = status })
      return status
    }
    _ = status
    stream.onTermination { [weak self] _ in
      self?.state.withLock { $0.watchers[id] = nil }
    }
  }
}
