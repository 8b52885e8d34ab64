import Testing

@testable import rollcall

@Suite struct RolloutProgressTests {
  let quarter = RolloutProgress(
    title: "1.0.0 → 2.0.0", phase: .progressing, exposureMillionths: 250_000,
    stepsMillionths: [50_000, 250_000, 500_000, 1_000_000], devices: (50, 200), inferencesOK: 1_200,
    secondsToNextStep: 3)

  @Test func `a line tells exposure, devices, inferences and the next step`() {
    #expect(
      quarter.line(width: 120)
        == "1.0.0 → 2.0.0  ██████████░░░░░░░░░░╷░░░░░░░░░░░░░░░░░░░  25 %  50/200 devices  1,200 ok  next step in 3 s"
    )
  }

  @Test func `a line does without the number of all devices`() {
    var progress = quarter
    progress.devices = (50, nil)
    #expect(progress.facts.first == "50 devices")
  }

  @Test(arguments: [200, 120, 80, 60, 40, 33, 20, 1, 0])
  func `a line never exceeds the width`(width: Int) {
    #expect(quarter.line(width: width).count <= width)
  }

  @Test func `the least important fact goes first when it is narrow`() {
    let line = quarter.line(width: 65)
    #expect(line.contains("50/200 devices"))
    #expect(!line.contains("next step"))
  }

  @Test func `a step that is due and not taken says so`() {
    var progress = quarter
    progress.secondsToNextStep = 0
    #expect(progress.facts.last == "next step due")
  }

  @Test func `the bar stands still while figures grow`() {
    var later = quarter
    later.inferencesOK = 1_234_567_890
    for width in [60, 80, 100, 120] {
      let (before, after) = (quarter.line(width: width), later.line(width: width))
      #expect(before.count { "█░╷".contains($0) } == after.count { "█░╷".contains($0) })
    }
  }

  @Test(arguments: [
    (0, "░░░░░░░░░░"), (99_999, "░░░░░░░░░░"), (100_000, "█░░░░░░░░░"), (999_999, "█████████░"),
    (1_000_000, "██████████"), (2_000_000, "██████████"), (-1, "░░░░░░░░░░"),
  ])
  func `only a whole exposure fills the bar`(exposure: Int, bar: String) {
    let progress = RolloutProgress(
      title: "", phase: .progressing, exposureMillionths: exposure)
    #expect(progress.bar(width: 10) == bar)
  }

  @Test func `failures come before what went well`() {
    var progress = quarter
    progress.phase = .rolledBack
    progress.devicesFailed = 9
    progress.inferencesFailed = 40
    #expect(
      progress.facts == [
        "ROLLED BACK", "50/200 devices", "9 devices failing", "40 inferences failed", "1,200 ok",
      ])
  }
}
