/// What waits for the writer, and in which order it is carried out: pure.
///
/// Orgs take turns, so that nobody waits for more than one closure of each other org, and what an org may have waiting is bounded by
/// what it leaves to all others. What is asked without an org is the store's own, and has a turn like one.
///
/// The closures of a transaction are taken a few at a time: one whose closures are slow is over after ``patience``, and who came
/// meanwhile has a turn in the next.
struct WriteQueue {
  /// How long a transaction goes on, in milliseconds, while closures of several orgs wait for its commit.
  static let patience: Int64 = 10
  private static let portion = 8

  private var lines: [String: Line<any WriteJob>] = [:]
  /// Every org that waits once; the first is next.
  private var order = Line<String>()
  private(set) var count = 0
  /// Whether the writer is to take them: not while the turn of an event loop that queued all of them goes on.
  private(set) var isDue = false
  var isClosed = false

  /// What the transaction under way may still take, whose closures it took, and whether of more than one org.
  private var left = 0
  private var org: String?
  private var isMixed = false

  /// Adds a closure. Fails with `.overloaded` when `limit` closures wait and with `.overdrawn` when the org has as many of them as are
  /// left for all others.
  mutating func add(_ job: any WriteJob, of org: String, limit: Int) throws(StoreError) {
    guard count < limit else { throw .overloaded(waiting: count, limit: limit) }
    var line = lines.removeValue(forKey: org) ?? Line()
    defer { lines[org] = line }
    if line.isEmpty { order.append(org) }
    // The store's own are few, and nobody's to overdraw.
    if !org.isEmpty, line.count > 0, line.count >= limit - count {
      throw .overdrawn(subject: "org", waiting: line.count, limit: limit - count)
    }
    line.append(job)
    count += 1
  }

  /// Has the writer take what waits; whether it does not know that already.
  mutating func becomeDue() -> Bool {
    defer { isDue = true }
    return !isDue
  }

  /// Begins a transaction of at most `maximum` closures that wait now, and takes the first of them.
  mutating func begin(maximum: Int) -> ArraySlice<any WriteJob> {
    left = min(maximum, count)
    isDue = count > left
    org = nil
    isMixed = false
    return take()
  }

  /// More for the transaction under way; none when it is to end. `isLate`: it has lasted longer than ``patience``.
  mutating func more(isLate: Bool) -> ArraySlice<any WriteJob> {
    let othersWait = isMixed || order.count > 1 || org.map { lines[$0] == nil } ?? true
    return isLate && othersWait ? [] : take()
  }

  /// Ends a transaction, however it ended: what it left of what waited when it began is due.
  mutating func end() {
    if left > 0 { isDue = true }
    left = 0
  }

  private mutating func take() -> ArraySlice<any WriteJob> {
    let wanted = min(left, count, Self.portion)
    var jobs: [any WriteJob] = []
    jobs.reserveCapacity(wanted)
    while jobs.count < wanted, let name = order.next(), var line = lines.removeValue(forKey: name) {
      // One that is alone needs no turns.
      repeat {
        if let job = line.next() { jobs.append(job) }
      } while order.isEmpty && !line.isEmpty && jobs.count < wanted
      if !line.isEmpty {
        lines[name] = line
        order.append(name)
      }
      isMixed = isMixed || org.map { $0 != name } ?? false
      org = name
    }
    count -= jobs.count
    left -= jobs.count
    // A loop may have said so of closures that this transaction has taken: the next one is news again.
    if count == 0 { isDue = false }
    return jobs[...]
  }
}
