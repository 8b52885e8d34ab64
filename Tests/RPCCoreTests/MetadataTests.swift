import ProtoWire
import RPCCore
import Testing

@Suite struct MetadataTests {
  @Test func `names are compared without regard to case and keep their order`() throws {
    var metadata = Metadata()
    try metadata.add("1", for: "X-Tag")
    try metadata.add("2", for: "x-other")
    try metadata.add("3", for: "x-TAG")
    #expect(metadata["x-tag"] == "1")
    #expect(metadata[all: "X-TAG"] == ["1", "3"])
    #expect(metadata.map(\.name) == ["x-tag", "x-other", "x-tag"])
    #expect(metadata.count == 3)
  }

  @Test func `binary values are bytes outside and base64 inside`() throws {
    var metadata = Metadata()
    try metadata.add(binary: [0, 1, 254, 255], for: "trace-bin")
    #expect(metadata[binary: "trace-bin"] == [0, 1, 254, 255])
    #expect(metadata["trace-bin"] == "AAH+/w")
  }

  @Test func `a binary value joined with commas reads as several`() {
    var metadata = Metadata()
    metadata.append(Array("a-bin".utf8), Array("AQ, Ag==,AwQ".utf8))
    #expect(metadata[allBinary: "a-bin"] == [[1], [2], [3, 4]])
    #expect(metadata.map(\.value) == [.binary([1]), .binary([2]), .binary([3, 4])])
  }

  @Test(arguments: ["", "grpc-status", "a b", "ä", "a:b", ":path"])
  func `a name HTTP/2 does not carry is refused`(name: String) {
    var metadata = Metadata()
    #expect(throws: Metadata.Problem.name(name)) { try metadata.add("v", for: name) }
    #expect(metadata.isEmpty)
  }

  @Test(arguments: [("tab\t", 9 as UInt8), ("ü", 0xc3), ("\u{7f}", 0x7f), ("\u{1f}", 0x1f)])
  func `a value beyond printable ASCII is refused`(value: String, byte: UInt8) {
    var metadata = Metadata()
    #expect(throws: Metadata.Problem.value(name: "x", byte: byte)) {
      try metadata.add(value, for: "x")
    }
  }

  @Test func `set replaces and remove removes all values of a name`() throws {
    var metadata: Metadata = ["a": "1", "b": "2", "A": "3"]
    try metadata.set("4", for: "a")
    #expect(metadata[all: "a"] == ["4"])
    metadata.remove("B")
    #expect(metadata.map(\.name) == ["a"])
  }

  @Test func `a block survives the way through bytes`() throws {
    let metadata: Metadata = ["a": "1", "b-bin": "text", "c": ""]
    let copy = metadata.rawBlock.withUnsafeBytes { Metadata(block: $0) }
    #expect(copy == metadata)
    #expect(copy[binary: "b-bin"] == Array("text".utf8))
    #expect(copy["c"] == "")
  }

  @Test(arguments: 0..<20)
  func `a truncated block ends early instead of reading beyond`(length: Int) {
    let whole: Metadata = ["name": "value", "other": "value"]
    let cut = whole.rawBlock.prefix(length)
    let metadata = Array(cut).withUnsafeBytes { Metadata(block: $0) }
    #expect(metadata.count == (length >= 15 ? 1 : 0))
  }
}

@Suite struct Base64Tests {
  @Test(
    arguments: [
      ([], ""), ([0x66], "Zg"), ([0x66, 0x6f], "Zm8"), ([0x66, 0x6f, 0x6f], "Zm9v"),
      ([0x66, 0x6f, 0x6f, 0x62], "Zm9vYg"), ([0xff, 0xfe], "//4"), ([0xfb], "+w"),
    ] as [([UInt8], String)])
  func `encodes without padding and reads with and without`(bytes: [UInt8], text: String) {
    #expect(Base64.encode(bytes) == Array(text.utf8))
    #expect(Base64.decode(text.utf8) == bytes)
    let padding = String(repeating: "=", count: (4 - text.count % 4) % 4)
    #expect(Base64.decode((text + padding).utf8) == bytes)
  }

  @Test(arguments: ["A", "AAAAA", "A===", "AA=", "AA=A", "A A", "AAA==", "AA?A", "===="])
  func `refuses what is not base64`(text: String) {
    #expect(Base64.decode(text.utf8) == nil)
  }
}
