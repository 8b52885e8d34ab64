import Transport

/// An event loop of a server, as `onLoopStart` sees it. To be used on the loop's own thread.
public struct ServerLoop {
  /// 0, 1, … in the order the loops started.
  public let index: Int
  private let loop: LoopExecutor

  init(_ loop: LoopExecutor, index: Int) {
    self.loop = loop
    self.index = index
  }

  /// Runs `work` once, when the sockets that are ready now have been served: where a read transaction that a turn's calls share ends.
  public func atEndOfTurn(_ work: @escaping () -> Void) { loop.atEndOfTurn(work) }
}
