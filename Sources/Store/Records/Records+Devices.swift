internal import Domain

/// Layout 1 of a selector.
extension Selector {
  var record: [UInt8] {
    var writer = RecordWriter(version: 1)
    writer.add(requirements) { writer, requirement in
      writer.add(requirement.key)
      writer.add(requirement.operation.rawValue)
      writer.add(requirement.values) { $0.add($1) }
    }
    writer.add(groups.sorted()) { $0.add($1.rawValue) }
    return writer.bytes
  }

  init(record: [UInt8]) throws(StoreError) {
    var reader = try RecordReader(record, version: 1, what: "selector")
    let requirements = try reader.list { reader throws(StoreError) in
      Requirement(
        key: try reader.string(), operation: try reader.raw(),
        values: try reader.list { reader throws(StoreError) in try reader.string() })
    }
    let groups = try reader.list { reader throws(StoreError) in GroupID(try reader.string()) }
    self.init(unchecked: requirements, groups: Set(groups))
  }
}

/// Layout 1 of a latency sketch: index and count of each bucket that is not empty. No bytes at all: nothing was counted.
extension LatencySketch {
  var record: [UInt8] {
    guard !isEmpty else { return [] }
    var writer = RecordWriter(version: 1)
    writer.add(counts.indices.filter { counts[$0] > 0 }) { writer, bucket in
      writer.add(bucket)
      writer.add(counts[bucket])
    }
    return writer.bytes
  }

  init(record: [UInt8]) throws(StoreError) {
    self.init()
    guard !record.isEmpty else { return }
    var reader = try RecordReader(record, version: 1, what: "latency sketch")
    let buckets = try reader.list { reader throws(StoreError) in
      (bucket: try reader.int(), count: try reader.int64())
    }
    for (bucket, count) in buckets {
      do {
        try add(count, toBucket: bucket)
      } catch {
        throw reader.damaged(error.description)
      }
    }
  }
}
