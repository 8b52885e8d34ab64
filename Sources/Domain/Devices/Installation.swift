/// What a device says it runs for one deployment.
public struct Installation: Hashable, Sendable {
  /// How far the device has come. The numbers are those of the API.
  public enum State: Int32, CaseIterable, Hashable, Sendable {
    /// The artifact is being downloaded.
    case downloading = 1
    /// The version is loaded and answers.
    case installed = 2
    /// Download, verification or loading failed; the device keeps what it ran before.
    case failed = 3
    /// Nothing of the deployment is on the device any more.
    case removed = 4
  }

  public let deployment: DeploymentID
  /// The version that ``state`` is about.
  public var version: VersionID
  public var state: State
  /// What failed, for people.
  public var error: String
  /// The version that runs, whatever is being downloaded or failed; nil: none.
  public var running: VersionID?
  /// When it came to this state, by the server's clock.
  public var changedAt: Timestamp

  public init(
    deployment: DeploymentID, version: VersionID, state: State, error: String = "",
    running: VersionID? = nil, changedAt: Timestamp
  ) {
    self.deployment = deployment
    self.version = version
    self.state = state
    self.error = error
    self.running = running
    self.changedAt = changedAt
  }

  /// What is known after a device reported `version` in `state`, given what was known before.
  ///
  /// A device that is downloading, or failed to, still runs what it ran: only INSTALLED and REMOVED change `running`.
  ///
  /// - nothing known, v2 DOWNLOADING → running nil
  /// - v1 INSTALLED, then v2 DOWNLOADING → running v1
  /// - v1 INSTALLED, then v2 FAILED → running v1
  /// - v1 INSTALLED, then v2 INSTALLED → running v2
  /// - v2 INSTALLED, then REMOVED → running nil
  public static func report(
    _ deployment: DeploymentID, version: VersionID, state: State, error: String,
    after previous: Installation?, now: Timestamp
  ) -> Installation {
    let running: VersionID? =
      switch state {
      case .installed: version
      case .removed: nil
      case .downloading, .failed: previous?.running
      }
    return Installation(
      deployment: deployment, version: version, state: state, error: error, running: running,
      changedAt: now)
  }

  /// Whether a report says anything new, its time apart.
  public func differs(from other: Installation?) -> Bool {
    guard let other else { return true }
    return version != other.version || state != other.state || error != other.error
      || running != other.running
  }
}
