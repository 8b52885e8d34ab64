/// Reads the fixed formats of times and durations from ASCII.
struct FixedScanner {
  private let text: UnsafeBufferPointer<UInt8>
  private(set) var index = 0

  init(_ text: UnsafeBufferPointer<UInt8>) { self.text = text }

  var atEnd: Bool { index == text.count }

  /// Consumes that one character if it is next.
  mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard index < text.count, text[index] == UInt8(ascii: character) else { return false }
    index += 1
    return true
  }

  /// The digit that is next.
  mutating func digit() -> Int? {
    guard index < text.count, text[index] &- UInt8(ascii: "0") < 10 else { return nil }
    defer { index += 1 }
    return Int(text[index] - UInt8(ascii: "0"))
  }

  /// Exactly `count` digits.
  mutating func digits(_ count: Int) -> Int? {
    var value = 0
    for _ in 0..<count {
      guard let digit = digit() else { return nil }
      value = value * 10 + digit
    }
    return value
  }

  /// One or more digits; `nil` also when they exceed the limit.
  mutating func number(atMost limit: Int64) -> Int64? {
    guard var value = digit().map(Int64.init) else { return nil }
    while let digit = digit() {
      value = value * 10 + Int64(digit)
      guard value <= limit else { return nil }
    }
    return value
  }

  /// A point and one to nine digits, as nanoseconds; 0 when there is no point.
  mutating func fraction() -> Int32? {
    guard take(".") else { return 0 }
    guard var nanos = digit().map(Int32.init) else { return nil }
    var count = 1
    while let digit = digit() {
      count += 1
      guard count <= 9 else { return nil }
      nanos = nanos * 10 + Int32(digit)
    }
    while count < 9 {
      nanos *= 10
      count += 1
    }
    return nanos
  }
}

extension JSONWriter {
  /// Nothing, or a point and three, six or nine digits: as many as the nanoseconds need.
  mutating func fraction(_ nanos: Int32) {
    let nanos = Int(nanos)
    if nanos == 0 { return }
    put(".")
    if nanos % 1_000_000 == 0 {
      decimal(nanos / 1_000_000, width: 3)
    } else if nanos % 1000 == 0 {
      decimal(nanos / 1000, width: 6)
    } else {
      decimal(nanos, width: 9)
    }
  }
}
