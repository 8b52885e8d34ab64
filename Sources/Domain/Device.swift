/// What Rollcall knows about a device that decides what it gets.
public struct Device: Hashable, Sendable {
  public let id: DeviceID
  public let org: OrgID
  public var traits: DeviceTraits
  public var labels: Labels
  public var groups: Set<GroupID>

  public init(
    id: DeviceID, org: OrgID, traits: DeviceTraits, labels: Labels = .empty,
    groups: Set<GroupID> = []
  ) {
    self.id = id
    self.org = org
    self.traits = traits
    self.labels = labels
    self.groups = groups
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
