import Framing
import ProtoWire
import RPCCore

/// The fields that end a call.
enum StatusFields {
  /// Appends `grpc-status` and what goes with it to a field block.
  static func append(_ error: RPCError?, trailing: Metadata, to block: inout ByteQueue) {
    block.append(name: "grpc-status", value: Array(String(error?.code.rawValue ?? 0).utf8))
    if let error {
      if !error.message.isEmpty {
        block.append(name: "grpc-message", value: message(error.message))
      }
      if !error.details.isEmpty {
        let status = Google_Rpc_Status.with {
          $0.code = Int32(error.code.rawValue)
          $0.message = error.message
          $0.details = error.details
        }
        block.append(
          name: "grpc-status-details-bin", value: Base64.encode(status.serialized()))
      }
      if error.code == .unimplemented {
        block.append(
          name: "grpc-accept-encoding", value: Array("\(MessageEncoding.acceptedNames)".utf8))
      }
      error.metadata.forEachEntry { block.append(name: $0, value: $1) }
    }
    trailing.forEachEntry { block.append(name: $0, value: $1) }
  }

  /// A message cut to a length that clients' header limits bear, and encoded.
  private static func message(_ text: String) -> [UInt8] {
    let encoded = PercentEncoding.encode(text)
    guard encoded.count > messageLimit else { return encoded }
    var cut = encoded[..<messageLimit]
    // Not in the middle of a %XX.
    if let percent = cut.suffix(2).lastIndex(of: UInt8(ascii: "%")) { cut = cut[..<percent] }
    return Array(cut)
  }

  /// Bytes of an encoded message; most clients take 8 KiB of headers in all.
  static let messageLimit = 4096
}

extension RPCError {
  /// What a client hears about a request that is not a sequence of messages.
  init(_ error: FramingError) {
    switch error {
    case .messageTooLarge, .gzip(.tooLarge): self.init(.resourceExhausted, "\(error)")
    case .invalidFlag, .compressedWithoutEncoding, .gzip, .truncatedMessage:
      self.init(.internalError, "\(error)")
    }
  }
}
