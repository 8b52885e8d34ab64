import ProtoWire
import Testing

/// Text that `String` would take a time to hash and compare that grows with its square.
@Suite struct CombiningMarkTests {
  /// Marks of two, three and four bytes.
  private static let marks = ["\u{301}", "\u{323}", "\u{20d0}", "\u{1d165}"]

  private static func field(_ text: String) -> [UInt8] { field(Array(text.utf8)) }

  /// Field 1: a string, or a message such as an entry that has nothing but a key.
  private static func field(_ content: [UInt8]) -> [UInt8] {
    var length = content.count
    var bytes: [UInt8] = [0x0a]
    while length >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: length) | 0x80)
      length >>= 7
    }
    return bytes + [UInt8(length)] + content
  }

  /// Every reader of text that may be hashed or compared, as whether it takes it.
  private static let readers: [(String, @Sendable (String) -> Bool)] = [
    ("a field", { (try? Google_Protobuf_StringValue(wire: field($0))) != nil }),
    ("a map's key", { (try? Google_Protobuf_Struct(wire: field(field($0)))) != nil }),
    ("a JSON string", { (try? Google_Protobuf_StringValue(json: "\"\($0)\"")) != nil }),
    ("an escaped JSON string", { (try? Google_Protobuf_StringValue(json: escaped($0))) != nil }),
    ("a JSON key", { (try? Google_Protobuf_Struct(json: "{\"\($0)\":1}")) != nil }),
    ("an escaped JSON key", { (try? Google_Protobuf_Struct(json: "{\(escaped($0)):1}")) != nil }),
    ("a field mask", { (try? Google_Protobuf_FieldMask(json: "\"a,b\($0)\"")) != nil }),
    (
      "a type URL",
      {
        (try? Google_Protobuf_Any(
          json: "{\"@type\":\"\($0)/google.protobuf.StringValue\",\"value\":\"\"}")) != nil
      }
    ),
  ]

  private static func escaped(_ text: String) -> String {
    let units = text.utf16.map { unit in
      let hex = String(unit, radix: 16)
      return "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
    }
    return "\"" + units.joined() + "\""
  }

  @Test(arguments: readers.indices, marks)
  func `thirty marks in a row are read, one more is refused, wherever they stand`(
    reader index: Int, mark: String
  ) {
    let (name, reads) = Self.readers[index]
    for before in [0, 1, 29, 60, 61, 62, 63, 64, 500] {
      for after in [0, 1, 61, 200] {
        func text(_ count: Int) -> String {
          String(repeating: "x", count: before) + String(repeating: mark, count: count)
            + String(repeating: "y", count: after)
        }
        let (limit, beyond) = (reads(text(30)), reads(text(31)))
        #expect(limit && !beyond, "\(name): \(before), \(after)")
      }
    }
  }

  @Test func `runs are counted each for itself, whatever their marks are`() {
    for (name, reads) in Self.readers {
      let run = (0..<30).map { Self.marks[$0 % 4] }.joined()
      for stop in ["a", "é", "谷", "😁"] {
        let text = String(repeating: stop + run, count: 40)
        let (limit, beyond) = (reads(text), reads(text + Self.marks[0]))
        #expect(limit && !beyond, "\(name)")
      }
    }
  }

  @Test func `text of every script without such runs is read`() {
    let text = String(repeating: "Ü谷歌 हिन्दी ไทย עִבְרִית العَرَبِيَّة 한국어 👩‍👩‍👧‍👦 ", count: 50)
    for (name, reads) in Self.readers {
      let isRead = reads(text)
      #expect(isRead, "\(name)")
    }
  }

  @Test func `the limit is an option`() throws {
    let text = "a" + String(repeating: "\u{301}", count: 5)
    let (wire, json) = (Self.field(text), "\"\(text)\"")
    for (limit, reads) in [(4, false), (5, true), (.max, true)] {
      let binary = Result {
        try Google_Protobuf_StringValue(wire: wire, options: .init(combiningMarkLimit: limit))
      }
      let fromJSON = Result {
        try Google_Protobuf_StringValue(json: json, options: .init(combiningMarkLimit: limit))
      }
      #expect((try? binary.get())?.value == (reads ? text : nil))
      #expect((try? fromJSON.get())?.value == (reads ? text : nil))
    }
    let error = #expect(throws: DecodingError.self) {
      try Google_Protobuf_StringValue(wire: wire, options: .init(combiningMarkLimit: 4))
    }
    #expect(error == .tooManyCombiningMarks(limit: 4, offset: 2))
  }

  /// The worst text that is read against a plain one of its length: a text of 64 KiB that is read and
  /// sorted as one run took four thousand times as long.
  @Test func `hostile text costs little more than plain text of its length`() {
    let run = (0..<30).map { ["\u{301}", "\u{323}"][$0 % 2] }.joined()
    let hostile = String(repeating: "a" + run, count: 1_000)
    let endless = "a" + String(repeating: "\u{301}\u{323}", count: 15_250)
    let plain = String(repeating: "x", count: hostile.utf8.count)
    for (name, reads) in Self.readers {
      func time(_ text: String) -> Duration {
        let runs = (0..<3).map { _ in
          ContinuousClock().measure {
            _ = reads(text)
          }
        }
        return runs.min() ?? .zero
      }
      let bound = (time(plain) + .microseconds(100)) * 500
      #expect(time(hostile) < bound, "\(name)")
      #expect(time(endless) < bound, "\(name)")
    }
  }
}
