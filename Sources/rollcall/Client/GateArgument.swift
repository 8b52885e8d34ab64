import API
import ArgumentParser

/// A gate as a person writes it: "error-rate<=5%", "download-failures<=1%:rollback", "error-rate<=+2%:pause".
///
/// A plus sign compares with the devices on the old version (difference of rates); without one the rate itself is
/// judged. What follows the colon is done on failure; absent: pause.
struct GateArgument: ExpressibleByArgument, Equatable, Sendable {
  let metric: GateRule.Metric
  let comparison: GateRule.Comparison
  let thresholdMillionths: Int64
  let action: GateRule.Action

  init?(argument: String) {
    let halves = argument.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    guard (1...2).contains(halves.count) else { return nil }
    let metrics: [(String, GateRule.Metric)] = [
      ("error-rate<=", .errorRate), ("download-failures<=", .downloadFailures),
    ]
    guard let (prefix, metric) = metrics.first(where: { halves[0].hasPrefix($0.0) }) else {
      return nil
    }
    var share = halves[0].dropFirst(prefix.count)
    comparison = share.hasPrefix("+") ? .difference : .absolute
    if share.hasPrefix("+") { share.removeFirst() }
    guard let threshold = ShareText.millionths(String(share)) else { return nil }
    thresholdMillionths = threshold
    self.metric = metric
    switch halves.count == 2 ? halves[1] : "pause" {
    case "pause": action = .pause
    case "rollback": action = .rollback
    default: return nil
    }
  }

  /// The rule; its id says what it watches and does.
  var message: GateRule {
    var rule = GateRule()
    rule.id =
      (metric == .errorRate ? "error-rate" : "download-failures")
      + (action == .rollback ? "-rollback" : "-pause")
    rule.metric = metric
    rule.comparison = comparison
    rule.thresholdMillionths = thresholdMillionths
    rule.action = action
    return rule
  }
}
