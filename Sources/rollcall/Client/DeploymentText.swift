import API

/// Deployments in words.
enum DeploymentText {
  static func details(_ deployment: Deployment) -> String {
    var facts = TextTable("DEPLOYMENT", deployment.name)
    facts.add("id", deployment.id)
    facts.add("state", Words.state(deployment.state))
    facts.add("environment", Words.text(deployment.environment))
    facts.add("labels", Words.labels(deployment.labels))
    if case .fleet(let fleet)? = deployment.target {
      facts.add("variant", fleet.modelVariantId)
      facts.add("should run", fleet.desiredVersionId)
      facts.add("outside a cohort", fleet.activeVersionId)
      facts.add("targets", targeting(fleet.targeting))
    }
    facts.add("newest rollout", deployment.latestRolloutId)
    facts.add("rollouts", String(deployment.rolloutCount))
    facts.add("started", Words.time(deployment.startedAt))
    facts.add("updated", Words.time(deployment.updatedAt))
    return facts.rendered()
  }

  static func health(_ health: DeploymentHealth, names: [String: String]) -> String {
    var text = "\(Words.state(health.state))"
    if !health.rolloutId.isEmpty {
      text +=
        ", rollout \(Words.state(health.rolloutState)) at "
        + Figures.percent(millionths: Int(health.exposureMillionths))
    }
    var table = TextTable(
      "VERSION", "INSTALLED", "DOWNLOADING", "FAILED", "INFERENCES", "FAILED", "P50", "P99",
      right: ["INSTALLED", "DOWNLOADING", "FAILED", "INFERENCES", "P50", "P99"])
    for version in health.versions {
      table.add(
        names[version.modelVersionId] ?? version.modelVersionId, String(version.installedDevices),
        String(version.downloadingDevices), String(version.failedDevices),
        Figures.grouped(version.inferencesOk), Figures.grouped(version.inferencesFailed),
        Figures.latency(microseconds: LatencyQuantile.of(version.latency, 0.5)),
        Figures.latency(microseconds: LatencyQuantile.of(version.latency, 0.99)))
    }
    if !table.isEmpty { text += "\n\n" + table.rendered() }
    if !health.gateVerdicts.isEmpty { text += "\n\n" + RolloutText.gates(health.gateVerdicts) }
    return text
  }

  private static func targeting(_ targeting: Targeting?) -> String {
    guard let targeting, !targeting.requirements.isEmpty || !targeting.groupIds.isEmpty else {
      return "every device that fits the variant"
    }
    let conditions = targeting.requirements.map { requirement in
      "\(requirement.key) \(Words.text(requirement.operation)) \(requirement.values.joined(separator: "|"))"
    }
    return (conditions + targeting.groupIds.map { "group \($0)" }).joined(separator: ", ")
  }
}
