internal import Domain
internal import Store

/// Whom an event of the log concerns among the connected devices, as it travels from the hub to them.
enum WakeUp: Hashable {
  /// What one device is, or what it is pinned to, changed.
  case device(DeviceID)
  /// Devices joined or left a group.
  case group(GroupID)
  /// What a deployment hands out changed, or to whom.
  case deployment(DeploymentID)

  /// One encoding for all orgs: events that concern no device are left out, so that they wake nobody.
  static let encoding = WatchEncoding { logged in WakeUp(logged.event)?.bytes }

  /// The types of resources whose events may concern devices.
  static let resourceTypes: Set<String> = [
    ResourceKind.deployment.rawValue, ResourceKind.rollout.rawValue, ResourceKind.pin.rawValue,
    ResourceKind.device.rawValue, ResourceKind.deviceGroup.rawValue,
  ]

  /// Nil for events that change nothing of what a device should run: a new device has no connection yet, keys and the verdicts of gates
  /// decide nothing, a group's name is nobody's business.
  init?(_ event: NewEvent) {
    switch event.kind {
    case "device.updated", "device.labels_updated": self = .device(DeviceID(event.resourceID))
    case "device_group.members_updated": self = .group(GroupID(event.resourceID))
    case "rollout.judged": return nil
    default:
      switch ResourceKind(rawValue: event.resourceType) {
      case .pin?: self = .device(DeviceID(event.resourceID))
      case .deployment?: self = .deployment(DeploymentID(event.resourceID))
      case .rollout?: self = .deployment(DeploymentID(event.parentID))
      default: return nil
      }
    }
  }

  /// A letter for the kind, and the id.
  var bytes: [UInt8] {
    switch self {
    case .device(let id): Array("d\(id.rawValue)".utf8)
    case .group(let id): Array("g\(id.rawValue)".utf8)
    case .deployment(let id): Array("t\(id.rawValue)".utf8)
    }
  }

  init?(_ bytes: [UInt8]) {
    let id = String(decoding: bytes.dropFirst(), as: UTF8.self)
    switch bytes.first {
    case UInt8(ascii: "d"): self = .device(DeviceID(id))
    case UInt8(ascii: "g"): self = .group(GroupID(id))
    case UInt8(ascii: "t"): self = .deployment(DeploymentID(id))
    default: return nil
    }
  }
}
