/// A device that runs models: what it is, which decides what it gets.
///
/// What it reports is kept apart (``DeviceActivity``, ``Installation``), because it changes all the time.
public struct Device: Hashable, Sendable {
  public let id: DeviceID
  public let org: OrgID
  /// What the device calls itself; unique within the org.
  public let hardwareID: String
  public let registeredAt: Timestamp
  public var traits: DeviceTraits
  /// The app it runs in, for instance a bundle id.
  public var appIdentifier: String
  public var labels: Labels
  public var groups: Set<GroupID>
  /// The revision of its last change: the etag.
  public var revision: Int64

  public init(
    id: DeviceID, org: OrgID, hardwareID: String, registeredAt: Timestamp, traits: DeviceTraits,
    appIdentifier: String = "", labels: Labels = .empty, groups: Set<GroupID> = [],
    revision: Int64 = 0
  ) {
    self.id = id
    self.org = org
    self.hardwareID = hardwareID
    self.registeredAt = registeredAt
    self.traits = traits
    self.appIdentifier = appIdentifier
    self.labels = labels
    self.groups = groups
    self.revision = revision
  }
}

/// What a device is, or what a model variant is built for.
public struct DeviceTraits: Hashable, Sendable {
  /// The number of the platform in the API; 0: unknown, in a variant: every platform.
  public var platform: Int32
  /// For instance "phone-high"; empty: unknown, in a variant: every class.
  public var deviceClass: String

  public init(platform: Int32, deviceClass: String) {
    self.platform = platform
    self.deviceClass = deviceClass
  }

  /// Whether a variant built for these traits runs on `device`.
  ///
  /// | built for | device | runs |
  /// |---|---|---|
  /// | every platform, every class | anything | yes |
  /// | iOS, every class | iOS phone-high | yes |
  /// | iOS, phone-high | iOS phone-low | no |
  /// | iOS, phone-high | unknown platform, phone-high | no |
  public func accept(_ device: DeviceTraits) -> Bool {
    (platform == 0 || platform == device.platform)
      && (deviceClass.isEmpty || deviceClass == device.deviceClass)
  }
}

/// A named set of devices of an org.
public struct DeviceGroup: Hashable, Sendable {
  public let id: GroupID
  public let org: OrgID
  public let createdAt: Timestamp
  /// Unique within the org.
  public var name: String
  public var description: String
  /// How many devices are members.
  public var deviceCount: Int
  public var updatedAt: Timestamp
  /// The revision of its last change: the etag. Members do not count.
  public var revision: Int64

  public init(
    id: GroupID, org: OrgID, createdAt: Timestamp, name: String, description: String,
    deviceCount: Int = 0, updatedAt: Timestamp, revision: Int64 = 0
  ) {
    self.id = id
    self.org = org
    self.createdAt = createdAt
    self.name = name
    self.description = description
    self.deviceCount = deviceCount
    self.updatedAt = updatedAt
    self.revision = revision
  }
}
