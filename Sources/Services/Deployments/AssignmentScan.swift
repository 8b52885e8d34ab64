internal import API
internal import Domain
internal import ProtoWire
internal import Store

/// Goes along the devices of an org and says what a deployment means for them. For scans; each method looks at a bounded number of
/// devices, whatever the fleet's size.
struct AssignmentScan {
  /// Devices that a page looks at: where few match, it ends with fewer entries than asked for.
  static let maximumLooks = 10_000

  /// What devices are counted for.
  struct Counts: Sendable, Hashable {
    var targeted = 0
    var canary = 0
    var pinned = 0
    var online = 0
    var converged = 0
    var failed = 0

    mutating func add(_ other: Counts) {
      targeted += other.targeted
      canary += other.canary
      pinned += other.pinned
      online += other.online
      converged += other.converged
      failed += other.failed
    }
  }

  private let entry: DeploymentIndex.Entry
  private let hasPins: Bool
  private let db: ReadTransaction
  private let telemetry: TelemetryStore

  init(
    _ deployment: Domain.Deployment, _ db: ReadTransaction, _ telemetry: TelemetryStore
  ) throws {
    entry = try DeploymentIndex.entry(deployment, db)
    hasPins = try !DevicePins(db).devices(
      of: deployment.id, after: nil, descending: false, limit: 1
    ).isEmpty
    self.db = db
    self.telemetry = telemetry
  }

  // MARK: Pages

  /// A page of assignments. `total` is what the first page of the walk counted; nil: this is the first, which counts what matches among
  /// the first ``maximumLooks`` devices.
  func page(
    _ page: Page, arm: Assignment.Arm?, pinnedOnly: Bool, total known: Int?
  ) throws -> Listing<DeviceAssignment> {
    var items = PageItems<DeviceAssignment>(page)
    var (total, looks, toSkip) = (0, 0, page.skip)
    // Where the next page begins, and whether there is anything beyond.
    var (last, goesOn) = (page.after, false)
    try forEach(page, pinnedOnly: pinnedOnly) { device in
      guard looks < Self.maximumLooks else {
        goesOn = true
        return false
      }
      looks += 1
      if let found = try matching(device, arm) {
        total += 1
        if !items.isFull {
          if toSkip > 0 {
            toSkip -= 1
          } else {
            let assignment = try assignment(device, found)
            goesOn = !items.add(assignment, bytes: assignment.encodedSize)
          }
        }
      }
      if !items.isFull { last = device.id.rawValue }
      return !items.isFull || known == nil
    }
    return Listing(items: items.items, next: goesOn ? last : nil, total: known ?? total)
  }

  /// A page of the devices with a failure, targeted or not: as many reads as the page has entries. `total` as above.
  func failures(_ page: Page, total known: Int?) throws -> Listing<DeviceAssignment> {
    let deployment = entry.deployment
    let (found, total) = try telemetry.read { reports in
      let failures = DeviceFailures(reports)
      return (
        try failures.page(
          deployment: deployment.id, after: page.after.map { DeviceID($0) },
          descending: page.order == .newestFirst, skip: page.skip, limit: page.limit + 1),
        try known
          ?? failures.deviceCount(
            of: deployment.id, upTo: Listing<DeviceAssignment>.countLimit)
      )
    }
    var items = PageItems<DeviceAssignment>(page)
    var last = page.after
    for id in found {
      if let device = try Devices(db).find(id, org: deployment.org) {
        let assignment = try assignment(device, Found())
        guard items.add(assignment, bytes: assignment.encodedSize) else { break }
      }
      last = id.rawValue
    }
    return Listing(items: items.items, next: items.isFull ? last : nil, total: total)
  }

  /// What was read to find out whether a device matches; nil: not read.
  private struct Found {
    var installation: Installation??
    var pin: Pin??
  }

  /// Nil: the deployment means nothing for the device, or it is on another side than `arm`.
  private func matching(_ device: Domain.Device, _ arm: Assignment.Arm?) throws -> Found? {
    var found = Found()
    let isTargeted = entry.targets(device)
    // Who is targeted no more is looked at while there is something to bring back.
    guard isTargeted || !entry.deployment.withdrawnVersions.isEmpty else { return nil }
    guard !isTargeted || arm != nil else { return found }
    let (installation, pin) = (try installation(device), try pin(device))
    (found.installation, found.pin) = (.some(installation), .some(pin))
    let assignment = entry.assignment(
      device, running: installation?.running, pin: pin?.target)
    if let arm { return assignment?.arm == arm ? found : nil }
    return assignment == nil ? nil : found
  }

  private func assignment(_ device: Domain.Device, _ found: Found) throws -> DeviceAssignment {
    let installation = try found.installation ?? installation(device)
    return DeviceAssignment(
      device, entry, pin: try found.pin ?? pin(device), running: installation?.running,
      failure: try telemetry.read {
        try DeviceFailures($0).of(device.id, deployment: entry.deployment.id).first
      })
  }

  private func installation(_ device: Domain.Device) throws -> Installation? {
    try Installations(db).find(device: device.id, deployment: entry.deployment.id)
  }

  private func pin(_ device: Domain.Device) throws -> Pin? {
    hasPins ? try DevicePins(db).find(deployment: entry.deployment.id, device: device.id) : nil
  }

  /// The devices that a page may look at, one more than ``maximumLooks``, from where it begins.
  private func forEach(
    _ page: Page, pinnedOnly: Bool, _ body: (Domain.Device) throws -> Bool
  ) throws {
    let after = page.after.map { DeviceID($0) }
    let descending = page.order == .newestFirst
    let deployment = entry.deployment
    guard pinnedOnly else {
      return try Devices(db).forEach(
        org: deployment.org, after: after, descending: descending, limit: Self.maximumLooks + 1,
        withGroups: !deployment.selector.groups.isEmpty, body)
    }
    let pinned = try DevicePins(db).devices(
      of: deployment.id, after: after, descending: descending, limit: Self.maximumLooks + 1)
    for id in pinned {
      guard let device = try Devices(db).find(id, org: deployment.org) else { continue }
      guard try body(device) else { return }
    }
  }

  // MARK: Counts

  /// Counts a part of the fleet: at most `limit` devices beyond `after`. Returns where the next part begins, nil behind the last one.
  /// Who called at `onlineSince` or later is online.
  func count(
    after: DeviceID?, limit: Int, onlineSince: Timestamp, _ activity: FleetActivity
  ) throws -> (counts: Counts, next: DeviceID?) {
    var (counts, looks, last) = (Counts(), 0, after)
    try telemetry.read { reports in
      try Devices(db).forEach(
        org: entry.deployment.org, after: after, limit: limit,
        withGroups: !entry.deployment.selector.groups.isEmpty
      ) { device in
        (looks, last) = (looks + 1, device.id)
        guard try count(device, &counts) else { return true }
        if let seen = try activity.lastSeen(device.id, reports), seen >= onlineSince {
          counts.online += 1
        }
        return true
      }
    }
    return (counts, looks < limit ? nil : last)
  }

  /// Whether the deployment means something for the device.
  private func count(_ device: Domain.Device, _ counts: inout Counts) throws -> Bool {
    let isTargeted = entry.targets(device)
    guard isTargeted || !entry.deployment.withdrawnVersions.isEmpty else { return false }
    let (installation, pin) = (try installation(device), try pin(device))
    let assignment = entry.assignment(
      device, running: installation?.running, pin: pin?.target)
    guard isTargeted || assignment != nil else { return false }
    counts.targeted += 1
    if pin != nil { counts.pinned += 1 }
    if installation?.state == .failed { counts.failed += 1 }
    if assignment?.arm == .canary { counts.canary += 1 }
    if let assignment, assignment.version == installation?.running { counts.converged += 1 }
    return true
  }
}
