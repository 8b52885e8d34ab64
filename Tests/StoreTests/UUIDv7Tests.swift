import Testing

@testable import Store

@Suite struct UUIDv7Tests {
  @Test func `the layout is that of RFC 9562, appendix A.6`() {
    let id = UUIDv7(
      milliseconds: 0x017F_22E2_79B0, counter: 0xCC3, random: 0x18C4_DC0C_0C07_398F)
    #expect(id.text == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f")
    #expect(id.milliseconds == 0x017F_22E2_79B0)
  }

  @Test func `version and variant bits survive any counter and random bits`() {
    let id = UUIDv7(milliseconds: 1, counter: .max, random: .max)
    #expect(id.text == "00000000-0001-7fff-bfff-ffffffffffff")
  }

  @Test func `ids increase when the clock stands still, goes back and overflows the counter`() {
    var sequence = UUIDv7Sequence()
    var random = SplitMix(seed: 7)
    var last = sequence.next(milliseconds: 0, random: (0, 0))
    for step in 0..<50_000 {
      let now = [1_000, 1_000, 999, 5, 1_001][step / 10_000]
      let id = sequence.next(
        milliseconds: Int64(now), random: (random.next(), random.next()))
      #expect(id > last && id.text > last.text)
      last = id
    }
    // 20,000 ids in one millisecond take at most 20,000 / 2048 more.
    #expect(last.milliseconds <= 1_000 + 50_000 / 2_048 + 1)
  }

  @Test func `threads share one increasing sequence`() async {
    let ids = IDGenerator()
    let all = await withTaskGroup(of: [String].self) { group in
      for _ in 0..<8 {
        group.addTask { (0..<1_000).map { _ in ids.make() } }
      }
      var all: [[String]] = []
      for await made in group { all.append(made) }
      return all
    }
    for made in all { #expect(made == made.sorted()) }
    #expect(Set(all.joined()).count == 8_000)
  }
}
