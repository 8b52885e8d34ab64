import BenchAPI
import ProtoWire
import SwiftProtobufPeer

/// Ours against swift-protobuf on the records of the benchmark service: one thread, both in one process,
/// rounds interleaved, the best of each: what disturbs a machine only adds. A decoded value is destroyed inside the measured time.
@main
enum CodecBenchmark {
  static let rounds = 21

  static func main() throws {
    let deployment = Records.deployment(42)
    let one = deployment.serialized(deterministic: true)
    guard try Peer.reencodedDeployment(one) == one else { fatalError("the codecs disagree") }
    var list = Bench_V1_ListResponse()
    list.deployments = (0..<Records.count).map(Records.deployment)
    let hundred = list.serialized(deterministic: true)
    print(
      "Deployment \(one.count) bytes, ListResponse \(hundred.count) bytes; ns, best of \(rounds) rounds"
    )
    print("| | ours | swift-protobuf | ratio |", "|---|---|---|---|", separator: "\n")

    report(
      "decode Deployment",
      try compare(20_000, { Int(try Bench_V1_Deployment(wire: one).replicas) }) {
        try Peer.decodeDeployment(one)
      })
    report(
      "encode Deployment, new array",
      try compare(20_000, { deployment.serialized().count }, try Peer.deploymentEncoder(one)))
    var sizes = WireSizes()
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 16)
    defer { buffer.deallocate() }
    report(
      "encode Deployment, reused buffer",
      try compare(
        20_000,
        {
          sizes.reset()
          let count = deployment.byteSize(&sizes)
          deployment.encode(into: buffer, count: count, sizes: sizes)
          return count
        }, try Peer.deploymentEncoder(one)))
    report(
      "decode ListResponse",
      try compare(200, { try Bench_V1_ListResponse(wire: hundred).deployments.count }) {
        try Peer.decodeList(hundred)
      })
    report(
      "encode ListResponse, new array",
      try compare(200, { list.serialized().count }, try Peer.listEncoder(hundred)))
    try json(deployment, list)
  }

  /// The same messages in JSON.
  private static func json(_ deployment: Bench_V1_Deployment, _ list: Bench_V1_ListResponse) throws
  {
    let (one, hundred) = (deployment.serialized(deterministic: true), list.serialized())
    let (oneText, hundredText) = (try deployment.jsonUTF8(), try list.jsonUTF8())
    guard try Peer.deploymentWire(json: oneText) == one else { fatalError("the mappings disagree") }
    print(
      "| JSON: Deployment \(oneText.count) bytes, ListResponse \(hundredText.count) bytes | | | |")
    report(
      "decode Deployment, JSON",
      try compare(10_000, { Int(try Bench_V1_Deployment(jsonUTF8: oneText).replicas) }) {
        try Peer.decodeDeploymentJSON(oneText)
      })
    report(
      "encode Deployment, JSON",
      try compare(
        10_000, { try deployment.jsonUTF8().count }, try Peer.deploymentJSONEncoder(one)))
    report(
      "decode ListResponse, JSON",
      try compare(100, { try Bench_V1_ListResponse(jsonUTF8: hundredText).deployments.count }) {
        try Peer.decodeListJSON(hundredText)
      })
    report(
      "encode ListResponse, JSON",
      try compare(100, { try list.jsonUTF8().count }, try Peer.listJSONEncoder(hundred)))
  }

  /// Nanoseconds a call of each side.
  private static func compare(
    _ iterations: Int, _ ours: () throws -> Int, _ theirs: () throws -> Int
  ) throws -> (ours: Double, theirs: Double) {
    var times: (ours: [Double], theirs: [Double]) = ([], [])
    for round in 0...rounds {
      let mine = try time(iterations, ours)
      let other = try time(iterations, theirs)
      if round == 0 { continue }  // warm-up
      times.ours.append(mine)
      times.theirs.append(other)
    }
    return (times.ours.min() ?? 0, times.theirs.min() ?? 0)
  }

  private static func time(_ iterations: Int, _ body: () throws -> Int) throws -> Double {
    let clock = ContinuousClock()
    var sum = 0
    let start = clock.now
    for _ in 0..<iterations { sum &+= try body() }
    let elapsed = clock.now - start
    precondition(sum > 0, "nothing was measured")
    let (seconds, attoseconds) = elapsed.components
    return (Double(seconds) * 1e9 + Double(attoseconds) / 1e9) / Double(iterations)
  }

  private static func report(_ name: String, _ times: (ours: Double, theirs: Double)) {
    func rounded(_ value: Double) -> String { String(Int(value.rounded())) }
    let ratio = (times.theirs / times.ours * 10).rounded() / 10
    print("| \(name) | \(rounded(times.ours)) | \(rounded(times.theirs)) | \(ratio)x |")
  }
}
