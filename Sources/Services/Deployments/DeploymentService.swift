public import API
internal import Domain
internal import ProtoWire
public import RPCCore
internal import Store

/// Deployments, their rollouts, and what they mean for devices.
public struct DeploymentService: DeploymentServiceServer {
  let rules: CallRules
  let fleet: FleetState

  public init(rules: CallRules, fleet: FleetState) {
    self.rules = rules
    self.fleet = fleet
  }

  public func createDeployment(
    _ request: CreateDeploymentRequest, context: ServerContext
  ) async throws -> CreateDeploymentResponse {
    try await rules.mutate(request, context) { mutation in
      let wanted = request.deployment ?? API.Deployment()
      guard case .fleet(let fleet)? = wanted.target else {
        throw ServiceError.invalid(field: "deployment.target", message: "is required")
      }
      let (tx, org) = (mutation.tx, mutation.caller.org)
      let variant = try Self.variant(fleet.modelVariantId, org, tx)
      let field = "deployment.fleet"
      let name = try TextRule.requiredDisplayName.check(wanted.name, field: "deployment.name")
      try Self.checkName(name, org, tx)
      let deployment = Domain.Deployment(
        id: mutation.makeID(), org: org, createdBy: mutation.caller.principal.rawValue,
        createdAt: mutation.now,
        name: name,
        description: try TextRule.description.check(
          wanted.description, field: "deployment.description"),
        labels: try Labels(wanted.labels, field: "deployment.labels"),
        environment: try DeploymentEnvironment(
          wanted.environment, field: "deployment.environment"),
        target: .fleet(
          Domain.FleetTarget(
            model: variant.model, variant: variant.id,
            desiredVersion: try Self.version(
              fleet.desiredVersionId, of: variant.id, field: "\(field).desired_version_id", org,
              tx),
            activeVersion: try Self.version(
              fleet.activeVersionId, of: variant.id, field: "\(field).active_version_id", org, tx),
            selector: try Selector(
              fleet.targeting ?? Targeting(), field: "\(field).targeting", org: org, tx))),
        policy: try wanted.rolloutPolicy.map {
          try Domain.RolloutPolicy($0, field: "deployment.rollout_policy")
        })
      let created = try mutation.journal.create(deployment)
      return CreateDeploymentResponse.with { $0.deployment = API.Deployment(created) }
    }
  }

  public func getDeployment(
    _ request: GetDeploymentRequest, context: ServerContext
  ) async throws -> GetDeploymentResponse {
    try await rules.get(DeploymentResource(), request.deploymentId, context)
  }

  public func listDeployments(
    _ request: ListDeploymentsRequest, context: ServerContext
  ) async throws -> ListDeploymentsResponse {
    try await rules.list(DeploymentResource(), request, context) { _, _ in
      var conditions: [Condition<Domain.Deployment>] = []
      if !request.modelVariantId.isEmpty {
        conditions.append(.variant(VariantID(request.modelVariantId)))
      }
      if !request.modelId.isEmpty { conditions.append(.model(ModelID(request.modelId))) }
      if request.environment != .unspecified {
        conditions.append(
          .environment(try DeploymentEnvironment(request.environment, field: "environment")))
      }
      let states = try Self.distinct(request.states) {
        try DeploymentState($0, field: "states[\($1)]")
      }
      if !states.isEmpty { conditions.append(.states(states)) }
      if !request.name.isEmpty { conditions.append(.name(request.name)) }
      return conditions
    }
  }

  public func updateDeployment(
    _ request: UpdateDeploymentRequest, context: ServerContext
  ) async throws -> UpdateDeploymentResponse {
    try await rules.mutate(request, context) { mutation in
      let wanted = request.deployment ?? API.Deployment()
      let before = try Self.deployment(wanted.id, mutation.caller, mutation.tx)
      try Etag.check(request.etag, .deployment, wanted.id, revision: before.revision)
      let fleet = wanted.fleetTarget
      let update = try FieldMaskUpdate(
        request.updateMask,
        fields: [
          "name": !wanted.name.isEmpty, "description": !wanted.description.isEmpty,
          "labels": !wanted.labels.isEmpty, "rollout_policy": wanted.rolloutPolicy != nil,
          "fleet.desired_version_id": !fleet.desiredVersionId.isEmpty,
          "fleet.targeting": fleet.targeting != nil,
        ])
      var deployment = before
      try Self.edit(&deployment, wanted, update)
      if deployment.name != before.name {
        try Self.checkName(deployment.name, before.org, mutation.tx)
      }
      let change = try Self.change(of: before, wanted, update, mutation)
      guard let change else {
        deployment.updatedAt = mutation.now
        let updated = try mutation.journal.update(
          deployment, replacing: before, rollout: nil,
          .init("updated", message: "\(deployment.name) was edited"))
        return UpdateDeploymentResponse.with { $0.deployment = API.Deployment(updated) }
      }
      let rollout = try Self.rollout(of: deployment, mutation.tx)
      if let rollout, rollout.state == .progressing {
        throw ServiceError.precondition(
          .rolloutProgressing, .rollout, rollout.id.rawValue,
          "rollout \(rollout.number) of \(deployment.name) is PROGRESSING;"
            + " it must be PAUSED or over: pause it first")
      }
      let outcome = try DeploymentPlan.update(
        deployment, rollout: rollout, change: change, seed: mutation.seed(), now: mutation.now)
      let stored = try mutation.store(
        outcome, replacing: before, rollout: rollout,
        .init("updated", message: "the target of \(deployment.name) was changed"))
      return UpdateDeploymentResponse.with {
        $0.deployment = API.Deployment(stored.deployment)
        $0.rollout = stored.rollout.map { API.Rollout($0) }
      }
    }
  }

  public func startDeployment(
    _ request: StartDeploymentRequest, context: ServerContext
  ) async throws -> StartDeploymentResponse {
    try await rules.mutate(request, context) { mutation in
      let before = try Self.deployment(request.deploymentId, mutation.caller, mutation.tx)
      try Etag.check(request.etag, .deployment, before.id.rawValue, revision: before.revision)
      if before.state == .draft, before.desiredVersion == nil {
        throw ServiceError.precondition(
          .noVersion, .deployment, before.id.rawValue,
          "\(before.name) needs a desired version to start")
      }
      try Self.checkStart(before, mutation.tx)
      let outcome = try DeploymentPlan.start(before, seed: mutation.seed(), now: mutation.now)
      let stored = try mutation.store(
        outcome, replacing: before, rollout: nil,
        .init("started", message: "\(before.name) was started"))
      return StartDeploymentResponse.with {
        $0.deployment = API.Deployment(stored.deployment)
        $0.rollout = stored.rollout.map { API.Rollout($0) }
      }
    }
  }

  public func rollbackDeployment(
    _ request: RollbackDeploymentRequest, context: ServerContext
  ) async throws -> RollbackDeploymentResponse {
    try await rules.mutate(request, context) { mutation in
      try TextRule.reason.check(request.reason, field: "reason")
      let before = try Self.deployment(request.deploymentId, mutation.caller, mutation.tx)
      try Etag.check(request.etag, .deployment, before.id.rawValue, revision: before.revision)
      let rollout = try Rollouts(mutation.tx).standing(of: before.id, org: before.org)
      let outcome = try DeploymentPlan.rollBack(
        before, rollout: rollout, reason: request.reason, now: mutation.now)
      let stored = try mutation.store(
        outcome, replacing: before, rollout: rollout,
        .init(
          "rolled_back",
          attributes: [
            "reason": request.reason,
            "active_version_id": outcome.deployment.activeVersion?.rawValue ?? "",
          ],
          message: outcome.rollout.map {
            "rollout \($0.number) of \(before.name) was rolled back"
          } ?? "\(before.name) was rolled back to the version before"))
      return RollbackDeploymentResponse.with {
        $0.deployment = API.Deployment(stored.deployment)
        $0.rollout = stored.rollout.map { API.Rollout($0) }
      }
    }
  }
}
