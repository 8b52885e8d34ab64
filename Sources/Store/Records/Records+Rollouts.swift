internal import Domain

/// Layout 1 of a rollout policy.
extension RolloutPolicy {
  var record: [UInt8] {
    var writer = RecordWriter(version: 1)
    writer.add(autoAdvance)
    writer.add(steps) { writer, step in
      writer.add(step.exposure.millionths)
      writer.add(step.soak.wholeMicroseconds)
    }
    writer.add(gates) { $1.write(to: &$0) }
    return writer.bytes
  }

  init(record: [UInt8]) throws(StoreError) {
    var reader = try RecordReader(record, version: 1, what: "rollout policy")
    let autoAdvance = try reader.bool()
    let steps = try reader.list { reader throws(StoreError) in
      Step(exposure: try reader.exposure(), soak: .microseconds(try reader.int64()))
    }
    let gates = try reader.list { reader throws(StoreError) in try GateRule(from: &reader) }
    self.init(unchecked: steps, autoAdvance: autoAdvance, gates: gates)
  }
}

extension RecordReader {
  mutating func exposure() throws(StoreError) -> Exposure {
    do {
      return try Exposure(millionths: try int64())
    } catch let error as StoreError {
      throw error
    } catch {
      throw damaged("\(error)")
    }
  }
}

extension GateRule {
  func write(to writer: inout RecordWriter) {
    writer.add(id.rawValue)
    writer.add(metric.rawValue)
    writer.add(comparison.rawValue)
    writer.add(threshold)
    writer.add(minimumDevices)
    writer.add(confidence.rawValue)
    writer.add(action.rawValue)
  }

  init(from reader: inout RecordReader) throws(StoreError) {
    let id = GateID(try reader.string())
    let metric = try reader.raw(GateMetric.self)
    let comparison = try reader.raw(GateComparison.self)
    let threshold = try reader.int64()
    let minimumDevices = try reader.int()
    let level = try reader.int32()
    guard let confidence = Confidence(rawValue: level) else {
      throw reader.damaged("confidence \(level)")
    }
    self.init(
      id: id, metric: metric, comparison: comparison, threshold: threshold,
      minimumDevices: minimumDevices, confidence: confidence,
      action: try reader.raw(GateAction.self))
  }
}

/// Layout 2 of the verdicts of a rollout; layout 1 lacks the looks.
extension [GateVerdict] {
  var record: [UInt8] {
    var writer = RecordWriter(version: 2)
    writer.add(self) { writer, verdict in
      verdict.rule.write(to: &writer)
      writer.add(verdict.outcome.rawValue)
      writer.add(verdict.holdReason?.rawValue ?? "")
      for counts in [verdict.canary, verdict.control] {
        writer.add(counts.reporting)
        writer.add(counts.failing)
      }
      writer.add(verdict.estimate)
      writer.add(verdict.lower)
      writer.add(verdict.upper)
      writer.add(verdict.boundary)
      writer.add(verdict.passingFailures.map(Int64.init))
      writer.add(verdict.windowStart.microseconds)
      writer.add(verdict.decidedAt.microseconds)
      writer.add(verdict.looks)
    }
    return writer.bytes
  }

  init(record: [UInt8]) throws(StoreError) {
    var reader = try RecordReader(record, versions: 1...2, what: "list of verdicts")
    self = try reader.list { reader throws(StoreError) in
      let rule = try GateRule(from: &reader)
      let outcome = try reader.raw(GateVerdict.Outcome.self)
      let reason = try reader.string()
      let canary = DeviceCounts(reporting: try reader.int(), failing: try reader.int())
      let control = DeviceCounts(reporting: try reader.int(), failing: try reader.int())
      return GateVerdict(
        rule: rule, outcome: outcome, holdReason: GateVerdict.HoldReason(rawValue: reason),
        canary: canary, control: control, estimate: try reader.int64OrNil(),
        lower: try reader.int64OrNil(), upper: try reader.int64OrNil(),
        boundary: try reader.int64OrNil(), passingFailures: try reader.int64OrNil().map(Int.init),
        windowStart: Timestamp(microseconds: try reader.int64()),
        decidedAt: Timestamp(microseconds: try reader.int64()),
        looks: reader.version >= 2 ? try reader.int() : 0)
    }
  }
}
