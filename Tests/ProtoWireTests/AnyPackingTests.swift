import ProtoWire
import Testing

@Suite struct AnyPackingTests {
  private var duration: Google_Protobuf_Duration {
    var duration = Google_Protobuf_Duration()
    duration.seconds = 7
    return duration
  }

  @Test func `a packed message comes out as it went in`() throws {
    let any = Google_Protobuf_Any(packing: duration)
    #expect(any.typeUrl == "type.googleapis.com/google.protobuf.Duration")
    #expect(try any.unpacked(as: Google_Protobuf_Duration.self) == duration)
  }

  @Test(arguments: [
    ("type.googleapis.com/google.protobuf.Duration", true),
    ("example.org/a/google.protobuf.Duration", true), ("/google.protobuf.Duration", true),
    ("google.protobuf.Duration", false), ("type.googleapis.com/google.protobuf.Timestamp", false),
    ("type.googleapis.com/xgoogle.protobuf.Duration", false), ("", false), ("/", false),
  ])
  func `only the name after the last slash counts`(url: String, holds: Bool) throws {
    var any = Google_Protobuf_Any(packing: duration)
    any.typeUrl = url
    #expect(any.holds(Google_Protobuf_Duration.self) == holds)
    #expect(try any.unpacked(as: Google_Protobuf_Duration.self) == (holds ? duration : nil))
  }

  @Test func `bytes that are no such message are an error`() {
    var any = Google_Protobuf_Any(packing: duration)
    any.value = [0x08]
    #expect(throws: DecodingError.self) {
      try any.unpacked(as: Google_Protobuf_Duration.self)
    }
  }
}
