/// When the devices of an org are asked to call again: as often as suits the org's fleet, and not in step.
///
/// The interval is as long as it takes the devices that called during the last one to call at ``callsPerSecond``, at least ``shortest``,
/// at most ``longest`` and twice the last one. Devices count, not their calls: who calls again and again makes nobody wait.
///
/// - 1,000 devices in 30 s → 30 s
/// - 50,000 devices in 30 s → 50,000 / 1,000 = 50 s
/// - 300,000 devices in 30 s → 60 s, then 120 s, 240 s, 300 s
/// - 10,000,000 devices in 600 s → 900 s
/// - one device, 1,000,000 times in 30 s → 30 s
public struct SyncPace: Hashable, Sendable {
  /// What devices of one org that only call to say that they are there may cost.
  public static let callsPerSecond: Int64 = 1_000
  public static let shortest: Duration = .seconds(30)
  public static let longest: Duration = .seconds(900)

  /// The interval now.
  public private(set) var interval = SyncPace.shortest
  private var devices = DistinctCount()
  private var begunAt: Timestamp?

  public init() {}

  /// A device called; returns when it is to call again, at the latest: between three quarters of the interval and all of it, as `share`
  /// (0..<1) says.
  public mutating func call(_ device: DeviceID, now: Timestamp, share: Double) -> Duration {
    begunAt = begunAt ?? now
    if isOver(now: now) {
      let needed = Duration.milliseconds(devices.estimate * 1_000 / Self.callsPerSecond)
      interval = min(max(needed, Self.shortest), Self.longest, interval * 2)
      devices = DistinctCount()
      begunAt = now
    }
    devices.insert(SipHash.hash(device.rawValue.utf8, key0: 0, key1: 0))
    return interval * (0.75 + 0.25 * share)
  }

  /// Whether the interval has passed, or the clock has jumped back: the next call begins another.
  public func isOver(now: Timestamp) -> Bool {
    guard let begunAt else { return true }
    return now >= begunAt + interval || now < begunAt
  }
}

/// The pace of each org.
public struct SyncPaces: Sendable {
  /// Orgs that are known at once; one more has those forgotten that nobody calls for, or, when there are none, all.
  public static let limit = 10_000

  private var paces: [OrgID: SyncPace] = [:]

  public init() {}

  /// As ``SyncPace/call(_:now:share:)``, for a device of `org`.
  public mutating func call(
    _ device: DeviceID, of org: OrgID, now: Timestamp, share: Double
  ) -> Duration {
    if paces.count >= Self.limit, paces[org] == nil {
      paces = paces.filter { !$0.value.isOver(now: now) }
      if paces.count >= Self.limit { paces.removeAll() }
    }
    return paces[org, default: SyncPace()].call(device, now: now, share: share)
  }
}
