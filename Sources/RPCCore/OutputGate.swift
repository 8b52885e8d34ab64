import Synchronization

/// Holds the calls of one connection back from encoding more while too much output waits on it.
///
/// A transport closes and opens it; who finds it closed waits in line. Belongs to the loop's thread, but for `isClosed`.
public final class OutputGate: @unchecked Sendable {
  // Unchecked: everything but `closed` is used on the loop's thread alone.

  private let closed = Atomic<Bool>(false)
  private var waiting: [ServerCall] = []
  /// How many of those in line have ended.
  private var gone = 0

  public init() {}

  /// Nothing is to be encoded. Any thread; what another than the loop's sees may be over.
  public var isClosed: Bool { closed.load(ordering: .relaxed) }

  public func close() { closed.store(true, ordering: .relaxed) }

  /// Lets those who wait go on, in line, until it is closed again.
  public func open() {
    closed.store(false, ordering: .relaxed)
    while !isClosed, !waiting.isEmpty {
      let next = waiting
      waiting = []
      gone = 0
      for (index, call) in next.enumerated() where call.waitsAtGate {
        if isClosed {
          waiting.insert(contentsOf: next[index...].lazy.filter(\.waitsAtGate), at: 0)
          break
        }
        call.waitsAtGate = false
        call.gateOpened()
      }
    }
  }

  /// Has `gateOpened` of a call called once, when the gate is open.
  public func wait(_ call: ServerCall) {
    guard !call.waitsAtGate else { return }
    call.waitsAtGate = true
    waiting.append(call)
  }

  /// The call has ended and waits no more. Whoever ends calls while the gate is closed does not make the line grow.
  public func leave(_ call: ServerCall) {
    guard call.waitsAtGate else { return }
    call.waitsAtGate = false
    gone += 1
    guard gone > 16, gone * 2 > waiting.count else { return }
    gone = 0
    waiting.removeAll { !$0.waitsAtGate }
  }

  /// How many are in line, or were when they ended.
  public var length: Int { waiting.count }

  /// Forgets who waits: their connection is gone.
  public func abandon() {
    for call in waiting { call.waitsAtGate = false }
    waiting = []
    gone = 0
  }
}
