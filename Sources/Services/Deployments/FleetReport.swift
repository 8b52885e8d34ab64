internal import Domain
internal import Store
internal import Synchronization

extension FleetState {
  /// A device that called within this time is online.
  private static let onlineWindow: Duration = .seconds(300)
  /// Devices counted in one scan: others get their turns in between, and no view of the database is held for long.
  static let countedAtOnce = 2_000

  /// Counts the devices of a deployment, a part at a time: not all of them at one moment.
  func count(_ deployment: String, _ caller: Caller) async throws -> AssignmentScan.Counts {
    try await countFleet(deployment, caller).counts
  }

  private func countFleet(
    _ id: String, _ caller: Caller
  ) async throws -> (counts: AssignmentScan.Counts, parts: Int) {
    let since = DeploymentService.now + (.zero - Self.onlineWindow)
    var (counts, parts) = (AssignmentScan.Counts(), 0)
    var next: DeviceID?
    repeat {
      let part = try await store.scan(for: caller.share) { [activity, store, next] db in
        let deployment = try DeploymentService.deployment(id, caller, db)
        return try AssignmentScan(deployment, db, store.telemetry).count(
          after: next, limit: Self.countedAtOnce, onlineSince: since, activity)
      }
      counts.add(part.counts)
      parts += 1
      next = part.next
    } while next != nil
    return (counts, parts)
  }

  /// What the devices of a deployment report, all together: counted now, or a while ago where counting takes long.
  func report(of deployment: DeploymentID, _ caller: Caller) async throws -> FleetReport {
    if let known = reports.find(deployment, at: StoreClock.monotonicMilliseconds()) {
      return known
    }
    let begin = StoreClock.monotonicMilliseconds()
    let now = DeploymentService.now
    let (counts, parts) = try await countFleet(deployment.rawValue, caller)
    let report = try await store.scan(for: caller.share) { [store] db in
      var activity = VersionActivity.none
      for version in try VersionTallies(db, store.telemetry).of(deployment) {
        activity.add(version.activity)
      }
      return try store.telemetry.read { reports in
        let failures = DeviceFailures(reports)
        return FleetReport(
          counts: counts, activity: activity,
          failures: try failures.groups(of: deployment, limit: FleetReport.maximumFailures),
          failingDevices: try failures.deviceCount(of: deployment), computedAt: now)
      }
    }
    // What was counted in one part is counted again whenever somebody asks.
    if parts > 1 {
      reports.keep(report, of: deployment, from: begin, to: StoreClock.monotonicMilliseconds())
    }
    return report
  }
}

/// What the devices of one deployment report, all together.
struct FleetReport: Sendable {
  /// How many different errors it tells.
  static let maximumFailures = 20

  let counts: AssignmentScan.Counts
  let activity: VersionActivity
  let failures: [Domain.FailureGroup]
  let failingDevices: Int
  let computedAt: Timestamp
}

/// Reports that took long to count, kept for ten times as long and at most a minute: whoever asks again and again takes a tenth of a
/// scan thread's time.
final class FleetReports: Sendable {
  private static let limit = 1_000
  private static let longest: Int64 = 60_000

  private let known = Mutex<[DeploymentID: (report: FleetReport, until: Int64)]>([:])

  /// Times are milliseconds of a clock that never jumps.
  func find(_ deployment: DeploymentID, at now: Int64) -> FleetReport? {
    known.withLock { known in
      guard let found = known[deployment], now < found.until else { return nil }
      return found.report
    }
  }

  /// Keeps a report that was counted between two times.
  func keep(_ report: FleetReport, of deployment: DeploymentID, from begin: Int64, to end: Int64) {
    known.withLock { known in
      if known.count >= Self.limit { known.removeAll() }
      known[deployment] = (report, end + min(Self.longest, (end - begin) * 10))
    }
  }
}
