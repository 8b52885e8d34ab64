#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

extension UnsafeRawBufferPointer {
  /// Whether these bytes are exactly `text`.
  @usableFromInline
  func equals(_ text: StaticString) -> Bool {
    guard count == text.utf8CodeUnitCount, let base = baseAddress else {
      return count == 0 && text.utf8CodeUnitCount == 0
    }
    return memcmp(base, text.utf8Start, count) == 0
  }

  /// Whether these bytes begin with `text`; ASCII letters of either case match.
  @usableFromInline
  func hasPrefixIgnoringCase(_ text: StaticString) -> Bool {
    guard count >= text.utf8CodeUnitCount else { return false }
    for index in 0..<text.utf8CodeUnitCount
    where self[index].asciiLowercased != text.utf8Start[index].asciiLowercased {
      return false
    }
    return true
  }

  /// These bytes without spaces and tabs at either end.
  @usableFromInline
  var trimmed: UnsafeRawBufferPointer {
    var start = 0
    var end = count
    while start < end, self[start].isBlank { start += 1 }
    while end > start, self[end - 1].isBlank { end -= 1 }
    return UnsafeRawBufferPointer(rebasing: self[start..<end])
  }
}

extension UInt8 {
  @usableFromInline
  var asciiLowercased: UInt8 { self >= 0x41 && self <= 0x5a ? self | 0x20 : self }

  @usableFromInline
  var isBlank: Bool { self == 0x20 || self == 0x09 }
}
