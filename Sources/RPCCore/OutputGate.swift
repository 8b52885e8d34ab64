/// Holds the calls of one connection back from encoding more while too much output waits on it.
///
/// A transport closes and opens it; who finds it closed waits in line. Belongs to the loop's thread.
public final class OutputGate: @unchecked Sendable {
  // Unchecked: used on the loop's thread alone.

  /// Nothing is to be encoded.
  public private(set) var isClosed = false
  private var waiting: [ServerCall] = []

  public init() {}

  public func close() { isClosed = true }

  /// Lets those who wait go on, in line, until it is closed again.
  public func open() {
    isClosed = false
    while !isClosed, !waiting.isEmpty {
      let next = waiting
      waiting = []
      for (index, call) in next.enumerated() {
        if isClosed {
          waiting.insert(contentsOf: next[index...], at: 0)
          break
        }
        call.gateOpened()
      }
    }
  }

  /// Has `gateOpened` of a call called once, when the gate is open.
  public func wait(_ call: ServerCall) { waiting.append(call) }

  /// Forgets who waits: their connection is gone.
  public func abandon() { waiting = [] }
}
