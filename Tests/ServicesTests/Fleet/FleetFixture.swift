import API
import Domain
import ProtoWire
import RPCCore
import Store
import Testing

@testable import Services

/// A first org with a model, three ready versions and registered devices; the services of the wing over it.
final class FleetFixture {
  let base: ServiceFixture
  let fleet: FleetState
  let devices: DeviceService
  let deployments: DeploymentService
  /// Ids of the versions v1, v2, v3.
  let versions: [String]
  let variant: String
  private(set) var fleetIDs: [String] = []
  private var nameCount = 0

  init(
    devices count: Int = 0, _ configuration: StoreConfiguration = StoreConfiguration(),
    now: @escaping @Sendable () -> Timestamp = {
      Timestamp(milliseconds: StoreClock.nowMilliseconds())
    }
  ) async throws {
    base = try await ServiceFixture(configuration, now: now)
    fleet = FleetState(base.store)
    devices = DeviceService(rules: base.rules, fleet: fleet, files: base.files)
    deployments = DeploymentService(rules: base.rules, fleet: fleet)
    let caller = try base.caller(base.secret)
    (variant, versions) = try await base.store.write { tx in
      let time = Timestamp(milliseconds: tx.nowMilliseconds)
      let model = Domain.Model(
        id: ModelID(tx.makeID()), org: caller.org, name: "vision", displayName: "",
        description: "", labels: .empty, createdAt: time, updatedAt: time, revision: 1)
      let variant = Domain.ModelVariant(
        id: VariantID(tx.makeID()), org: caller.org, model: model.id, name: "linux",
        capability: "vision", traits: DeviceTraits(platform: 5, deviceClass: ""),
        description: "", labels: .empty, createdAt: time, updatedAt: time, revision: 1)
      try Models(tx).insert(model)
      try ModelVariants(tx).insert(variant)
      let versions = try ["v1", "v2", "v3"].map { name in
        let version = Domain.ModelVersion(
          id: VersionID(tx.makeID()), org: caller.org, model: model.id, variant: variant.id,
          name: name, description: "", labels: .empty,
          artifact: Domain.Artifact(
            digest: ContentDigest(unchecked: String(repeating: "ab", count: 32)), size: 7,
            mediaType: "application/json"), createdBy: caller.principal, createdAt: time,
          updatedAt: time, revision: 1)
        try ModelVersions(tx).insert(version)
        return version.id.rawValue
      }
      return (variant.id.rawValue, versions)
    }
    for index in 0..<count { fleetIDs.append(try await register("hw-\(index)")) }
  }

  /// A name for a deployment that no other has: "eyes", "eyes 2" …
  func name() -> String {
    nameCount += 1
    return nameCount == 1 ? "eyes" : "eyes \(nameCount)"
  }

  func call(_ method: AnyMethodDescriptor) throws -> ServerContext { try base.admin(method) }

  func register(_ hardwareID: String, labels: [String: String] = [:]) async throws -> String {
    let response = try await devices.register(
      .with {
        $0.device = .with {
          $0.hardwareId = hardwareID
          $0.platform = .linux
          $0.labels = labels
        }
      }, context: try call(DeviceServiceMethods.register.erased))
    return response.device?.id ?? ""
  }

  static func policy(_ steps: [Int32] = [50_000, 250_000, 1_000_000], soak: Int64 = 600)
    -> API.RolloutPolicy
  {
    .with {
      $0.steps = steps.map { exposure in
        .with {
          $0.exposureMillionths = exposure
          $0.soak = .with { $0.seconds = soak }
        }
      }
    }
  }

  /// Creates a deployment from v1 to v2 and starts it.
  func started(
    policy: API.RolloutPolicy? = FleetFixture.policy(), targeting: Targeting? = nil
  ) async throws -> StartDeploymentResponse {
    let created = try await deployments.createDeployment(
      .with {
        $0.deployment = .with {
          $0.name = name()
          $0.rolloutPolicy = policy
          $0.target = .fleet(
            .with {
              $0.modelVariantId = variant
              $0.activeVersionId = versions[0]
              $0.desiredVersionId = versions[1]
              $0.targeting = targeting
            })
        }
      }, context: try call(DeploymentServiceMethods.createDeployment.erased))
    return try await deployments.startDeployment(
      .with { $0.deploymentId = created.deployment?.id ?? "" },
      context: try call(DeploymentServiceMethods.startDeployment.erased))
  }

  /// Has a device report what it runs and ask what it should run.
  func sync(
    _ device: String, deployment: String = "", installed version: String? = nil,
    state: InstalledVersion.State = .installed, events: [DeviceEvent] = []
  ) async throws -> SyncResponse {
    try await devices.sync(
      .with {
        $0.deviceId = device
        if let version {
          $0.installed = [
            .with {
              $0.deploymentId = deployment
              $0.modelVersionId = version
              $0.state = state
            }
          ]
        }
        $0.events = events
      }, context: try call(DeviceServiceMethods.sync.erased))
  }

  /// The version each device is told to run, by device.
  func desired() async throws -> [String: String] {
    var desired: [String: String] = [:]
    for device in fleetIDs {
      desired[device] = try await sync(device).desiredState?.entries.first?.modelVersionId
    }
    return desired
  }

  func advance(
    _ rollout: String, etag: String, requestID: String = ""
  ) async throws -> API.Rollout {
    try #require(
      try await deployments.advanceRollout(
        .with {
          $0.rolloutId = rollout
          $0.etag = etag
          $0.requestId = requestID
        }, context: try call(DeploymentServiceMethods.advanceRollout.erased)
      ).rollout)
  }

  func pause(_ rollout: String) async throws -> API.Rollout {
    try #require(
      try await deployments.pauseRollout(
        .with {
          $0.rolloutId = rollout
          $0.reason = "lunch"
        }, context: try call(DeploymentServiceMethods.pauseRollout.erased)
      ).rollout)
  }
}
