import API
import ArgumentParser

/// How a rollout proceeds, as options.
struct PolicyOptions: ParsableArguments {
  @Option(
    help: "Steps with their soaks, for instance 5%:10m,25%:1h,100%.",
    transform: StepsArgument.init(argument:))
  var steps: StepsArgument?

  @Flag(help: "Advance only when an operator says so.") var manual = false

  @Option(
    name: .customLong("gate"),
    help:
      "What must hold, for instance error-rate<=5%:pause, error-rate<=+2%:rollback (against the old version), download-failures<=1%; may be repeated."
  )
  var gates: [GateArgument] = []

  func validate() throws {
    if steps == nil, manual || !gates.isEmpty {
      throw ValidationError("--gate and --manual belong to --steps")
    }
    let ids = gates.map(\.message.id)
    if Set(ids).count < ids.count {
      throw ValidationError("two gates watch the same metric with the same action")
    }
  }

  /// The policy; nil when no steps are given.
  var message: RolloutPolicy? {
    guard let steps else { return nil }
    var policy = RolloutPolicy()
    policy.steps = steps.message
    policy.autoAdvance = !manual
    policy.gates = gates.map(\.message)
    return policy
  }
}
