/// Seconds with a fraction and an `s`: `1.5s`, `-0.000001s`.
extension Google_Protobuf_Duration: JSONWellKnown {
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
    guard isInRange else { throw .durationOutOfRange(seconds: seconds, nanos: nanos) }
    writer.put("\"")
    if seconds < 0 || nanos < 0 { writer.put("-") }
    writer.decimal(seconds.magnitude)
    writer.fraction(Int32(nanos.magnitude))
    writer.put("s\"")
  }

  static func parse(_ text: UnsafeBufferPointer<UInt8>) -> (seconds: Int64, nanos: Int32)? {
    var scanner = FixedScanner(text)
    let isNegative = scanner.take("-")
    guard let seconds = scanner.number(atMost: secondsRange.upperBound),
      let nanos = scanner.fraction(), scanner.take("s"), scanner.atEnd
    else { return nil }
    return isNegative ? (-seconds, -nanos) : (seconds, nanos)
  }
}
