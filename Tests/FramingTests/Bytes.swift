/// Bytes of hexadecimal digits; blanks are ignored.
func hex(_ digits: String) -> [UInt8] {
  let values = digits.utf8.filter { $0 != 0x20 }.map {
    UInt8(String(UnicodeScalar($0)), radix: 16)!
  }
  return stride(from: 0, to: values.count, by: 2).map { values[$0] << 4 | values[$0 + 1] }
}

/// A framed message: flag, big-endian length, body.
func frame(_ body: [UInt8], flag: UInt8 = 0, length: Int? = nil) -> [UInt8] {
  let length = UInt32(length ?? body.count)
  return [flag] + (0..<4).map { UInt8(truncatingIfNeeded: length >> (24 - 8 * $0)) } + body
}

extension String {
  /// The UTF-8 bytes of this text, passed to `body`.
  func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    try Array(utf8).withUnsafeBytes(body)
  }
}
