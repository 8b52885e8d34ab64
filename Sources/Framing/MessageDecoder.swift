/// Cuts a stream of bytes into gRPC messages.
///
/// Chunks go in as they arrive, whole messages come out. A message that lies completely inside one
/// chunk is handed out in place, without a copy; only the unfinished message at a chunk's end is
/// buffered. After an error the decoder must not be fed again.
///
/// Owned by one stream; not thread-safe.
public struct MessageDecoder {
  /// The largest message accepted, in bytes: as sent, and again after inflating.
  public let limit: Int

  /// What messages flagged as compressed are encoded with. `identity` refuses the flag.
  public let encoding: MessageEncoding

  /// The unfinished message, from its prefix on.
  @usableFromInline var partial: [UInt8] = []

  /// Bytes, prefix included, of the unfinished message; 0 while its prefix is incomplete.
  @usableFromInline var needed = 0

  @usableFromInline var inflater: GzipInflater?

  /// A decoder for a stream that declared `encoding`.
  public init(limit: Int, encoding: MessageEncoding = .identity) {
    self.limit = limit
    self.encoding = encoding
  }

  /// Takes the next bytes of the stream and hands every message completed by them to `deliver`, in
  /// order.
  ///
  /// - Parameter deliver: gets the message, valid during the call only, and the bytes it took on
  ///   the wire with its prefix: what flow control has to give back for it.
  /// - Throws: the first defect; messages before it have been delivered.
  @inlinable
  public mutating func feed(
    _ chunk: UnsafeRawBufferPointer,
    _ deliver: (_ message: UnsafeRawBufferPointer, _ wireLength: Int) -> Void
  ) throws(FramingError) {
    var rest = chunk
    if !partial.isEmpty {
      let used = try resume(with: rest, deliver)
      rest = UnsafeRawBufferPointer(rebasing: rest[used...])
    }
    while let prefix = try MessagePrefix.read(rest, limit: limit) {
      let wireLength = MessagePrefix.byteCount + prefix.length
      guard rest.count >= wireLength else {
        try checkEncoding(of: prefix)
        needed = wireLength
        break
      }
      let body = UnsafeRawBufferPointer(rebasing: rest[MessagePrefix.byteCount..<wireLength])
      if prefix.isCompressed {
        try deliverInflated(body, wireLength, deliver)
      } else {
        deliver(body, wireLength)
      }
      rest = UnsafeRawBufferPointer(rebasing: rest[wireLength...])
    }
    if !rest.isEmpty { partial.append(contentsOf: rest) }
  }

  /// The stream has ended.
  /// - Throws: ``FramingError/truncatedMessage(missing:)`` inside a message.
  public func finish() throws(FramingError) {
    guard !partial.isEmpty else { return }
    let whole = needed == 0 ? MessagePrefix.byteCount : needed
    throw .truncatedMessage(missing: whole - partial.count)
  }

  /// Completes the buffered message as far as `bytes` reach; returns how many of them it took.
  @usableFromInline
  mutating func resume(
    with bytes: UnsafeRawBufferPointer,
    _ deliver: (_ message: UnsafeRawBufferPointer, _ wireLength: Int) -> Void
  ) throws(FramingError) -> Int {
    var used = 0
    if needed == 0 {
      used = min(MessagePrefix.byteCount - partial.count, bytes.count)
      partial.append(contentsOf: bytes[0..<used])
      let prefix = try partial.withUnsafeBufferPointer { bytes throws(FramingError) in
        try MessagePrefix.read(UnsafeRawBufferPointer(bytes), limit: limit)
      }
      guard let prefix else { return used }
      try checkEncoding(of: prefix)
      needed = MessagePrefix.byteCount + prefix.length
    }
    let take = min(needed - partial.count, bytes.count - used)
    partial.append(contentsOf: bytes[used..<used + take])
    used += take
    guard partial.count == needed else { return used }
    let message = partial
    partial = []
    let wireLength = needed
    needed = 0
    try message.withUnsafeBufferPointer { bytes throws(FramingError) in
      let body = UnsafeRawBufferPointer(
        rebasing: UnsafeRawBufferPointer(bytes)[MessagePrefix.byteCount...])
      if bytes[0] == 1 {
        try deliverInflated(body, wireLength, deliver)
      } else {
        deliver(body, wireLength)
      }
    }
    return used
  }

  @usableFromInline
  func checkEncoding(of prefix: MessagePrefix) throws(FramingError) {
    if prefix.isCompressed, encoding == .identity { throw .compressedWithoutEncoding }
  }

  @usableFromInline
  mutating func deliverInflated(
    _ body: UnsafeRawBufferPointer, _ wireLength: Int,
    _ deliver: (_ message: UnsafeRawBufferPointer, _ wireLength: Int) -> Void
  ) throws(FramingError) {
    switch encoding {
    case .identity:
      throw .compressedWithoutEncoding
    case .gzip:
      let message: [UInt8]
      do {
        if inflater == nil { inflater = try GzipInflater() }
        message = try inflater!.inflate(body, limit: limit)
      } catch {
        throw .gzip(error)
      }
      message.withUnsafeBytes { deliver($0, wireLength) }
    }
  }
}
