import ProtoWire
import RPCCore
import StandardProtos
import Synchronization

/// `grpc.health.v1`: what the server says about itself and each of its services. Safe from any thread.
///
/// Strangers may ask. Names are looked up by their bytes and bounded before anything is done with them, and a watch of an unknown
/// service costs its name.
final class HealthService: Grpc_Health_V1_HealthServer {
  typealias Status = Grpc_Health_V1_HealthCheckResponse.ServingStatus
  typealias Watcher = DetachedResponseStream<Grpc_Health_V1_HealthCheckResponse>
  private typealias Name = [UInt8]

  private struct State {
    /// The empty name is the server as a whole.
    var statuses: [Name: Status]
    var watchers: [Name: [ObjectIdentifier: Watcher]] = [:]
  }

  private let state: Mutex<State>

  /// Bytes of a service's name; longer ones are INVALID_ARGUMENT.
  static let maxNameBytes = 1024

  init(services: [String]) {
    var statuses: [Name: Status] = [[]: .serving]
    for service in services { statuses[Name(service.utf8)] = .serving }
    state = Mutex(State(statuses: statuses))
  }

  private static func name(_ service: String) throws(RPCError) -> Name {
    guard service.utf8.count <= maxNameBytes else {
      throw RPCError(
        .invalidArgument, "service: \(service.utf8.count) bytes exceed \(maxNameBytes)")
    }
    return Name(service.utf8)
  }

  /// Whether the server as a whole serves.
  var isServing: Bool { state.withLock { $0.statuses[[]] == .serving } }

  /// Sets a service's status; watchers hear of a change.
  func set(_ status: Status, for service: String) { set(status, for: Name(service.utf8)) }

  private func set(_ status: Status, for name: Name) {
    let watchers = state.withLock { state -> [Watcher] in
      guard state.statuses.updateValue(status, forKey: name) != status else { return [] }
      return state.watchers[name].map { Array($0.values) } ?? []
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
    let name = try Self.name(request.service)
    guard let status = state.withLock({ $0.statuses[name] }) else {
      throw RPCError(.notFound, "there is no service \"\(request.service)\" here")
    }
    return .with { $0.status = status }
  }

  func list(
    _ request: Grpc_Health_V1_HealthListRequest, context: ServerContext
  ) async throws -> Grpc_Health_V1_HealthListResponse {
    let statuses = state.withLock { $0.statuses }
    return .with {
      for (name, status) in statuses {
        $0.statuses[String(decoding: name, as: UTF8.self)] = .with { $0.status = status }
      }
    }
  }

  func watch(
    _ request: Grpc_Health_V1_HealthCheckRequest,
    responses: ResponseStream<Grpc_Health_V1_HealthCheckResponse>, context: ServerContext
  ) async throws {
    let name = try Self.name(request.service)
    let stream = responses.detach()
    let id = ObjectIdentifier(stream)
    state.withLock { state in
      state.watchers[name, default: [:]][id] = stream
      // Under the lock, so that no change overtakes the first answer.
      stream.send(.with { $0.status = state.statuses[name] ?? .serviceUnknown })
    }
    stream.onTermination { [weak self] _ in self?.remove(id, from: name) }
  }

  private func remove(_ id: ObjectIdentifier, from name: Name) {
    state.withLock { state in
      state.watchers[name]?[id] = nil
      if state.watchers[name]?.isEmpty == true { state.watchers[name] = nil }
    }
  }
}
