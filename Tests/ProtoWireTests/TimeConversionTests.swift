import ProtoWire
import Testing

@Suite struct TimeConversionTests {
  private static func message(_ seconds: Int64, _ nanos: Int32) -> Google_Protobuf_Duration {
    .with {
      $0.seconds = seconds
      $0.nanos = nanos
    }
  }

  @Test(
    "spans become messages of whole nanoseconds, and come back",
    arguments: [
      (.zero, 0, 0), (.milliseconds(1500), 1, 500_000_000), (.milliseconds(-1), 0, -1_000_000),
      (.milliseconds(-1500), -1, -500_000_000), (.nanoseconds(1), 0, 1),
      (.seconds(315_576_000_000), 315_576_000_000, 0),
    ] as [(Duration, Int64, Int32)])
  func durations(duration: Duration, seconds: Int64, nanos: Int32) {
    let message = Google_Protobuf_Duration(duration)
    #expect(message == Self.message(seconds, nanos))
    #expect(Duration(message) == duration)
  }

  @Test("what is below a nanosecond is cut off", arguments: [1, -1] as [Int64])
  func rounding(sign: Int64) {
    let duration = Duration(secondsComponent: 0, attosecondsComponent: sign * 1_999_999_999)
    #expect(Google_Protobuf_Duration(duration) == Self.message(0, Int32(sign)))
  }

  @Test(
    "a span that the schema forbids is none",
    arguments: [
      (315_576_000_000, 0, true), (315_576_000_001, 0, false), (-315_576_000_000, 0, true),
      (-315_576_000_001, 0, false), (0, 999_999_999, true), (0, 1_000_000_000, false),
      (0, -999_999_999, true), (0, -1_000_000_000, false), (1, -1, false), (-1, 1, false),
      (-1, -1, true), (Int64.min, Int32.min, false), (Int64.max, Int32.max, false),
    ] as [(Int64, Int32, Bool)])
  func durationRange(seconds: Int64, nanos: Int32, accepted: Bool) {
    let message = Self.message(seconds, nanos)
    #expect(message.isInRange == accepted)
    #expect((Duration(message) != nil) == accepted)
    #expect(((try? message.json()) != nil) == accepted)
  }

  @Test(
    "a moment that the schema forbids is out of range",
    arguments: [
      (0, 0, true), (-62_135_596_800, 0, true), (-62_135_596_801, 999_999_999, false),
      (253_402_300_799, 999_999_999, true), (253_402_300_800, 0, false), (0, -1, false),
      (-1, 1, true), (0, 1_000_000_000, false), (Int64.min, Int32.min, false),
    ] as [(Int64, Int32, Bool)])
  func timestampRange(seconds: Int64, nanos: Int32, accepted: Bool) {
    let message = Google_Protobuf_Timestamp.with {
      $0.seconds = seconds
      $0.nanos = nanos
    }
    #expect(message.isInRange == accepted)
    #expect(((try? message.json()) != nil) == accepted)
  }
}
