import API

/// Deployments in words.
enum DeploymentText {
  static func details(_ deployment: Deployment, _ names: Names) async throws -> String {
    var facts = TextTable("DEPLOYMENT", deployment.name)
    facts.add("id", deployment.id)
    facts.add("state", Words.state(deployment.state))
    facts.add("environment", Words.text(deployment.environment))
    facts.add("labels", Words.labels(deployment.labels))
    if case .fleet(let fleet)? = deployment.target {
      facts.add("variant", try await names.variant(fleet.modelVariantId))
      facts.add("should run", try await names.version(fleet.desiredVersionId))
      facts.add("outside a cohort", try await names.version(fleet.activeVersionId))
      facts.add("targets", try await targeting(fleet.targeting, names))
    }
    facts.add("newest rollout", try await names.rollout(deployment.latestRolloutId))
    facts.add("rollouts", String(deployment.rolloutCount))
    facts.add("created by", try await names.principal(deployment.createdBy))
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
    if !table.isEmpty {
      text += "\n\n" + table.rendered(width: Terminal.shared.tableWidth)
    }
    if !health.gateVerdicts.isEmpty { text += "\n\n" + RolloutText.gates(health.gateVerdicts) }
    return text
  }

  /// Failures of devices by error: what is asked first after a rollback.
  static func failures(_ health: DeviceHealth, _ names: Names) async throws -> String {
    guard health.devicesWithFailures > 0 else { return "no device has failed" }
    var table = TextTable("DEVICES", "VERSION", "LAST", "ERROR", right: ["DEVICES"])
    for group in health.failures {
      table.add(
        String(group.devices), try await names.version(group.modelVersionId),
        Words.time(group.lastFailedAt), group.error.isEmpty ? "(none told)" : group.error)
    }
    return table.rendered(width: Terminal.shared.tableWidth)
  }

  private static func targeting(_ targeting: Targeting?, _ names: Names) async throws -> String {
    guard let targeting, !targeting.requirements.isEmpty || !targeting.groupIds.isEmpty else {
      return "every device that fits the variant"
    }
    let conditions = targeting.requirements.map { requirement in
      "\(requirement.key) \(Words.text(requirement.operation)) \(requirement.values.joined(separator: "|"))"
    }
    var groups: [String] = []
    for id in targeting.groupIds { groups.append("group \(try await names.group(id))") }
    return (conditions + groups).joined(separator: ", ")
  }
}
