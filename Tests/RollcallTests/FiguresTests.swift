import Testing

@testable import rollcall

@Suite struct FiguresTests {
  @Test(arguments: [
    (0, "0 %"), (1, "0.0001 %"), (50_000, "5 %"), (125_000, "12.5 %"), (999_999, "99.9999 %"),
    (1_000_000, "100 %"), (-25_000, "-2.5 %"),
  ])
  func `millionths read as percent`(millionths: Int, text: String) {
    #expect(Figures.percent(millionths: millionths) == text)
  }

  @Test(arguments: [
    (Int64(0), "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567"), (-1_000, "-1,000"),
    (Int64.min, "-9,223,372,036,854,775,808"),
  ])
  func `thousands are grouped`(number: Int64, text: String) {
    #expect(Figures.grouped(number) == text)
  }

  @Test(arguments: [
    (Int64(0), "0 B"), (1_023, "1023 B"), (1_024, "1.0 KiB"), (33_000, "32.2 KiB"),
    (1_048_575, "1023.9 KiB"), (1_048_576, "1.0 MiB"), (5_000_000_000, "4.6 GiB"),
  ])
  func `bytes have binary units`(count: Int64, text: String) {
    #expect(Figures.bytes(count) == text)
  }

  @Test(arguments: [
    (Int64(-1), "0 s"), (0, "0 s"), (59, "59 s"), (60, "1 m"), (61, "1 m 1 s"), (3_600, "1 h"),
    (90_061, "1 d 1 h"), (86_401, "1 d 1 s"),
  ])
  func `a span names its two largest units`(seconds: Int64, text: String) {
    #expect(Figures.span(seconds: seconds) == text)
  }

  @Test(arguments: [
    (0.0, "-"), (.nan, "-"), (0.6, "1 µs"), (870, "870 µs"), (1_500, "1.5 ms"), (12_345, "12.3 ms"),
  ])
  func `latencies keep a short unit`(microseconds: Double, text: String) {
    #expect(Figures.latency(microseconds: microseconds) == text)
  }
}
