internal import API
internal import Domain
internal import Store

extension FleetState {
  /// What a report tells, in the terms of what is kept: sums by version, what the gates of rollouts count, errors.
  ///
  /// What a device says of a version counts for a rollout only on the side that the device stands on, and only when it is the version
  /// of that side (``Domain/Rollout/judgedArm(of:assigned:)``). `installed` says what is so at the end of the report, after its events.
  func told(
    by device: Domain.Device, installed: [InstalledVersion], _ events: DeviceEvents,
    now: Timestamp, _ db: ReadTransaction
  ) throws -> FleetActivity.Told {
    var told = FleetActivity.Told(versions: events.versions)
    var standings = events.versions.mapValues {
      DeviceStanding(attempts: $0.attempts, latest: $0.latest)
    }
    var errors = events.errors
    for report in installed {
      let key = FleetActivity.VersionKey(
        deployment: DeploymentID(report.deploymentId), version: VersionID(report.modelVersionId))
      switch report.state {
      case .installed:
        standings[key, default: .none].add(DeviceStanding(latest: LatestOutcomes(runs: true)))
        errors[key] = .some(nil)
      case .failed:
        // The words of the event that it follows, when it has none of its own.
        let known = errors[key].flatMap { $0 } ?? ""
        errors[key] = .some(report.error.isEmpty ? known : report.error)
      case .downloading, .removed, .unspecified, .unrecognized: break
      }
    }
    guard !standings.isEmpty || !errors.isEmpty else { return told }
    let index = try indexes.index(org: device.org, db)
    var pins: [Pin]?
    for (key, standing) in standings {
      guard let entry = index.entry(key.deployment), let rollout = entry.rollout,
        rollout.state.isActive, entry.targets(device)
      else { continue }
      if pins == nil { pins = index.hasPins ? try DevicePins(db).of(device.id) : [] }
      // What runs decides only while something is frozen.
      let isFrozen = rollout.state != .progressing || entry.deployment.state != .active
      let running =
        isFrozen
        ? try Installations(db).find(device: device.id, deployment: key.deployment)?.running : nil
      let assignment = Assignment.resolve(
        deployment: entry.deployment, rollout: rollout, device: device.id, running: running,
        pin: pins?.first { $0.deployment == key.deployment }?.target)
      guard let assignment,
        let arm = rollout.judgedArm(of: key.version, assigned: assignment)
      else { continue }
      told.sides[FleetActivity.Side(rollout: rollout, arm: arm), default: .none].add(standing)
    }
    for (key, error) in errors {
      let rollout = index.entry(key.deployment)?.rollout
      told.failures[key] = .some(
        error.map {
          DeviceFailure(
            version: key.version, rollout: rollout?.to == key.version ? rollout?.id : nil,
            error: $0, failedAt: now)
        })
    }
    return told
  }
}
