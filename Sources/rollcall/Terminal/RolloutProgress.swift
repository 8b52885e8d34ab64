/// What a progress bar of a rollout shows. A value: the line is a pure function of it and a width.
struct RolloutProgress: Equatable, Sendable {
  enum Phase: Equatable, Sendable {
    case pending, progressing, paused, completed, rolledBack, aborted
  }

  /// "1.0.0 → 2.0.0".
  var title: String
  var phase: Phase
  /// Share of the devices that get the new version, in millionths.
  var exposureMillionths: Int
  /// Exposures of the policy's steps, in millionths; marked on the bar.
  var stepsMillionths: [Int] = []
  /// Devices that run the new version, of all targeted ones; nil while unknown.
  var devices: (installed: Int, targeted: Int?)?
  /// Inferences of the new version.
  var inferencesOK: Int64 = 0
  var inferencesFailed: Int64 = 0
  /// Devices on which the new version could not be downloaded or activated.
  var devicesFailed = 0
  /// Seconds until the next step; nil when none is due.
  var secondsToNextStep: Int64?
  /// What the next step waits for when it is due: "gate error-rate: 3 of 5 devices". Empty: nothing.
  var waiting = ""
  /// Seconds since the server was heard last, once that is too long; nil while it is heard.
  var silentSeconds: Int64?

  static func == (a: Self, b: Self) -> Bool {
    a.title == b.title && a.phase == b.phase && a.exposureMillionths == b.exposureMillionths
      && a.stepsMillionths == b.stepsMillionths && a.devices?.installed == b.devices?.installed
      && a.devices?.targeted == b.devices?.targeted && a.inferencesOK == b.inferencesOK
      && a.inferencesFailed == b.inferencesFailed && a.devicesFailed == b.devicesFailed
      && a.secondsToNextStep == b.secondsToNextStep && a.waiting == b.waiting
      && a.silentSeconds == b.silentSeconds
  }

  /// The line, at most `width` columns: title, bar, exposure, then as many facts as fit.
  ///
  /// The bar fills by exposure; steps still ahead are marked "╷". Its width depends on title and terminal alone, so that
  /// it stands still while figures grow; at least ten characters stay for it, and what does not fit beside it is left out.
  func line(width: Int) -> String {
    let head = title + "  "
    let headWidth = DisplayWidth.of(head)
    let tail = "  " + Figures.percent(millionths: exposureMillionths)
    var facts = self.facts
    func length() -> Int {
      headWidth + tail.count + facts.reduce(0) { $0 + 2 + DisplayWidth.of($1) }
    }
    let barWidth = min(
      Self.longestBar, max(Self.shortestBar, width - headWidth - Self.widestTail))
    while length() + barWidth > width, !facts.isEmpty { facts.removeLast() }
    let line = head + bar(width: barWidth) + tail + facts.map { "  " + $0 }.joined()
    return String(DisplayWidth.prefix(line, max(0, width)))
  }

  static let shortestBar = 10
  static let longestBar = 40
  /// Room kept for exposure and facts.
  static let widestTail = 62

  /// "█████░░░╷░░░": filled cells round down, so that only a whole exposure fills the bar.
  func bar(width: Int) -> String {
    let filled = min(width, max(0, exposureMillionths * width / 1_000_000))
    let marks = Set(
      stepsMillionths.filter { $0 > exposureMillionths && $0 < 1_000_000 }
        .map { $0 * width / 1_000_000 })
    return (0..<width).map { $0 < filled ? "█" : marks.contains($0) ? "╷" : "░" }.joined()
  }

  /// What else there is to say, the most important first.
  var facts: [String] {
    var facts: [String] = []
    switch phase {
    case .pending: facts.append("pending")
    case .progressing: break
    case .paused: facts.append("PAUSED")
    case .completed: facts.append("completed")
    case .rolledBack: facts.append("ROLLED BACK")
    case .aborted: facts.append("aborted")
    }
    if let silentSeconds {
      facts.append("nothing heard for \(Figures.span(seconds: silentSeconds))")
    }
    if !waiting.isEmpty { facts.append("waits: \(waiting)") }
    if let devices {
      let whole = devices.targeted.map { "/\($0)" } ?? ""
      facts.append("\(devices.installed)\(whole) devices")
    }
    if devicesFailed > 0 { facts.append("\(devicesFailed) devices failing") }
    if inferencesFailed > 0 {
      facts.append("\(Figures.grouped(inferencesFailed)) inferences failed")
    }
    if inferencesOK > 0 { facts.append("\(Figures.grouped(inferencesOK)) ok") }
    if phase == .progressing, waiting.isEmpty, let secondsToNextStep {
      // Due and not taken: a gate holds.
      facts.append(
        secondsToNextStep > 0
          ? "next step in \(Figures.span(seconds: secondsToNextStep))" : "next step due")
    }
    return facts
  }
}
