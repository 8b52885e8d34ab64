internal import API
internal import Domain
internal import ProtoWire
internal import Store

extension API.Deployment {
  init(_ deployment: Domain.Deployment) {
    self.init()
    id = deployment.id.rawValue
    name = deployment.name
    description = deployment.description
    labels = deployment.labels.values
    environment = deployment.environment.wire
    state = State(deployment.state)
    rolloutPolicy = deployment.policy.map { API.RolloutPolicy($0) }
    latestRolloutId = deployment.currentRollout?.rawValue ?? ""
    rolloutCount = Int32(clamping: deployment.rolloutCount)
    switch deployment.target {
    case .fleet(let fleet): target = .fleet(API.FleetTarget(fleet))
    }
    createdBy = deployment.createdBy
    createdAt = Google_Protobuf_Timestamp(deployment.createdAt)
    startedAt = deployment.startedAt.map { Google_Protobuf_Timestamp($0) }
    endedAt = deployment.endedAt.map { Google_Protobuf_Timestamp($0) }
    updatedAt = Google_Protobuf_Timestamp(deployment.updatedAt)
    etag = Etag.text(deployment.revision)
  }

  /// The fleet of a request; empty when it has none.
  var fleetTarget: API.FleetTarget {
    switch target {
    case .fleet(let fleet)?: fleet
    case nil: API.FleetTarget()
    }
  }
}

extension API.FleetTarget {
  init(_ fleet: Domain.FleetTarget) {
    self.init()
    modelVariantId = fleet.variant.rawValue
    desiredVersionId = fleet.desiredVersion?.rawValue ?? ""
    activeVersionId = fleet.activeVersion?.rawValue ?? ""
    targeting = Targeting(fleet.selector)
    replacedVersionId = fleet.replacedVersion?.rawValue ?? ""
  }
}

extension API.Deployment.State {
  init(_ state: DeploymentState) {
    self =
      switch state {
      case .draft: .draft
      case .pendingApproval: .pendingApproval
      case .active: .active
      case .paused: .paused
      case .archived: .archived
      case .failed: .failed
      case .killed: .killed
      }
  }
}

extension DeploymentState {
  init(_ state: API.Deployment.State, field: String) throws(ServiceError) {
    switch state {
    case .draft: self = .draft
    case .pendingApproval: self = .pendingApproval
    case .active: self = .active
    case .paused: self = .paused
    case .archived: self = .archived
    case .failed: self = .failed
    case .killed: self = .killed
    case .unspecified: throw .invalid(field: field, message: "is required")
    case .unrecognized(let number):
      throw .invalid(field: field, message: "there is no state \(number)")
    }
  }
}

extension DeploymentEnvironment {
  var wire: Environment { self == .production ? .production : .staging }

  /// Unspecified is staging.
  init(_ environment: Environment, field: String) throws(ServiceError) {
    switch environment {
    case .unspecified, .staging: self = .staging
    case .production: self = .production
    case .unrecognized(let number):
      throw .invalid(field: field, message: "there is no environment \(number)")
    }
  }
}

extension Targeting {
  init(_ selector: Selector) {
    self.init()
    requirements = selector.requirements.map { requirement in
      LabelRequirement.with {
        $0.key = requirement.key
        $0.operation =
          switch requirement.operation {
          case .isIn: .in
          case .notIn: .notIn
          case .exists: .exists
          case .doesNotExist: .doesNotExist
          }
        $0.values = requirement.values
      }
    }
    groupIds = selector.groups.map(\.rawValue).sorted()
  }
}

extension Selector {
  /// The selector of a request, checked; its groups must exist in the org.
  init(_ targeting: Targeting, field: String, org: OrgID, _ db: ReadTransaction) throws {
    let requirements = try targeting.requirements.enumerated().map { index, requirement in
      let operation: Requirement.Operation
      switch requirement.operation {
      case .in: operation = .isIn
      case .notIn: operation = .notIn
      case .exists: operation = .exists
      case .doesNotExist: operation = .doesNotExist
      case .unspecified:
        throw ServiceError.invalid(
          field: "\(field).requirements[\(index)].operation", message: "is required")
      case .unrecognized(let number):
        throw ServiceError.invalid(
          field: "\(field).requirements[\(index)].operation",
          message: "there is no operation \(number)")
      }
      return Requirement(key: requirement.key, operation: operation, values: requirement.values)
    }
    try self.init(
      requirements: requirements, groups: Set(targeting.groupIds.map { GroupID($0) }),
      field: field)
    for group in groups.sorted() where try DeviceGroups(db).find(group, org: org) == nil {
      throw ServiceError.invalid(
        field: "\(field).group_ids", message: "there is no device group \"\(group)\"")
    }
  }
}
