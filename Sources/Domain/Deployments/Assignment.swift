/// What one device shall run for one deployment, and why. Derived, never stored.
public struct Assignment: Hashable, Sendable {
  /// Which side of the rollout the device is on.
  public enum Arm: String, CaseIterable, Hashable, Sendable {
    case canary = "CANARY"
    case control = "CONTROL"
  }

  /// What decided.
  public enum Reason: String, CaseIterable, Hashable, Sendable {
    /// An operator pinned the device.
    case pin = "PIN"
    /// The device's bucket is below the exposure.
    case inCohort = "IN_COHORT"
    /// It is not.
    case outOfCohort = "OUT_OF_COHORT"
    /// Rollout or deployment is frozen: the device keeps its side.
    case frozen = "FROZEN"
    /// No rollout is under way: everybody gets the active version.
    case settled = "SETTLED"
    /// The device is not targeted any more and runs a version that was rolled back or given up: it goes back all the
    /// same.
    case withdrawn = "WITHDRAWN"
  }

  /// The version to run; nil: nothing, remove what the deployment put there.
  public let version: VersionID?
  public let arm: Arm
  public let reason: Reason
  /// The device's bucket in the newest rollout, nil before the first.
  public let bucket: Int32?

  public init(version: VersionID?, arm: Arm, reason: Reason, bucket: Int32?) {
    self.version = version
    self.arm = arm
    self.reason = reason
    self.bucket = bucket
  }

  /// What a deployment that targets a device no more still means for it: nothing, unless it runs a version that was rolled back or
  /// given up.
  ///
  /// Labels, groups and platform may have changed since it got that version; a rollback reaches it nevertheless. A pin to the
  /// version stands.
  ///
  /// - v2 rolled back to v1, running v2 → v1; running v1, or nothing → nil
  /// - first rollout (from nil), rolled back, running v2 → version nil: remove
  /// - running v2, pinned to v2 → nil
  /// - v2 set as the target again → nil
  public static func withdrawal(
    deployment: Deployment, rollout: Rollout?, device: DeviceID, running: VersionID?,
    pin: PinTarget?
  ) -> Assignment? {
    guard let running, deployment.governsDevices, deployment.withdrawnVersions.contains(running),
      pin != .version(running)
    else { return nil }
    return Assignment(
      version: deployment.activeVersion, arm: .control, reason: .withdrawn,
      bucket: rollout.map { Bucketing.bucket(of: device, salt: $0.salt) })
  }

  /// Whether what a targeted device gets may depend on what it runs: only while something holds new versions back.
  ///
  /// - rollout PROGRESSING, deployment ACTIVE → no; PAUSED → yes
  /// - rollout PAUSED or PENDING → yes
  public static func needsRunning(deployment: Deployment, rollout: Rollout?) -> Bool {
    deployment.state != .active || rollout?.state == .paused || rollout?.state == .pending
  }

  /// Assigns a version to a device that the deployment addresses; nil when the deployment governs no devices (draft, pending
  /// approval, archived, killed): such devices keep what they have.
  ///
  /// `running` is the version that the device reports as installed for this deployment, `rollout` the deployment's newest.
  ///
  /// First match decides:
  /// 1. pin to a version → that version; but while frozen, or before the rollout begins, the new version is not handed out anew.
  /// 2. no rollout, or one that completed before another version became active at once: the active version, frozen: what it runs.
  /// 3. it is COMPLETED, ROLLED_BACK or ABORTED: the active version; a control pin of a COMPLETED rollout → `from`.
  ///    A frozen deployment does not hand the active version out anew: who lacks it stays on `from`, or on what it runs.
  /// 4. rollout PAUSED, or deployment PAUSED or FAILED: who runs `to` stays on it, everybody else gets `from`, pinned or not.
  /// 5. rollout PENDING → `from`.
  /// 6. rollout PROGRESSING: canary pin or bucket < exposure → `to`; control pin or else → `from`.
  ///
  /// Rollout from v1 to v2, exposure 25 % (250_000):
  /// - PROGRESSING, bucket 249_999 → v2; bucket 250_000 → v1
  /// - PROGRESSING, bucket 999_999, canary pin → v2; bucket 0, control pin → v1
  /// - PAUSED, bucket 0, running v2 → v2; running v1 → v1
  /// - ROLLED_BACK, bucket 0, running v2 → v1; pinned to v2 → v2
  /// - COMPLETED, bucket 999_999 → v2; control pin → v1
  /// - COMPLETED, then v3 at once, any bucket → v3; control pin → v3
  /// - deployment ARCHIVED → nil
  /// - first rollout (from nil), ROLLED_BACK → version nil: remove
  public static func resolve(
    deployment: Deployment, rollout: Rollout?, device: DeviceID, running: VersionID?,
    pin: PinTarget?
  ) -> Assignment? {
    guard deployment.governsDevices else { return nil }
    guard let rollout else {
      if case .version(let pinned)? = pin {
        return Assignment(version: pinned, arm: .control, reason: .pin, bucket: nil)
      }
      return deployment.state == .active
        ? Assignment(
          version: deployment.activeVersion, arm: .control, reason: .settled, bucket: nil)
        : Assignment(version: running, arm: .control, reason: .frozen, bucket: nil)
    }
    let bucket = Bucketing.bucket(of: device, salt: rollout.salt)
    func assign(_ version: VersionID?, _ arm: Arm, _ reason: Reason) -> Assignment {
      Assignment(version: version, arm: arm, reason: reason, bucket: bucket)
    }
    func freeze() -> Assignment {
      running == rollout.to
        ? assign(rollout.to, .canary, .frozen) : assign(rollout.from, .control, .frozen)
    }
    let isFrozen = deployment.state != .active
    // Another version became active at once since the rollout completed: it has no sides any more.
    let isSuperseded = rollout.state == .completed && rollout.to != deployment.activeVersion

    if case .version(let pinned)? = pin {
      let isNew = pinned == rollout.to && rollout.state != .rolledBack && !isSuperseded
      let withheld = isFrozen || rollout.state == .paused || rollout.state == .pending
      if isNew && withheld { return freeze() }
      return assign(pinned, pinned == rollout.to && !isSuperseded ? .canary : .control, .pin)
    }
    switch rollout.state {
    case .progressing where !isFrozen:
      switch pin {
      case .canary: return assign(rollout.to, .canary, .pin)
      case .control: return assign(rollout.from, .control, .pin)
      case .version, nil:
        return Bucketing.contains(bucket: bucket, exposure: rollout.exposure)
          ? assign(rollout.to, .canary, .inCohort) : assign(rollout.from, .control, .outOfCohort)
      }
    case .progressing, .paused:
      return freeze()
    case .pending:
      return assign(rollout.from, .control, .outOfCohort)
    case .completed where isSuperseded:
      return isFrozen
        ? assign(running, .control, .frozen)
        : assign(deployment.activeVersion, .control, .settled)
    case .completed:
      if pin == .control { return assign(rollout.from, .control, .pin) }
      if isFrozen { return freeze() }
      return assign(deployment.activeVersion, .canary, .settled)
    case .rolledBack, .aborted:
      return assign(deployment.activeVersion, .control, .settled)
    }
  }
}
