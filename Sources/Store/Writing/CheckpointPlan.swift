/// When the write-ahead log is copied back into the database file, and how: pure.
///
/// Copying disturbs nobody, but a log that somebody always appends to and somebody always reads is never begun anew: it grows. So from
/// `restartAt` on the writer is barred for a moment, and from `quietAt` on also scans, whose views may be seconds old.
struct CheckpointPlan {
  enum Step: Hashable {
    /// Copy, disturb nobody.
    case copy
    /// Copy, then begin anew if no reader has an old view.
    case restart
    /// As above at a moment without scans.
    case restartWithoutScans
  }

  struct Options: Sendable {
    /// Pages (4 KiB each) between two copies.
    var copyEvery = 1_000
    /// Pages in the log from which on it is to be begun anew.
    var restartAt = 4_000
    /// Pages in the log from which on scans have to wait for that.
    var quietAt = 16_000
    /// Pages after which a restart that was in vain is tried again.
    var retryAfter = 1_000
  }

  private let options: Options
  /// Pages in the log when it was last copied.
  private var copied = 0
  /// Pages in the log when beginning anew is tried next.
  private var nextRestart: Int

  init(_ options: Options = Options()) {
    self.options = options
    nextRestart = options.restartAt
  }

  /// What to do when the log has `pages`; nil: nothing.
  mutating func next(pages: Int) -> Step? {
    if pages < copied {
      // It was begun anew meanwhile.
      copied = 0
      nextRestart = options.restartAt
    }
    if pages >= nextRestart { return pages >= options.quietAt ? .restartWithoutScans : .restart }
    return pages - copied >= options.copyEvery ? .copy : nil
  }

  /// A step was taken, and the log had `pages` then. Whether it is begun anew, the next commit shows.
  mutating func took(_ step: Step, pages: Int) {
    copied = pages
    if step != .copy { nextRestart = pages + options.retryAfter }
  }
}
