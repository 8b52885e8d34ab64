import Domain
import Testing

@Suite struct ExposureTests {
  @Test(
    arguments: [
      (0, "0%"), (1, "0.0001%"), (50_000, "5%"), (125_000, "12.5%"), (999_999, "99.9999%"),
      (1_000_000, "100%"),
    ] as [(Int64, String)])
  func `an exposure prints as the shortest exact percentage`(
    millionths: Int64, percent: String
  ) throws {
    let exposure = try Exposure(millionths: millionths)
    #expect(exposure.percent == percent)
  }

  @Test(
    arguments: [
      (-1, "exposure -1 is below 0"), (1_000_001, "exposure 1000001 exceeds 1000000"),
      (1_200_000, "exposure 1200000 exceeds 1000000"),
      (Int64.min, "exposure -9223372036854775808 is below 0"),
      (.max, "exposure 9223372036854775807 exceeds 1000000"),
    ] as [(Int64, String)])
  func `what is no share of a fleet is refused with both numbers`(
    millionths: Int64, message: String
  ) {
    #expect(throws: DomainError.invalid(field: "exposure", message: message)) {
      try Exposure(millionths: millionths)
    }
  }
}

@Suite struct TimestampTests {
  @Test(
    arguments: [(0, 0, 0), (1_999_999, 1, 999_999), (-1, -1, 999_999), (-1_000_000, -1, 0)]
      as [(Int64, Int64, Int64)])
  func `seconds round down and the rest is positive`(
    microseconds: Int64, seconds: Int64, rest: Int64
  ) {
    let point = Timestamp(microseconds: microseconds)
    #expect(point.seconds == seconds)
    #expect(point.microsecondsOfSecond == rest)
  }

  @Test func `arithmetic saturates instead of trapping`() {
    #expect((Timestamp(microseconds: .max) + .seconds(1)).microseconds == .max)
    #expect((Timestamp(microseconds: .min) + .seconds(-1)).microseconds == .min)
    #expect((Timestamp(microseconds: 5) + .seconds(Int64.max)).microseconds == .max)
    #expect(Timestamp(seconds: .max).microseconds == .max)
    #expect(
      Timestamp(microseconds: .min) - Timestamp(microseconds: 1) == .microseconds(Int64.min))
    #expect(Timestamp(seconds: 90) - Timestamp(seconds: 30) == .seconds(60))
  }
}
