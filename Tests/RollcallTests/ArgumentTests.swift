import API
import ArgumentParser
import ProtoWire
import Testing

@testable import rollcall

@Suite struct ArgumentTests {
  @Test func `every help fits into 80 columns`() {
    func check(_ command: any ParsableCommand.Type) {
      let help = Rollcall.helpMessage(for: command, columns: 80)
      for line in help.split(separator: "\n") {
        #expect(line.count <= 80, "\(command): \(line)")
      }
      for next in command.configuration.subcommands { check(next) }
    }
    check(Rollcall.self)
  }

  @Test(arguments: [
    ("1", 1), ("30", 30), ("90s", 90), ("1500ms", 2), ("2m", 120), ("1d", 86_400),
  ])
  func `a timeout is seconds or a span`(text: String, seconds: Int) throws {
    #expect(try ServerOptions.seconds(text) == seconds)
  }

  @Test(arguments: ["", "0", "-1", "soon", "2d", "1.5", "99999999999999999999"])
  func `a timeout that is none is refused`(text: String) {
    #expect(throws: ValidationError.self) { try ServerOptions.seconds(text) }
  }

  @Test(arguments: [
    ("5%", Int64(50_000)), ("5 %", 50_000), ("12.5%", 125_000), ("0.0001%", 1), ("100%", 1_000_000),
    ("0", 0), ("0.05", 50_000), ("0.000001", 1), ("007%", 70_000), ("0.999999", 999_999),
    ("1.50%", 15_000),
  ])
  func `a share is read in millionths`(text: String, millionths: Int64) {
    #expect(ShareText.millionths(text) == millionths)
  }

  @Test(arguments: [
    "", "%", "-5%", "100.0001%", "1.1", "0.00001%", "0.0000001", "5%%", "1.2.3", "5.%", ".5%",
    "x", "99999999999999999999%", "٥%", "1", "1.0", "2", "01",
  ])
  func `what is no share is refused`(text: String) {
    #expect(ShareText.millionths(text) == nil)
  }

  @Test func `a plain number is no share, and the refusal says how to write it`() {
    #expect(ShareText.refusal("1").contains("\"1%\", or \"100%\" for everybody"))
    #expect(!ShareText.refusal("101%").contains("everybody"))
  }

  @Test(arguments: [
    ("90", Int64(90_000)), ("90s", 90_000), ("500ms", 500), ("10m", 600_000), ("2h", 7_200_000),
    ("1d", 86_400_000), ("0", 0),
  ])
  func `a span is read in milliseconds`(text: String, milliseconds: Int64) {
    #expect(SpanText.milliseconds(text) == milliseconds)
  }

  @Test(arguments: ["", "s", "-1s", "1.5h", "1w", "9223372036854775807d", "99999999999999999999"])
  func `what is no span is refused`(text: String) {
    #expect(SpanText.milliseconds(text) == nil)
  }

  @Test func `steps end with everybody`() throws {
    let steps = try StepsArgument(argument: "5%:10s,25%:500ms")
    #expect(steps.steps.map(\.millionths) == [50_000, 250_000, 1_000_000])
    #expect(steps.steps.map(\.soakMilliseconds) == [10_000, 500, 0])
    #expect(steps.message[1].soak?.nanos == 500_000_000)
    #expect(try StepsArgument(argument: "5%,100%:1m").steps.count == 2)
  }

  @Test(arguments: ["", "5%,5%", "25%,5%", "0%,100%", "5%:x", "5%:1s:2s", "5%,,100%", "101%", "1"])
  func `steps that do not grow are refused`(text: String) {
    #expect(throws: ValidationError.self) { try StepsArgument(argument: text) }
  }

  @Test func `targets of one key are one requirement with any of their values`() throws {
    let labels = try ["region=eu", "ring=1", "region=us", "region=eu"].map {
      try #require(LabelArgument(argument: $0))
    }
    let requirements = LabelArgument.requirements(labels)
    #expect(requirements.map(\.key) == ["region", "ring"])
    #expect(requirements.map(\.values) == [["eu", "us"], ["1"]])
    #expect(requirements.allSatisfy { $0.operation == .in })
  }

  @Test(arguments: [
    ("sk-abcde", true), ("sk-abc", true), ("sk-", true), ("sk-abcdefghi", true), ("", false),
    ("sk-abd", false), ("k-abcde", false), ("sk-abcdf", false),
  ])
  func `a key is meant by its beginning, its hint or all of it`(text: String, isMeant: Bool) {
    #expect(Lookup.isKey(text, "sk-abcde") == isMeant)
  }

  @Test func `a key is made for a new account or for one that is there`() throws {
    _ = try KeysCommand.Create.parse(["ci", "--role", "viewer"])
    _ = try KeysCommand.Create.parse(["--principal", "ci"])
    for arguments in [
      [], ["ci"], ["--role", "viewer"], ["ci", "--principal", "ci"],
      ["ci", "--principal", "ci", "--role", "viewer"], ["--principal", "ci", "--role", "viewer"],
    ] {
      #expect(throws: (any Error).self, "\(arguments)") {
        try KeysCommand.Create.parse(arguments)
      }
    }
  }

  @Test func `a gate names metric, comparison, threshold and action`() throws {
    let plain = try #require(GateArgument(argument: "error-rate<=5%")).message
    #expect(plain.id == "error-rate-pause")
    #expect(plain.metric == .errorRate)
    #expect(plain.comparison == .absolute)
    #expect(plain.thresholdMillionths == 50_000)
    #expect(plain.action == .pause)
    let relative = try #require(GateArgument(argument: "download-failures<=+1%:rollback")).message
    #expect(relative.id == "download-failures-rollback")
    #expect(relative.comparison == .difference)
    #expect(relative.action == .rollback)
  }

  @Test(arguments: [
    "", "error-rate", "error-rate<5%", "errors<=5%", "error-rate<=5%:explode", "error-rate<=+",
    "error-rate<=5%:pause:x",
  ])
  func `a gate that says something else is refused`(text: String) {
    #expect(GateArgument(argument: text) == nil)
  }

  @Test func `a label may hold equals signs and the last one counts`() {
    #expect(LabelArgument(argument: "a=b=c")?.value == "b=c")
    #expect(LabelArgument(argument: "a=")?.value == "")
    #expect(LabelArgument(argument: "=b") == nil)
    #expect(LabelArgument(argument: "ab") == nil)
    let labels = ["a=1", "b=2", "a=3"].compactMap { LabelArgument(argument: $0) }
    #expect(LabelArgument.map(labels) == ["a": "3", "b": "2"])
  }

  @Test(arguments: [
    ("01234567-89ab-7def-8123-456789abcdef", true), ("01234567-89AB-7def-8123-456789abcdef", true),
    ("01234567-89ab-7def-8123-456789abcde", false), ("screen", false), ("", false),
    ("0123456g-89ab-7def-8123-456789abcdef", false),
  ])
  func `an id is known by its shape`(text: String, isID: Bool) {
    #expect(Lookup.isID(text) == isID)
  }

  @Test func `values of the schema read as words`() {
    #expect(Words.state(Rollout.State.rolledBack) == "ROLLED_BACK")
    #expect(Words.text(Rollout.State.rolledBack) == "rolled back")
    #expect(Words.text(GateVerdict.HoldReason.noData) == "no data")
    #expect(Words.text(Platform.linux) == "linux")
    #expect(Words.text(Platform.unspecified) == "")
    #expect(Words.state(Platform.unrecognized(99)) == "99")
  }

  @Test(arguments: [
    (Int64(0), "1970-01-01 00:00:00"), (951_782_399, "2000-02-28 23:59:59"),
    (951_782_400, "2000-02-29 00:00:00"), (1_795_266_005, "2026-11-21 13:00:05"),
    (-1, "1969-12-31 23:59:59"), (4_107_542_399, "2100-02-28 23:59:59"),
    (4_107_542_400, "2100-03-01 00:00:00"),
  ])
  func `times read in UTC`(seconds: Int64, text: String) {
    var time = Google_Protobuf_Timestamp()
    time.seconds = seconds
    #expect(Words.time(time) == text)
  }

  @Test(arguments: [
    (0.0, UInt32(0)), (1, 0), (1.1, 1), (2, 4), (2.1, 5), (4, 8), (1_000_000, 80), (.infinity, 127),
  ])
  func `a latency falls in the bucket that ends above it`(microseconds: Double, bucket: UInt32) {
    #expect(LatencyQuantile.bucket(microseconds: microseconds) == bucket)
  }

  @Test func `a quantile is its bucket's upper bound`() {
    var sketch = LatencySketch()
    sketch.buckets = [(UInt32(0), UInt64(4)), (8, 1)].map { index, count in
      var bucket = LatencySketch.Bucket()
      bucket.index = index
      bucket.count = count
      return bucket
    }
    #expect(LatencyQuantile.of(sketch, 0.5) == 1)
    #expect(LatencyQuantile.of(sketch, 0.99) == 4)
    #expect(LatencyQuantile.of(nil, 0.5) == 0)
  }
}
