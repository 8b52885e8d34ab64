/// Seconds with a fraction and an `s`: `1.5s`, `-0.000001s`.
extension Google_Protobuf_Duration: JSONWellKnown {
  /// About 10,000 years.
  static let maximumSeconds: Int64 = 315_576_000_000

  public mutating func mergeJSON(from reader: inout JSONReader) throws(JSONDecodingError) {
    let place = reader.position
    let text = try reader.scanString()
    guard let (seconds, nanos) = Self.parse(text) else {
      throw reader.malformed(text, "google.protobuf.Duration", at: place)
    }
    self.seconds = seconds
    self.nanos = nanos
  }

  public func writeJSON(to writer: inout JSONWriter) throws(JSONEncodingError) {
    guard seconds.magnitude <= Self.maximumSeconds.magnitude, nanos.magnitude < 1_000_000_000,
      seconds == 0 || nanos == 0 || (seconds < 0) == (nanos < 0)
    else { throw .durationOutOfRange(seconds: seconds, nanos: nanos) }
    writer.put("\"")
    if seconds < 0 || nanos < 0 { writer.put("-") }
    writer.decimal(seconds.magnitude)
    writer.fraction(Int32(nanos.magnitude))
    writer.put("s\"")
  }

  static func parse(_ text: UnsafeBufferPointer<UInt8>) -> (seconds: Int64, nanos: Int32)? {
    var scanner = FixedScanner(text)
    let isNegative = scanner.take("-")
    guard let seconds = scanner.number(atMost: maximumSeconds), let nanos = scanner.fraction(),
      scanner.take("s"), scanner.atEnd
    else { return nil }
    return isNegative ? (-seconds, -nanos) : (seconds, nanos)
  }
}
