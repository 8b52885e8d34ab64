import Domain
import Testing

@Suite struct DeploymentStateMachineTests {
  /// The row of each event: the state after it, by the state before it; nil where it is illegal.
  static let table: [DeploymentTrigger: [DeploymentState: DeploymentState]] = [
    .requestApproval: [.draft: .pendingApproval],
    .approve: [.pendingApproval: .draft],
    .reject: [.pendingApproval: .draft],
    .start: [.draft: .active],
    .pause: [.active: .paused],
    .resume: [.paused: .active],
    .rollBack: [.active: .active, .paused: .paused, .failed: .active],
    .fail: [.active: .failed, .paused: .failed],
    .archive: [
      .draft: .archived, .pendingApproval: .archived, .active: .archived, .paused: .archived,
      .failed: .archived,
    ],
    .reactivate: [.archived: .active],
    .kill: [
      .draft: .killed, .pendingApproval: .killed, .active: .killed, .paused: .killed,
      .archived: .killed, .failed: .killed,
    ],
  ]

  @Test(arguments: DeploymentTrigger.allCases, DeploymentState.allCases)
  func `every event in every state goes where the table says or names current and required`(
    event: DeploymentTrigger, state: DeploymentState
  ) throws {
    let row = try #require(Self.table[event])
    if let next = row[state] {
      #expect(try DeploymentStateMachine.apply(event, to: state) == next)
    } else {
      let required = DeploymentState.allCases.filter { row[$0] != nil }.map(\.rawValue)
      #expect(
        throws: DomainError.illegalTransition(
          resource: "deployment", event: event.rawValue, current: state.rawValue,
          required: required)
      ) { try DeploymentStateMachine.apply(event, to: state) }
    }
    #expect(DeploymentStateMachine.sources(of: event).contains(state) == (row[state] != nil))
  }
}

@Suite struct RolloutStateMachineTests {
  static let table: [RolloutTrigger: [RolloutState: RolloutState]] = [
    .begin: [.pending: .progressing],
    .advance: [.progressing: .progressing],
    .changeExposure: [.progressing: .progressing, .paused: .paused],
    .changeCadence: [.paused: .paused],
    .pause: [.pending: .paused, .progressing: .paused],
    .resume: [.paused: .progressing],
    .complete: [.progressing: .completed],
    .rollBack: [
      .pending: .rolledBack, .progressing: .rolledBack, .paused: .rolledBack,
      .completed: .rolledBack,
    ],
    .abort: [.pending: .aborted, .progressing: .aborted, .paused: .aborted],
  ]

  @Test(arguments: RolloutTrigger.allCases, RolloutState.allCases)
  func `every event in every state goes where the table says or names current and required`(
    event: RolloutTrigger, state: RolloutState
  ) throws {
    let row = try #require(Self.table[event])
    if let next = row[state] {
      #expect(try RolloutStateMachine.apply(event, to: state) == next)
    } else {
      let required = RolloutState.allCases.filter { row[$0] != nil }.map(\.rawValue)
      #expect(
        throws: DomainError.illegalTransition(
          resource: "rollout", event: event.rawValue, current: state.rawValue, required: required)
      ) { try RolloutStateMachine.apply(event, to: state) }
    }
    #expect(RolloutStateMachine.sources(of: event).contains(state) == (row[state] != nil))
  }

  @Test func `a refusal reads as a sentence`() {
    let error = #expect(throws: DomainError.self) {
      try RolloutStateMachine.apply(.advance, to: .paused)
    }
    #expect(
      error?.description == "cannot advance a rollout that is PAUSED; it must be PROGRESSING")
  }
}
