internal import Glibc

/// Random words from the kernel, fetched many at a time: a call for each would cost more than the
/// id it is for.
struct RandomPool {
  private var words = [UInt64](repeating: 0, count: 128)
  private var next: Int

  init() { next = words.count }

  mutating func word() -> UInt64 {
    if next == words.count { refill() }
    defer {
      // A word is used once, and not kept where a core dump could show it.
      words[next] = 0
      next += 1
    }
    return words[next]
  }

  private mutating func refill() {
    let filled = words.withUnsafeMutableBytes { bytes in
      // 256 bytes are the most that one call gives.
      stride(from: 0, to: bytes.count, by: 256).allSatisfy { offset in
        getentropy(bytes.baseAddress.map { $0 + offset }, 256) == 0
      }
    }
    // Without the kernel's generator, which Linux always has, the standard one stands in.
    if !filled {
      var system = SystemRandomNumberGenerator()
      for index in words.indices { words[index] = system.next() }
    }
    next = 0
  }
}
