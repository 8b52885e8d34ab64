/// The data that every server of this benchmark serves.
public enum Records {
  /// The records of the store.
  public static let count = 100

  /// The record with an index in `0..<count`.
  public static func deployment(_ index: Int) -> Bench_V1_Deployment {
    var record = Bench_V1_Deployment()
    let digits = String(index)
    record.id = "dep-" + String(repeating: "0", count: 16 - digits.count) + digits
    record.name = "checkout-payments-api-v2"
    record.namespaceName = "payments-prod-eu"
    record.image = "registry.example.com/payments/api:2.18.4"
    record.region = "europe-central-2b"
    record.owner = "team-payments@example.com"
    record.commit = "9f2c1e7ab04d5586c3318fd2a7e6b1095c4d8e7f"
    record.cluster = "prod-eu-cluster-0017"
    record.environment = "production-stage"
    record.description = "Canary roll-out of the checkout API"
    record.generation = 42
    record.observedGeneration = 41
    record.revision = 1187
    record.cpuCores = 3.5
    record.memoryGib = 12.25
    record.paused = true
    record.canaryEnabled = true
    record.phase = .progressing
    record.strategy = .canary
    record.labels = [
      "app": "checkout-api", "tier": "backend-critical", "track": "canary-25-percent",
      "cost-centre": "cc-40817",
    ]
    record.createdAtMs = 1_760_000_000_000
    record.updatedAtMs = 1_760_000_360_000
    record.finishedAtMs = 1_760_000_720_000
    record.steps = [
      step("prepare-image", .healthy, 1_760_000_000_100, 15_321),
      step("shift-traffic", .progressing, 1_760_000_100_200, 61_200),
      step("verify-health", .pending, 1_760_000_200_300, 30_450),
    ]
    record.replicas = 12
    return record
  }

  /// An event of a watch stream with an offset from the stream's first.
  public static func event(_ offset: Int64) -> Bench_V1_HealthEvent {
    var event = Bench_V1_HealthEvent()
    event.deploymentId = "dep-0000000000000042"
    event.sequence = 1_000_000 + offset
    event.node = "node-eu-central-0017-a1"
    event.phase = .healthy
    event.latencyMs = 1.5
    event.message = "probe answered within its budget"
    event.observedAtMs = 1_760_000_000_000 + offset
    return event
  }

  private static func step(
    _ name: String, _ phase: Bench_V1_Phase, _ startedAtMs: Int64, _ durationMs: Int64
  ) -> Bench_V1_Step {
    var step = Bench_V1_Step()
    step.name = name
    step.phase = phase
    step.startedAtMs = startedAtMs
    step.durationMs = durationMs
    return step
  }
}
