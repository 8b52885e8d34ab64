/// Runs of combining marks in text from a peer.
///
/// `String` normalizes to hash and to compare, and sorts the marks of one character for that: the time
/// for a run grows with its square. The Unicode Standard's Stream-Safe Text Format (UAX #15, section 13)
/// knows no run of more than 30; what a reader lets through costs a bounded time for each byte.
@usableFromInline enum CombiningMarks {
  /// Whether more than `limit` marks follow each other: scalars whose canonical combining class is not 0.
  ///
  /// Such a run is at least two bytes long for each mark, so only every so many bytes are looked at;
  /// texts shorter than the shortest run are not looked at at all.
  /// - Precondition: the text is UTF-8.
  @usableFromInline static func exceed(_ limit: Int, in text: UnsafeBufferPointer<UInt8>) -> Bool {
    guard limit < text.count / 2 else { return false }
    let shortest = 2 * (limit + 1)
    var next = shortest - 1
    while next < text.count {
      var start = scalarStart(before: next + 1, in: text)
      guard isMark(at: start, in: text) else {
        next += shortest
        continue
      }
      var count = 1
      var end = start + length(text[start])
      while count <= limit, end < text.count, isMark(at: end, in: text) {
        count += 1
        end += length(text[end])
      }
      while count <= limit, start > 0 {
        start = scalarStart(before: start, in: text)
        guard isMark(at: start, in: text) else { break }
        count += 1
      }
      if count > limit { return true }
      // What stands at `end` is no mark: the next run begins behind it.
      next = end + shortest
    }
    return false
  }

  /// Where the scalar begins that the byte before `index` belongs to.
  private static func scalarStart(before index: Int, in text: UnsafeBufferPointer<UInt8>) -> Int {
    var start = index - 1
    while start > 0, text[start] & 0xc0 == 0x80 { start -= 1 }
    return start
  }

  private static func length(_ lead: UInt8) -> Int {
    lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4
  }

  private static func isMark(at start: Int, in text: UnsafeBufferPointer<UInt8>) -> Bool {
    let lead = text[start]
    // The first mark is U+0300: CC 80.
    guard lead >= 0xcc, start + length(lead) <= text.count else { return false }
    var value = UInt32(lead) & (lead < 0xe0 ? 0x1f : lead < 0xf0 ? 0x0f : 0x07)
    for index in 1..<length(lead) { value = value << 6 | UInt32(text[start + index] & 0x3f) }
    guard let scalar = Unicode.Scalar(value) else { return false }
    return scalar.properties.canonicalCombiningClass != .notReordered
  }
}
