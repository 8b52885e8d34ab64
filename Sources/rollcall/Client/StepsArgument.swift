import API
import ArgumentParser
import ProtoWire

/// The steps of a rollout as a person writes them: "5%:10m,25%:1h,100%".
///
/// Shares grow; a span after the colon is the soak before the next step, absent: none. The last share need not be
/// written: 100 % is added when it is missing.
struct StepsArgument: Equatable, Sendable {
  struct Step: Equatable, Sendable {
    let millionths: Int32
    let soakMilliseconds: Int64
  }

  let steps: [Step]

  init(argument: String) throws(ValidationError) {
    var steps: [Step] = []
    for part in argument.split(separator: ",", omittingEmptySubsequences: false) {
      let halves = part.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
      guard (1...2).contains(halves.count) else {
        throw ValidationError("\"\(part)\" is no step such as 5%:10m")
      }
      guard let share = ShareText.millionths(halves[0]) else {
        throw ValidationError(ShareText.refusal(halves[0]))
      }
      guard share > steps.last.map({ Int64($0.millionths) }) ?? 0 else {
        throw ValidationError("step \"\(part)\" does not reach more devices than the one before")
      }
      guard let soak = halves.count == 2 ? SpanText.milliseconds(halves[1]) : 0 else {
        throw ValidationError("\"\(halves[1])\" is no span such as 90s, 10m, 2h or 1d")
      }
      steps.append(Step(millionths: Int32(share), soakMilliseconds: soak))
    }
    if let last = steps.last, last.millionths < 1_000_000 {
      steps.append(Step(millionths: 1_000_000, soakMilliseconds: 0))
    }
    self.steps = steps
  }

  var message: [RolloutStep] {
    steps.map { step in
      var message = RolloutStep()
      message.exposureMillionths = step.millionths
      message.soak = Google_Protobuf_Duration(.milliseconds(step.soakMilliseconds))
      return message
    }
  }
}
