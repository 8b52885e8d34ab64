public import API
internal import Domain
internal import ProtoWire
public import RPCCore
internal import Store

extension DeploymentService {
  public func listAssignments(
    _ request: ListAssignmentsRequest, context: ServerContext
  ) async throws -> ListAssignmentsResponse {
    try await rules.perform(context) { caller in
      let walk = try PageWalk(request, caller, context, fleet.store.pageTokens)
      let arm: Assignment.Arm?
      switch request.arm {
      case .unspecified: arm = nil
      case .canary: arm = .canary
      case .control: arm = .control
      case .unrecognized(let number):
        throw ServiceError.invalid(field: "arm", message: "there is no arm \(number)")
      }
      if request.failedOnly, arm != nil || request.pinnedOnly {
        throw ServiceError.invalid(
          field: "failed_only", message: "excludes arm and pinned_only")
      }
      // Counting passes over the fleet, so it runs beside the calls.
      let listing = try await fleet.store.scan(for: caller.share) {
        [telemetry = fleet.store.telemetry] db in
        let deployment = try Self.deployment(request.deploymentId, caller, db)
        let scan = try AssignmentScan(deployment, db, telemetry)
        return request.failedOnly
          ? try scan.failures(walk.page)
          : try scan.page(walk.page, arm: arm, pinnedOnly: request.pinnedOnly)
      }
      return ListAssignmentsResponse.with {
        $0.assignments = listing.items
        $0.nextPageToken = walk.token(after: listing.next)
        $0.totalSize = Int32(clamping: listing.total)
      }
    }
  }

  public func materialize(
    _ request: MaterializeRequest, context: ServerContext
  ) async throws -> MaterializeResponse {
    try await rules.perform(context) { caller in
      let counts = try await fleet.store.scan(for: caller.share) {
        [telemetry = fleet.store.telemetry] db in
        let deployment = try Self.deployment(request.deploymentId, caller, db)
        return try AssignmentScan(deployment, db, telemetry).counts()
      }
      let response: MaterializeResponse = try await rules.mutate(
        request, caller, context.method
      ) { mutation in
        let deployment = try Self.deployment(
          request.deploymentId, mutation.caller, mutation.tx)
        try Etag.check(
          request.etag, .deployment, request.deploymentId, revision: deployment.revision)
        // The event alone makes connected devices look again.
        try mutation.journal.note(
          .init(
            "materialized", attributes: ["targeted_devices": "\(counts.targeted)"],
            message: "\(counts.targeted) devices are targeted by \(deployment.name)"),
          deployment: deployment)
        return MaterializeResponse.with {
          $0.targetedDevices = Int32(clamping: counts.targeted)
          $0.canaryDevices = Int32(clamping: counts.canary)
          $0.controlDevices = Int32(clamping: counts.targeted - counts.canary)
          $0.pinnedDevices = Int32(clamping: counts.pinned)
        }
      }
      fleet.connections.wake(caller.org)
      return response
    }
  }
}

/// Passes over the devices that a deployment targets. For scans: as long as the fleet is large.
struct AssignmentScan {
  /// What a pass counts.
  struct Counts: Sendable {
    var targeted = 0
    var canary = 0
    var pinned = 0
    var online = 0
    var converged = 0
    var failed = 0
    var activity = VersionActivity.none
  }

  private let entry: DeploymentIndex.Entry
  private let pins: [DeviceID: Pin]
  private let db: ReadTransaction
  private let telemetry: TelemetryStore

  init(
    _ deployment: Domain.Deployment, _ db: ReadTransaction, _ telemetry: TelemetryStore
  ) throws {
    entry = try DeploymentIndex.entry(deployment, db)
    pins = Dictionary(
      uniqueKeysWithValues: try DevicePins(db).of(deployment.id).map { ($0.device, $0) })
    self.db = db
    self.telemetry = telemetry
  }

  /// A page of assignments with the total over all pages.
  func page(
    _ page: Page, arm: Assignment.Arm?, pinnedOnly: Bool
  ) throws -> Listing<DeviceAssignment> {
    let isDescending = page.order == .newestFirst
    var items: [DeviceAssignment] = []
    var (total, toSkip, hasMore) = (0, page.skip, false)
    try forEach(descending: isDescending) { device, installation in
      let pin = pins[device.id]
      guard !pinnedOnly || pin != nil else { return }
      if let arm {
        let assignment = entry.assignment(
          device, running: installation?.running, pin: pin?.target)
        guard assignment?.arm == arm else { return }
      }
      total += 1
      let id = device.id.rawValue
      if let after = page.after, isDescending ? id >= after : id <= after { return }
      guard toSkip == 0 else {
        toSkip -= 1
        return
      }
      guard items.count < page.limit else {
        hasMore = true
        return
      }
      items.append(try assignment(device, installation))
    }
    return Listing(items: items, next: hasMore ? items.last?.deviceId : nil, total: total)
  }

  /// A page of the devices with a failure, targeted or not: as many reads as the page has entries, and a count.
  func failures(_ page: Page) throws -> Listing<DeviceAssignment> {
    let (found, total) = try telemetry.read { reports in
      let failures = DeviceFailures(reports)
      return (
        try failures.page(
          deployment: entry.deployment.id, after: page.after.map { DeviceID($0) },
          descending: page.order == .newestFirst, skip: page.skip, limit: page.limit + 1),
        try failures.deviceCount(of: entry.deployment.id)
      )
    }
    let items = try found.prefix(page.limit).compactMap { id -> DeviceAssignment? in
      guard let device = try Devices(db).find(id, org: entry.deployment.org) else { return nil }
      return try assignment(
        device, try Installations(db).find(device: id, deployment: entry.deployment.id))
    }
    return Listing(
      items: items, next: found.count > page.limit ? found[page.limit - 1].rawValue : nil,
      total: total)
  }

  private func assignment(
    _ device: Domain.Device, _ installation: Installation?
  ) throws -> DeviceAssignment {
    DeviceAssignment(
      device, entry, pin: pins[device.id], running: installation?.running,
      failure: try telemetry.read {
        try DeviceFailures($0).of(device.id, deployment: entry.deployment.id).first
      })
  }

  /// Counts the targeted devices and their sides.
  func counts() throws -> Counts {
    var counts = Counts()
    try forEach { device, installation in count(device, installation, &counts) }
    return counts
  }

  /// As above, with what the devices report. `onlineSince`: who called later is online.
  func counts(onlineSince: Timestamp, _ activity: FleetActivity) throws -> Counts {
    var counts = Counts()
    try forEach { device, installation in
      count(device, installation, &counts)
      let seen = try activity.current(device.id).lastSeenAt
      if let seen, seen >= onlineSince { counts.online += 1 }
    }
    for version in try VersionTallies(db, telemetry).of(entry.deployment.id) {
      counts.activity.add(version.activity)
    }
    return counts
  }

  private func count(
    _ device: Domain.Device, _ installation: Installation?, _ counts: inout Counts
  ) {
    counts.targeted += 1
    if pins[device.id] != nil { counts.pinned += 1 }
    if installation?.state == .failed { counts.failed += 1 }
    let assignment = entry.assignment(
      device, running: installation?.running, pin: pins[device.id]?.target)
    guard let assignment else { return }
    if assignment.arm == .canary { counts.canary += 1 }
    if assignment.version == installation?.running { counts.converged += 1 }
  }

  private func forEach(
    descending: Bool = false, _ body: (Domain.Device, Installation?) throws -> Void
  ) throws {
    let usesGroups = !entry.deployment.selector.groups.isEmpty
    try Devices(db).forEach(
      org: entry.deployment.org, descending: descending, withGroups: usesGroups
    ) { device in
      let isTargeted = entry.targets(device)
      // Who is targeted no more is looked at while there is something to bring back.
      guard isTargeted || !entry.deployment.withdrawnVersions.isEmpty else { return true }
      let installation = try Installations(db).find(
        device: device.id, deployment: entry.deployment.id)
      guard
        isTargeted
          || entry.assignment(
            device, running: installation?.running, pin: pins[device.id]?.target) != nil
      else { return true }
      try body(device, installation)
      return true
    }
  }
}
