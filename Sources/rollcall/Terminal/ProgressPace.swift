/// Decides when a progress line is worth drawing: on a terminal often, in a log only when something happened.
///
/// Pure: time is a parameter.
struct ProgressPace: Sendable {
  /// Least milliseconds between two drawings when only figures changed.
  let interval: Int64
  private var last: (progress: RolloutProgress, at: Int64)?

  /// On a terminal ten drawings a second are plenty; a log gets a line every five seconds.
  init(isInteractive: Bool) { interval = isInteractive ? 100 : 5_000 }

  /// Whether to draw now. Another phase or exposure is always drawn, an equal line never.
  mutating func draws(_ progress: RolloutProgress, at now: Int64) -> Bool {
    if let last {
      if last.progress == progress { return false }
      let isEvent =
        last.progress.phase != progress.phase
        || last.progress.exposureMillionths != progress.exposureMillionths
      if !isEvent, now - last.at < interval { return false }
    }
    last = (progress, now)
    return true
  }
}
