/// Finds the path of a byte in a JSON text, for an error's description.
///
/// The reader stopped at that byte, so everything before it has been checked; this scan only keeps
/// track of the open objects and arrays. It never fails: an odd text gives a shorter path.
enum JSONPath {
  private enum Step {
    case object(key: Range<Int>?)
    case array(index: Int)
  }

  static func path(in text: UnsafeBufferPointer<UInt8>, to offset: Int) -> String {
    var steps: [Step] = []
    var i = 0
    let end = min(offset, text.count)
    while i < end {
      switch text[i] {
      case UInt8(ascii: "{"): steps.append(.object(key: nil))
      case UInt8(ascii: "["): steps.append(.array(index: 0))
      case UInt8(ascii: "}"), UInt8(ascii: "]"): _ = steps.popLast()
      case UInt8(ascii: ","):
        switch steps.last {
        case .array(let index): steps[steps.count - 1] = .array(index: index + 1)
        case .object: steps[steps.count - 1] = .object(key: nil)
        case nil: break
        }
      case UInt8(ascii: "\""):
        let start = i + 1
        i = start
        while i < text.count, text[i] != UInt8(ascii: "\"") {
          i += text[i] == UInt8(ascii: "\\") ? 2 : 1
        }
        if case .object(nil) = steps.last {
          steps[steps.count - 1] = .object(key: start..<min(i, text.count))
        }
      default: break
      }
      i += 1
    }
    return steps.reduce(into: "") { path, step in
      switch step {
      case .array(let index): path += "[\(index)]"
      case .object(nil): break
      case .object(let key?):
        path += path.isEmpty ? "" : "."
        path += excerpt(UnsafeBufferPointer(rebasing: text[key]))
      }
    }
  }

  /// Peer text for an error message: at most 64 bytes, with broken UTF-8 repaired.
  static func excerpt(_ bytes: UnsafeBufferPointer<UInt8>) -> String {
    bytes.count <= 64
      ? String(decoding: bytes, as: UTF8.self)
      : String(decoding: bytes.prefix(64), as: UTF8.self) + "…"
  }
}
