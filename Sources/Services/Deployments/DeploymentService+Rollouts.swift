public import API
internal import Domain
internal import ProtoWire
public import RPCCore
internal import Store

extension DeploymentService {
  public func getRollout(
    _ request: GetRolloutRequest, context: ServerContext
  ) async throws -> GetRolloutResponse {
    try await rules.get(RolloutResource(), request.rolloutId, context)
  }

  public func listRollouts(
    _ request: ListRolloutsRequest, context: ServerContext
  ) async throws -> ListRolloutsResponse {
    try await rules.list(RolloutResource(), request, context) { caller, db in
      let deployment = try Self.deployment(request.deploymentId, caller, db)
      let states = try Self.distinct(request.states) {
        try RolloutState($0, field: "states[\($1)]")
      }
      return [.deployment(deployment.id)] + (states.isEmpty ? [] : [.states(states)])
    }
  }

  public func advanceRollout(
    _ request: AdvanceRolloutRequest, context: ServerContext
  ) async throws -> AdvanceRolloutResponse {
    try await rules.mutate(request, context) { mutation in
      let before = try Self.rollout(request.rolloutId, mutation.caller, mutation.tx)
      try Etag.require(request.etag, .rollout, request.rolloutId, revision: before.revision)
      let next = try RolloutPlan.advance(before, now: mutation.now)
      let rollout = try Self.step(
        before, to: next, "advanced", reason: request.reason, mutation
      ) { "rollout \(next.number) of \($0) was advanced to \(next.exposure)" }
      return AdvanceRolloutResponse.with { $0.rollout = rollout }
    }
  }

  public func pauseRollout(
    _ request: PauseRolloutRequest, context: ServerContext
  ) async throws -> PauseRolloutResponse {
    try await rules.mutate(request, context) { mutation in
      let before = try Self.rollout(request.rolloutId, mutation.caller, mutation.tx)
      try Etag.check(request.etag, .rollout, request.rolloutId, revision: before.revision)
      let next = try RolloutPlan.pause(before, reason: request.reason, now: mutation.now)
      let rollout = try Self.step(
        before, to: next, "paused", reason: request.reason, mutation
      ) { "rollout \(next.number) of \($0) was paused at \(next.exposure)" }
      return PauseRolloutResponse.with { $0.rollout = rollout }
    }
  }

  public func resumeRollout(
    _ request: ResumeRolloutRequest, context: ServerContext
  ) async throws -> ResumeRolloutResponse {
    try await rules.mutate(request, context) { mutation in
      let before = try Self.rollout(request.rolloutId, mutation.caller, mutation.tx)
      try Etag.check(request.etag, .rollout, request.rolloutId, revision: before.revision)
      let next = try RolloutPlan.resume(before, now: mutation.now)
      let rollout = try Self.step(
        before, to: next, "resumed", reason: request.reason, mutation
      ) { "rollout \(next.number) of \($0) goes on at \(next.exposure)" }
      return ResumeRolloutResponse.with { $0.rollout = rollout }
    }
  }

  public func updateRollout(
    _ request: UpdateRolloutRequest, context: ServerContext
  ) async throws -> UpdateRolloutResponse {
    try await rules.mutate(request, context) { mutation in
      let wanted = request.rollout ?? API.Rollout()
      let before = try Self.rollout(wanted.id, mutation.caller, mutation.tx)
      try Etag.check(request.etag, .rollout, wanted.id, revision: before.revision)
      let update = try FieldMaskUpdate(
        request.updateMask,
        fields: [
          "exposure_millionths": wanted.exposureMillionths != 0, "policy": wanted.policy != nil,
        ])
      var next = before
      if update.changes("policy") {
        next = try RolloutPlan.setPolicy(
          next,
          to: try Domain.RolloutPolicy(
            wanted.policy ?? API.RolloutPolicy(), field: "rollout.policy"))
      }
      if update.changes("exposure_millionths") {
        next = try RolloutPlan.setExposure(
          next,
          to: try Exposure(
            millionths: Int64(wanted.exposureMillionths), field: "rollout.exposure_millionths"),
          allowRegression: request.allowRegression, now: mutation.now)
      }
      let rollout = try Self.step(before, to: next, "updated", reason: "", mutation) {
        "rollout \(next.number) of \($0) was changed; it stands at \(next.exposure)"
      }
      return UpdateRolloutResponse.with { $0.rollout = rollout }
    }
  }

  /// Stores a step of a rollout, and what it settles.
  private static func step(
    _ before: Domain.Rollout, to next: Domain.Rollout, _ verb: String, reason: String,
    _ mutation: Mutation, message: (String) -> String
  ) throws -> API.Rollout {
    try TextRule.reason.check(reason, field: "reason")
    let deployment = try deployment(before.deployment.rawValue, mutation.caller, mutation.tx)
    // Pausing is a safety path; anything else would let a frozen deployment move on.
    if verb != "paused", deployment.state != .active {
      throw DomainError.illegalTransition(
        resource: "deployment", event: "change the rollout of",
        current: deployment.state.rawValue, required: [DeploymentState.active.rawValue])
    }
    let stored = try mutation.journal.step(
      next, replacing: before, of: deployment, now: mutation.now,
      .init(
        verb, attributes: reason.isEmpty ? [:] : ["reason": reason],
        message: message(deployment.name)))
    return API.Rollout(stored.rollout)
  }
}
