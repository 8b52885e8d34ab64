import API
import ProtoWire
import RPCCore

/// Follows a rollout to its end and draws a progress line meanwhile.
///
/// Four children: the rollout's stream, which is resumed from the last revision when the connection drops; the
/// deployment's health; how many devices it targets, which takes its time in a large fleet; and a clock for the countdown. The rollout's stream decides when it is over. A server sends a bookmark every
/// ten seconds when nothing happens: when far longer nothing is heard, the person who watches is told.
actor RolloutWatch {
  /// Silence after which it is told: two bookmarks are missing.
  static let longestSilence: Int64 = 25

  private let session: Session
  private let title: String
  private let terminal: Terminal
  /// How the rollout is named in advice.
  private let name: String
  private var rollout: Rollout
  private var health: DeploymentHealth?
  /// Devices that the deployment targets; nil as long as that is not known.
  private var targeted: Int?
  private var pace: ProgressPace
  private let clock = ContinuousClock()
  private let started: ContinuousClock.Instant
  private var heard: ContinuousClock.Instant
  private var isLost = false
  /// What has been said of why it waits or stands still, so that it is said once.
  private var said = ""
  /// Called with every change of the rollout, in order.
  private let onChange: @Sendable (WatchRolloutResponse) throws -> Void

  init(
    session: Session, rollout: Rollout, title: String, name: String = "",
    terminal: Terminal = .shared,
    onChange: @escaping @Sendable (WatchRolloutResponse) throws -> Void = { _ in }
  ) {
    self.session = session
    self.rollout = rollout
    self.title = title
    self.name = name.isEmpty ? rollout.id : name
    self.terminal = terminal
    self.onChange = onChange
    pace = ProgressPace(isInteractive: terminal.isInteractive)
    started = clock.now
    heard = started
  }

  /// Runs until the rollout stands in one of `states`, and returns it. The stream's own failure is thrown, that of the output, and a
  /// complaint when the command's time is over.
  func run(until states: Set<Rollout.State> = [.completed, .rolledBack, .aborted]) async throws
    -> Rollout
  {
    try await withThrowingTaskGroup(of: Bool.self) { group in
      group.addTask {
        try await self.followRollout(until: states)
        return true
      }
      group.addTask {
        try await self.followHealth()
        return false
      }
      group.addTask {
        try await self.countTargeted()
        return false
      }
      group.addTask {
        try await self.tick()
        return false
      }
      defer { group.cancelAll() }
      while let isOver = try await group.next() {
        if isOver { break }
      }
    }
    try draw(force: true)
    try terminal.endLiveLine()
    return rollout
  }

  /// An ornament as well, and one for which the server passes over the whole fleet: without an answer the line goes without it.
  private func countTargeted() async throws {
    var request = GetDeviceHealthRequest()
    request.deploymentId = rollout.deploymentId
    do {
      let answer = try await session.deployments.getDeviceHealth(
        request, options: session.streaming)
      targeted = (answer.deviceHealth?.targetedDevices).map { Int($0) }
    } catch is RPCError {
      return
    }
    try draw()
  }

  private func followRollout(until states: Set<Rollout.State>) async throws {
    var request = WatchRolloutRequest()
    request.rolloutId = rollout.id
    while !Task.isCancelled {
      let call = session.deployments.watchRollout(request, options: session.streaming)
      do {
        for try await message in call {
          request.fromRevision = message.revision
          try hear()
          try take(message)
          if states.contains(rollout.state) {
            call.cancel()
            return
          }
        }
        return
      } catch let error as RPCError where error.code == .unavailable && !isOver {
        // The connection is gone: go on after the last revision seen once the server is back.
        lose(error)
        try await Task.sleep(for: .seconds(1))
      } catch let error as RPCError where error.code == .deadlineExceeded || isOver {
        throw Complaint(
          "the rollout stands at \(RolloutText.stand(rollout)); --timeout is over",
          next: "rollcall rollouts watch \(name) goes on", status: .unreachable)
      }
    }
  }

  private var isOver: Bool { session.end.map { $0 <= .now } ?? false }

  /// Health is an ornament of the line: without it the rollout is still followed. Only an output that takes no more is thrown.
  private func followHealth() async throws {
    var request = WatchHealthRequest()
    request.deploymentId = rollout.deploymentId
    while !Task.isCancelled {
      do {
        for try await message in session.deployments.watchHealth(
          request, options: session.streaming)
        {
          if case .snapshot(let health)? = message.content { try take(health) }
        }
        return
      } catch let failure as Terminal.Failure {
        throw failure
      } catch {
        do { try await Task.sleep(for: .seconds(1)) } catch { return }
      }
    }
  }

  private func tick() async throws {
    while !Task.isCancelled {
      try draw()
      do { try await Task.sleep(for: .milliseconds(250)) } catch { return }
    }
  }

  private func take(_ message: WatchRolloutResponse) throws {
    switch message.content {
    case .snapshot(let rollout)?: self.rollout = rollout
    case .event(let change)?: if let rollout = change.rollout { self.rollout = rollout }
    case .bookmark?, nil: return
    }
    try onChange(message)
    try draw()
  }

  private func take(_ health: DeploymentHealth) throws {
    self.health = health
    try draw()
  }

  // MARK: The server

  private var silence: Int64 { (clock.now - heard).components.seconds }

  private func hear() throws {
    heard = clock.now
    guard isLost else { return }
    isLost = false
    terminal.complain("The server is heard again.")
    try draw(force: true)
  }

  private func lose(_ error: RPCError) {
    guard !isLost else { return }
    isLost = true
    terminal.complain("The connection is lost, trying again: \(TextTable.oneLine(error.message))")
  }

  // MARK: Drawing

  private func draw(force: Bool = false) throws {
    if !isLost, silence >= Self.longestSilence {
      isLost = true
      terminal.complain(
        "Nothing was heard of the server for \(silence) s: the connection may be lost. Still waiting."
      )
    }
    guard session.output == .table else { return }
    let now = (clock.now - started).components
    let milliseconds = now.seconds * 1_000 + now.attoseconds / 1_000_000_000_000_000
    let wait = wait
    try explain(wait)
    var progress = progress
    progress.waiting = wait?.short ?? ""
    progress.silentSeconds = silence >= Self.longestSilence ? silence : nil
    guard pace.draws(progress, at: milliseconds) || force else { return }
    try terminal.liveLine(progress.line(width: terminal.width - 1))
  }

  /// Says once, in whole sentences, why the rollout stands still and what can be done.
  private func explain(_ wait: RolloutWait?) throws {
    let text: String
    if rollout.state == .paused {
      let why = rollout.stateReason.isEmpty ? "" : ": \(TextTable.oneLine(rollout.stateReason))"
      text =
        "Paused\(why)\n  → rollcall rollouts resume \(name), or rollcall deployments rollback \(name)"
    } else if let wait {
      text = "\(wait.why)\n  → \(wait.next)"
    } else {
      text = ""
    }
    guard text != said else { return }
    said = text
    // Without a name there is nobody to advise: the demo tells its own story.
    if !text.isEmpty, name != rollout.id { try terminal.line(text) }
  }

  private var verdicts: [GateVerdict] {
    health?.rolloutId == rollout.id ? health?.gateVerdicts ?? [] : rollout.gateVerdicts
  }

  private var wait: RolloutWait? {
    // A moment of grace: the automator looks once a second.
    let isDue = rollout.nextAdvanceAt.map {
      $0.seconds + 2 <= Google_Protobuf_Timestamp.now.seconds
    }
    return RolloutWait(rollout, verdicts: verdicts, isDue: isDue ?? false, name: name)
  }

  private var progress: RolloutProgress {
    RolloutProgress(
      title: title, rollout: rollout,
      health: health?.versions.first { $0.modelVersionId == rollout.toVersionId },
      targeted: targeted, now: .now)
  }
}

extension RolloutProgress {
  /// What a rollout and its new version's health look like at a moment.
  init(
    title: String, rollout: Rollout, health: VersionHealth?, targeted: Int?,
    now: Google_Protobuf_Timestamp
  ) {
    let phase: Phase =
      switch rollout.state {
      case .progressing: .progressing
      case .paused: .paused
      case .completed: .completed
      case .rolledBack: .rolledBack
      case .aborted: .aborted
      case .pending, .unspecified, .unrecognized: .pending
      }
    self.init(
      title: title, phase: phase, exposureMillionths: Int(rollout.exposureMillionths),
      stepsMillionths: rollout.policy?.steps.map { Int($0.exposureMillionths) } ?? [],
      devices: health.map { (installed: Int($0.installedDevices), targeted: targeted) },
      inferencesOK: health?.inferencesOk ?? 0, inferencesFailed: health?.inferencesFailed ?? 0,
      devicesFailed: Int(health?.failedDevices ?? 0),
      secondsToNextStep: rollout.nextAdvanceAt.map { max(0, $0.seconds - now.seconds) })
  }
}
