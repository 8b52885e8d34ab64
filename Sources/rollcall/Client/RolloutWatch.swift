import API
import ProtoWire
import RPCCore

/// Follows a rollout to its end and draws a progress line meanwhile.
///
/// Three children: the rollout's stream, which is resumed from the last revision when the connection drops; the
/// deployment's health; and a clock for the countdown. The rollout's stream decides when it is over.
actor RolloutWatch {
  private let session: Session
  private let title: String
  private let terminal: Terminal
  private var rollout: Rollout
  private var health: DeploymentHealth?
  private var targeted = 0
  private var pace: ProgressPace
  private let clock = ContinuousClock()
  private let started: ContinuousClock.Instant
  /// Called with every change of the rollout, in order.
  private let onChange: @Sendable (WatchRolloutResponse) throws -> Void

  init(
    session: Session, rollout: Rollout, title: String, terminal: Terminal = .shared,
    onChange: @escaping @Sendable (WatchRolloutResponse) throws -> Void = { _ in }
  ) {
    self.session = session
    self.rollout = rollout
    self.title = title
    self.terminal = terminal
    self.onChange = onChange
    pace = ProgressPace(isInteractive: terminal.isInteractive)
    started = clock.now
  }

  /// Runs until the rollout stands in one of `states`, and returns it. Only the stream's own failure is thrown.
  func run(until states: Set<Rollout.State> = [.completed, .rolledBack, .aborted]) async throws
    -> Rollout
  {
    targeted = try await targetedDevices()
    try await withThrowingTaskGroup(of: Bool.self) { group in
      group.addTask {
        try await self.followRollout(until: states)
        return true
      }
      group.addTask {
        await self.followHealth()
        return false
      }
      group.addTask {
        await self.tick()
        return false
      }
      while let isOver = try await group.next() {
        if isOver { break }
      }
      group.cancelAll()
    }
    draw(force: true)
    terminal.endLiveLine()
    return rollout
  }

  private func targetedDevices() async throws -> Int {
    var request = GetDeviceHealthRequest()
    request.deploymentId = rollout.deploymentId
    let answer = try await session.deployments.getDeviceHealth(request, options: session.options)
    return Int(answer.deviceHealth?.targetedDevices ?? 0)
  }

  private func followRollout(until states: Set<Rollout.State>) async throws {
    var request = WatchRolloutRequest()
    request.rolloutId = rollout.id
    while !Task.isCancelled {
      let call = session.deployments.watchRollout(request, options: session.streaming)
      do {
        for try await message in call {
          request.fromRevision = message.revision
          try take(message)
          if states.contains(rollout.state) {
            call.cancel()
            return
          }
        }
        return
      } catch let error as RPCError where error.code == .unavailable {
        // The connection is gone: go on after the last revision seen once the server is back.
        try await Task.sleep(for: .seconds(1))
      }
    }
  }

  /// Health is an ornament of the line: without it the rollout is still followed.
  private func followHealth() async {
    var request = WatchHealthRequest()
    request.deploymentId = rollout.deploymentId
    while !Task.isCancelled {
      do {
        for try await message in session.deployments.watchHealth(
          request, options: session.streaming)
        {
          if case .snapshot(let health)? = message.content { take(health) }
        }
        return
      } catch {
        do { try await Task.sleep(for: .seconds(1)) } catch { return }
      }
    }
  }

  private func tick() async {
    while !Task.isCancelled {
      draw()
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
    draw()
  }

  private func take(_ health: DeploymentHealth) {
    self.health = health
    draw()
  }

  private func draw(force: Bool = false) {
    guard session.output == .table else { return }
    let progress = self.progress
    let now = (clock.now - started).components
    let milliseconds = now.seconds * 1_000 + now.attoseconds / 1_000_000_000_000_000
    guard pace.draws(progress, at: milliseconds) || force else { return }
    terminal.liveLine(progress.line(width: terminal.width - 1))
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
    title: String, rollout: Rollout, health: VersionHealth?, targeted: Int,
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
