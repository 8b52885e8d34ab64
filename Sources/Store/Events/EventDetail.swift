public import Domain

/// What an event of the fleet says beyond its kind and resource: the payload, as the store itself writes and reads it.
///
/// Not a message of the API, because the automator logs events too and knows no API.
public struct EventDetail: Sendable, Hashable {
  /// The deployment it concerns, "" for none.
  public var deployment: String
  /// The rollout it concerns, "" for none.
  public var rollout: String
  /// Where the deployment stood afterwards.
  public var deploymentState: DeploymentState?
  /// Where the rollout stood afterwards.
  public var rolloutState: RolloutState?
  /// What is worth knowing, by lower_snake_case name.
  public var attributes: [String: String]
  /// The event in a sentence.
  public var message: String

  public init(
    deployment: String = "", rollout: String = "", deploymentState: DeploymentState? = nil,
    rolloutState: RolloutState? = nil, attributes: [String: String] = [:], message: String
  ) {
    self.deployment = deployment
    self.rollout = rollout
    self.deploymentState = deploymentState
    self.rolloutState = rolloutState
    self.attributes = attributes
    self.message = message
  }

  /// The payload of ``NewEvent``; equal details give equal bytes.
  public var payload: [UInt8] {
    var writer = RecordWriter(version: 1)
    writer.add(deployment)
    writer.add(rollout)
    writer.add(deploymentState?.rawValue ?? "")
    writer.add(rolloutState?.rawValue ?? "")
    writer.add(attributes.sorted { $0.key < $1.key }) { writer, attribute in
      writer.add(attribute.key)
      writer.add(attribute.value)
    }
    writer.add(message)
    return writer.bytes
  }

  /// Reads a payload; an empty one says nothing.
  public init(payload: [UInt8]) throws(StoreError) {
    guard !payload.isEmpty else {
      self.init(message: "")
      return
    }
    var reader = try RecordReader(payload, version: 1, what: "event")
    let deployment = try reader.string()
    let rollout = try reader.string()
    let deploymentState = DeploymentState(rawValue: try reader.string())
    let rolloutState = RolloutState(rawValue: try reader.string())
    let pairs = try reader.list { reader throws(StoreError) in
      (key: try reader.string(), value: try reader.string())
    }
    var attributes: [String: String] = [:]
    for (key, value) in pairs { attributes[key] = value }
    self.init(
      deployment: deployment, rollout: rollout, deploymentState: deploymentState,
      rolloutState: rolloutState, attributes: attributes, message: try reader.string())
  }
}
