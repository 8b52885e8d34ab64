import Testing

@testable import rollcall

@Suite struct ProgressPaceTests {
  let first = RolloutProgress(title: "a", phase: .progressing, exposureMillionths: 50_000)

  @Test func `an equal line is never drawn again`() {
    var pace = ProgressPace(isInteractive: true)
    let drawn1 = pace.draws(first, at: 0)
    #expect(drawn1)
    let drawn2 = pace.draws(first, at: 1_000_000)
    #expect(!drawn2)
  }

  @Test(arguments: [(true, Int64(100)), (false, 5_000)])
  func `new figures wait for the interval`(isInteractive: Bool, interval: Int64) {
    var pace = ProgressPace(isInteractive: isInteractive)
    var more = first
    more.inferencesOK = 1
    let drawn3 = pace.draws(first, at: 0)
    #expect(drawn3)
    let drawn4 = pace.draws(more, at: interval - 1)
    #expect(!drawn4)
    let drawn5 = pace.draws(more, at: interval)
    #expect(drawn5)
  }

  @Test func `another exposure or phase is drawn at once`() {
    var pace = ProgressPace(isInteractive: false)
    var next = first
    next.exposureMillionths = 250_000
    let drawn6 = pace.draws(first, at: 0)
    #expect(drawn6)
    let drawn7 = pace.draws(next, at: 1)
    #expect(drawn7)
    next.phase = .paused
    let drawn8 = pace.draws(next, at: 2)
    #expect(drawn8)
  }
}
