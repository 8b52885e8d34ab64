/// The identity of one thing of kind `Owner`: opaque text, UUIDv7 wherever Rollcall makes it.
///
/// Phantom-typed, so that a device id never slips into a place for a deployment id. Domain neither makes
/// nor parses ids: they arrive as parameters.
public struct ID<Owner>: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// The text as stored and as sent on the wire.
  public let rawValue: String

  /// Takes the text as it is.
  @inlinable
  public init(_ rawValue: String) { self.rawValue = rawValue }

  public var description: String { rawValue }

  /// Text order; for UUIDv7 that is the order of creation.
  @inlinable
  public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// The kinds of things that have an identity. Never instantiated.
public enum Identified {
  public enum Org {}
  public enum Principal {}
  public enum Key {}
  public enum Model {}
  public enum Variant {}
  public enum Version {}
  public enum Device {}
  public enum Group {}
  public enum Deployment {}
  public enum Rollout {}
  public enum Gate {}
}

/// An organisation: the owner of everything else.
public typealias OrgID = ID<Identified.Org>
/// A user or service account.
public typealias PrincipalID = ID<Identified.Principal>
/// An API key.
public typealias KeyID = ID<Identified.Key>
/// A model in the catalog.
public typealias ModelID = ID<Identified.Model>
/// A model built for one capability, device class and platform.
public typealias VariantID = ID<Identified.Variant>
/// One version of a variant: what a device runs.
public typealias VersionID = ID<Identified.Version>
/// The bytes of a version.
/// A device of the fleet.
public typealias DeviceID = ID<Identified.Device>
/// A named set of devices.
public typealias GroupID = ID<Identified.Group>
/// A deployment.
public typealias DeploymentID = ID<Identified.Deployment>
/// One run of a deployment from a version to another.
public typealias RolloutID = ID<Identified.Rollout>
/// One gate rule of a rollout policy.
public typealias GateID = ID<Identified.Gate>
