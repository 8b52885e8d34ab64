/// How many columns of a terminal a text takes: East Asian characters and emoji take two, marks none.
///
/// Source: Unicode Standard Annex #11, "East Asian Width", by blocks.
enum DisplayWidth {
  /// - `"ab"` → 2; `"漢字"` → 4; `"é"`, composed or not → 1
  static func of(_ text: some StringProtocol) -> Int {
    if text.utf8.allSatisfy({ $0 < 0x80 }) { return text.utf8.count }
    return text.reduce(0) { $0 + columns($1) }
  }

  /// The longest beginning of a text that takes at most `width` columns.
  static func prefix(_ text: String, _ width: Int) -> Substring {
    var room = width
    return text.prefix { character in
      room -= columns(character)
      return room >= 0
    }
  }

  /// The text itself, or as much of it as fits with "…" behind it.
  static func cut(_ text: String, to width: Int) -> String {
    of(text) <= width ? text : prefix(text, max(0, width - 1)) + "…"
  }

  /// Columns of what stands in one place: those of its base, two for what a selector makes an emoji and for a flag.
  private static func columns(_ character: Character) -> Int {
    let scalars = character.unicodeScalars
    guard let base = scalars.first else { return 0 }
    if base.isASCII { return scalars.contains { $0.value == 0xfe0f } ? 2 : 1 }
    let isFlag = scalars.count == 2 && scalars.allSatisfy { (0x1f1e6...0x1f1ff).contains($0.value) }
    if isFlag || scalars.contains(where: { $0.value == 0xfe0f }) { return 2 }
    switch base.properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format: return 0
    default: return isWide(base) ? 2 : 1
    }
  }

  private static func isWide(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x1100...0x115f,  // Hangul Jamo, the leading ones
      0x2e80...0x303e, 0x3041...0x33ff,  // radicals, kana, bopomofo, CJK symbols
      0x3400...0x4dbf, 0x4e00...0x9fff, 0xf900...0xfaff,  // ideographs
      0xa000...0xa4cf, 0xa960...0xa97f, 0xac00...0xd7a3,  // Yi, Hangul
      0xfe10...0xfe19, 0xfe30...0xfe6f, 0xff01...0xff60, 0xffe0...0xffe6,  // wide forms
      0x16fe0...0x18d08, 0x1aff0...0x1b2ff,  // Tangut, Khitan, kana supplements
      0x20000...0x3fffd:  // ideographs
      true
    default: scalar.properties.isEmojiPresentation
    }
  }
}
