import BenchAPI
import RPCCore
import Synchronization

/// Answers from memory.
final class BenchService: Bench_V1_DeploymentsServer {
  private let records: [Bench_V1_Deployment]
  private let index: [String: Bench_V1_Deployment]
  /// Watch streams that stay open after their events.
  private let held = Mutex<[ObjectIdentifier: DetachedResponseStream<Bench_V1_HealthEvent>]>([:])

  init() {
    records = (0..<Records.count).map { Records.deployment($0) }
    index = Dictionary(uniqueKeysWithValues: records.map { ($0.id, $0) })
  }

  func get(_ request: Bench_V1_GetRequest, context: ServerContext) async throws
    -> Bench_V1_Deployment
  {
    guard let record = index[request.id] else {
      throw RPCError(.notFound, "no such deployment")
    }
    return record
  }

  func list(_ request: Bench_V1_ListRequest, context: ServerContext) async throws
    -> Bench_V1_ListResponse
  {
    guard request.limit >= 0, request.limit <= 10_000 else {
      throw RPCError(.invalidArgument, "limit \(request.limit) is not in 0...10000")
    }
    var response = Bench_V1_ListResponse()
    response.deployments.reserveCapacity(Int(request.limit))
    for index in 0..<Int(request.limit) {
      response.deployments.append(records[index % records.count])
    }
    return response
  }

  func watch(
    _ request: Bench_V1_WatchRequest, responses: ResponseStream<Bench_V1_HealthEvent>,
    context: ServerContext
  ) async throws {
    for offset in 0..<Int64(max(0, request.count)) {
      try await responses.write(Records.event(offset))
    }
    guard request.hold else { return }
    let stream = responses.detach()
    let id = ObjectIdentifier(stream)
    held.withLock { $0[id] = stream }
    stream.onTermination { [weak self] _ in self?.held.withLock { $0[id] = nil } }
  }
}
