/// Who asks for a scan: what its share is counted by.
public struct ScanCaller: Sendable, Hashable {
  public let org: String
  public let principal: String

  public init(org: String, principal: String) {
    self.org = org
    self.principal = principal
  }
}

/// Which scan is next: pure.
///
/// Every scan begins in the short lane, where it has little time. One that needs more is taken out and waits, once more from its
/// beginning, in the long lane, which has threads of its own: so a short scan waits for short ones only. In both lanes orgs take turns,
/// and within an org its principals. What a principal and an org may have waiting and running is bounded, so that whoever overdraws is
/// refused and nobody else.
struct ScanQueue<Job> {
  enum Lane: Hashable, Sendable, CaseIterable {
    case short, long
  }

  struct Limits: Sendable {
    /// Scans of one principal, waiting and running.
    var ofPrincipal = 32
    /// Scans of one org, waiting and running.
    var ofOrg = 128
    /// Scans of all orgs. When they are so many, an org has its even part of them at most; one that has none is never refused.
    var ofAll = 1_024
  }

  typealias ID = UInt64

  private struct Entry {
    let id: ID
    let job: Job
  }

  private struct Share {
    var count = 0
    var ofPrincipals: [String: Int] = [:]
  }

  private let limits: Limits
  private var lines: [Lane: Turns<Turns<Line<Entry>>>] = [:]
  private var shares: [String: Share] = [:]
  private var callers: [ID: ScanCaller] = [:]
  private var runningJobs: [ID: (job: Job, lane: Lane)] = [:]
  private var held: Set<Lane> = []
  private var lastID: ID = 0

  init(_ limits: Limits = Limits()) { self.limits = limits }

  /// Scans that wait or run.
  var count: Int { callers.count }

  /// Puts a scan into the short lane. Fails with `.overdrawn` when its caller has too many.
  mutating func add(_ job: Job, _ caller: ScanCaller) throws(StoreError) -> ID {
    let share = shares[caller.org] ?? Share()
    let own = share.ofPrincipals[caller.principal, default: 0]
    guard own < limits.ofPrincipal else {
      throw .overdrawn(subject: "principal", waiting: own, limit: limits.ofPrincipal)
    }
    guard share.count < limits.ofOrg else {
      throw .overdrawn(subject: "org", waiting: share.count, limit: limits.ofOrg)
    }
    if callers.count >= limits.ofAll {
      let part = max(1, limits.ofAll / max(1, shares.count))
      guard share.count < part else {
        throw .overdrawn(subject: "org", waiting: share.count, limit: part)
      }
    }
    lastID += 1
    callers[lastID] = caller
    shares[caller.org, default: Share()].count += 1
    shares[caller.org]?.ofPrincipals[caller.principal, default: 0] += 1
    wait(Entry(id: lastID, job: job), caller, .short)
    return lastID
  }

  /// Takes the scan whose turn it is; nil when none waits or the lane is held.
  mutating func next(_ lane: Lane) -> (id: ID, job: Job)? {
    guard !held.contains(lane), let entry = lines[lane]?.next() else { return nil }
    runningJobs[entry.id] = (entry.job, lane)
    return (entry.id, entry.job)
  }

  /// A running scan has used up the short lane's time: it waits in the long one.
  mutating func needsLonger(_ id: ID) {
    guard let job = runningJobs.removeValue(forKey: id)?.job, let caller = callers[id] else {
      return
    }
    wait(Entry(id: id, job: job), caller, .long)
  }

  /// A running scan has been answered.
  mutating func finished(_ id: ID) {
    runningJobs[id] = nil
    forget(id)
  }

  /// Takes a waiting scan out; nil when it does not wait (any more).
  mutating func withdraw(_ id: ID) -> Job? {
    guard let caller = callers[id], runningJobs[id] == nil else { return nil }
    for lane in Lane.allCases {
      let removed = lines[lane]?.remove(caller.org) { principals in
        principals.remove(caller.principal) { line in line.remove { $0.id == id }?.job }
      }
      if let job = removed ?? nil {
        forget(id)
        return job
      }
    }
    return nil
  }

  /// Lets no scan of a lane begin, or lets them again.
  mutating func hold(_ lane: Lane, _ isHeld: Bool) {
    if isHeld { held.insert(lane) } else { held.remove(lane) }
  }

  /// Scans of a lane that run.
  func running(_ lane: Lane) -> Int { runningJobs.values.count { $0.lane == lane } }

  private mutating func wait(_ entry: Entry, _ caller: ScanCaller, _ lane: Lane) {
    lines[lane, default: Turns()].with(caller.org, orElse: Turns()) { principals in
      principals.with(caller.principal, orElse: Line()) { $0.append(entry) }
    }
  }

  private mutating func forget(_ id: ID) {
    guard let caller = callers.removeValue(forKey: id), var share = shares[caller.org] else {
      return
    }
    share.count -= 1
    let own = share.ofPrincipals[caller.principal, default: 1] - 1
    share.ofPrincipals[caller.principal] = own > 0 ? own : nil
    shares[caller.org] = share.count > 0 ? share : nil
  }
}
