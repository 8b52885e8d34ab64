/// Finds the path of a byte in a JSON text, for an error's description.
///
/// The reader stopped at that byte, so everything before it has been checked, how deep it nests
/// included; this scan only keeps track of the open objects and arrays. It never fails: an odd text
/// gives a shorter path.
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
    return describe(steps, in: text)
  }

  /// The last steps: at most 8 of them, and no more than 256 bytes.
  private static func describe(_ steps: [Step], in text: UnsafeBufferPointer<UInt8>) -> String {
    var path = ""
    var count = 0
    for step in steps.reversed() {
      let piece: String
      switch step {
      case .object(nil): continue
      case .array(let index): piece = "[\(index)]"
      case .object(let key?): piece = "." + excerpt(UnsafeBufferPointer(rebasing: text[key]))
      }
      if count == 8 || path.utf8.count + piece.utf8.count > 250 { return "…" + path }
      path = piece + path
      count += 1
    }
    return path.utf8.first == UInt8(ascii: ".") ? String(path.dropFirst()) : path
  }

  /// Peer text for an error message: at most 64 bytes and an ellipsis, on one line, with broken UTF-8
  /// repaired, and with nothing in it that a terminal or a log would act upon.
  static func excerpt(_ bytes: UnsafeBufferPointer<UInt8>) -> String {
    var cut = min(bytes.count, 64)
    if cut < bytes.count {  // not within a scalar
      while cut > 61, bytes[cut] & 0xc0 == 0x80 { cut -= 1 }
    }
    var text = ""
    for scalar in String(decoding: bytes.prefix(cut), as: UTF8.self).unicodeScalars {
      let piece = isHarmless(scalar) ? String(scalar) : escaped(scalar)
      if text.utf8.count + piece.utf8.count > 64 { return text + "…" }
      text += piece
    }
    return cut < bytes.count ? text + "…" : text
  }

  static func excerpt(_ text: String) -> String {
    var text = text
    return text.withUTF8 { excerpt($0) }
  }

  /// Neither a control character nor one that breaks the line or turns the direction of writing.
  private static func isHarmless(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator: false
    default: true
    }
  }

  private static func escaped(_ scalar: Unicode.Scalar) -> String {
    let hex = String(scalar.value, radix: 16)
    return "\\u" + String(repeating: "0", count: max(0, 4 - hex.utf8.count)) + hex
  }
}
