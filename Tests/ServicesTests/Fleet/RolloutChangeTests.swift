import API
import Domain
import ProtoWire
import RPCCore
import Testing

@testable import Services

@Suite struct RolloutChangeTests {
  typealias Methods = DeploymentServiceMethods

  static func update(
    _ fixture: FleetFixture, _ rollout: API.Rollout, _ paths: [String] = [], etag: String = "",
    validateOnly: Bool = false
  ) async throws -> API.Rollout {
    try #require(
      try await fixture.deployments.updateRollout(
        .with {
          $0.rollout = rollout
          $0.updateMask = .with { $0.paths = paths }
          $0.etag = etag
          $0.validateOnly = validateOnly
        }, context: try fixture.call(Methods.updateRollout.erased)
      ).rollout)
  }

  static func wanted(_ rollout: API.Rollout, exposure: Int32) -> API.Rollout {
    .with {
      $0.id = rollout.id
      $0.exposureMillionths = exposure
    }
  }

  static func wanted(_ rollout: API.Rollout, policy: API.RolloutPolicy) -> API.Rollout {
    .with {
      $0.id = rollout.id
      $0.policy = policy
    }
  }

  @Test func `the exposure is set by hand while the rollout moves, the policy while it is paused`()
    async throws
  {
    let fixture = try await FleetFixture()
    var rollout = try #require(try await fixture.started().rollout)
    let policy = FleetFixture.policy([300_000, 1_000_000], soak: 5)
    rollout = try await Self.update(
      fixture, Self.wanted(rollout, exposure: 100_000), etag: rollout.etag)
    #expect(rollout.state == .progressing)
    #expect(rollout.exposureMillionths == 100_000)
    #expect(rollout.stepIndex == 0)
    let moving = await refusal { [rollout] in
      _ = try await Self.update(fixture, Self.wanted(rollout, policy: policy))
    }
    #expect(moving?.reason == "ILLEGAL_TRANSITION")
    #expect(
      moving?.message
        == "cannot change the cadence of a rollout that is PROGRESSING; it must be PAUSED")
    rollout = try await fixture.pause(rollout.id)
    let dry = try await Self.update(
      fixture, Self.wanted(rollout, policy: policy), validateOnly: true)
    #expect(dry.policy == policy)
    let stale = await refusal { [rollout] in
      _ = try await Self.update(fixture, Self.wanted(rollout, policy: policy), etag: "1")
    }
    #expect(stale?.reason == "ETAG_MISMATCH")
    rollout = try await Self.update(
      fixture, Self.wanted(rollout, policy: policy), ["policy"], etag: rollout.etag)
    #expect(rollout.policy == policy)
    #expect(rollout.exposureMillionths == 100_000)
    #expect(rollout.stepIndex == -1)
    let unknown = await refusal { [rollout] in
      _ = try await Self.update(fixture, Self.wanted(rollout, policy: policy), ["state"])
    }
    #expect(unknown?.field == "update_mask")
  }

  @Test(
    "A wrong policy is refused with the field that the request has",
    arguments: [
      ("rollout.policy.steps", 0), ("rollout.policy.steps[0].exposure_millionths", 1),
      ("rollout.policy.steps[0].soak", 2), ("rollout.policy.gates[0].threshold_millionths", 3),
      ("rollout.policy.gates[0].minimum_devices", 4), ("rollout.policy.gates[0].metric", 5),
    ])
  func wrongPolicies(field: String, mistake: Int) async throws {
    let fixture = try await FleetFixture()
    let rollout = try await fixture.pause(try #require(try await fixture.started().rollout).id)
    var policy = FleetFixture.policy([1_000_000])
    policy.gates = [
      .with {
        $0.id = "errors"
        $0.metric = mistake == 5 ? .unspecified : .errorRate
        $0.thresholdMillionths = mistake == 3 ? 1_000_001 : 50_000
        $0.minimumDevices = mistake == 4 ? 1 : 0
      }
    ]
    switch mistake {
    case 0: policy.steps = []
    case 1: policy.steps[0].exposureMillionths = 0
    case 2: policy.steps[0].soak = .with { $0.seconds = -1 }
    default: break
    }
    let error = await refusal {
      _ = try await Self.update(fixture, Self.wanted(rollout, policy: policy))
    }
    #expect(error?.code == .invalidArgument)
    #expect(error?.field == field)
  }

  @Test func `a gate that does not say asks for five devices`() async throws {
    let fixture = try await FleetFixture()
    var policy = FleetFixture.policy()
    policy.gates = [
      .with {
        $0.id = "errors"
        $0.metric = .errorRate
        $0.thresholdMillionths = 50_000
      }
    ]
    let rollout = try #require(try await fixture.started(policy: policy).rollout)
    #expect(rollout.policy?.gates.map(\.minimumDevices) == [5])
  }

  @Test func `rollouts are listed newest first, by state and page by page`() async throws {
    let fixture = try await FleetFixture()
    let first = try #require(try await fixture.started().rollout)
    for version in [2, 1, 2] {
      let running = try #require(
        try await fixture.deployments.getDeployment(
          .with { $0.deploymentId = first.deploymentId },
          context: try fixture.call(Methods.getDeployment.erased)
        ).deployment)
      _ = try await fixture.pause(running.latestRolloutId)
      _ = try await DeploymentServiceTests.update(
        fixture,
        .with {
          $0.id = first.deploymentId
          $0.target = .fleet(.with { $0.desiredVersionId = fixture.versions[version] })
        }, [])
    }
    func list(
      _ change: (inout ListRolloutsRequest) -> Void
    ) async throws -> ListRolloutsResponse {
      var request = ListRolloutsRequest()
      request.deploymentId = first.deploymentId
      change(&request)
      return try await fixture.deployments.listRollouts(
        request, context: try fixture.call(Methods.listRollouts.erased))
    }
    let all = try await list { _ in }
    #expect(all.rollouts.map(\.number) == [4, 3, 2, 1])
    #expect(all.totalSize == 4)
    let aborted = try await list {
      $0.states = Array(repeating: .aborted, count: 260_000)
      $0.order = .oldestFirst
    }
    #expect(aborted.rollouts.map(\.number) == [1, 2, 3])
    let page = try await list { $0.pageSize = 3 }
    #expect(page.rollouts.map(\.number) == [4, 3, 2])
    let rest = try await list {
      $0.pageSize = 3
      $0.pageToken = page.nextPageToken
    }
    #expect(rest.rollouts.map(\.number) == [1])
    #expect(rest.nextPageToken == "")
    let unknown = await refusal { _ = try await list { $0.states = [.unspecified] } }
    #expect(unknown?.field == "states[0]")
    let other = try await fixture.base.otherOrg()
    let foreign = await refusal {
      _ = try await fixture.deployments.listRollouts(
        .with { $0.deploymentId = first.deploymentId },
        context: try fixture.base.call(other, Methods.listRollouts.erased))
    }
    #expect(foreign?.code == .notFound)
  }
}
