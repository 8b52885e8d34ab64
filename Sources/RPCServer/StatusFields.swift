import Framing
import ProtoWire
import RPCCore

/// The fields that end a call.
enum StatusFields {
  /// Appends `grpc-status` and what goes with it to a field block.
  ///
  /// - Parameter domain: of the `ErrorInfo` that an error gets which brings none; nil: it gets none.
  static func append(
    _ error: RPCError?, trailing: Metadata, domain: String?, to block: inout ByteQueue
  ) {
    block.append(name: "grpc-status", value: Array(String(error?.code.rawValue ?? 0).utf8))
    if let error {
      let message = cut(error.message)
      if !message.isEmpty {
        block.append(name: "grpc-message", value: PercentEncoding.encode(message))
      }
      if let details = details(of: error, message: message, domain: domain) {
        block.append(name: "grpc-status-details-bin", value: details)
      }
      if error.code == .unimplemented {
        block.append(
          name: "grpc-accept-encoding", value: Array("\(MessageEncoding.acceptedNames)".utf8))
      }
      error.metadata.forEachEntry { block.append(name: $0, value: $1) }
    }
    trailing.forEachEntry { block.append(name: $0, value: $1) }
  }

  /// The start of a message, as much as clients' header limits bear.
  private static func cut(_ message: String) -> String {
    guard message.utf8.count > messageLimit else { return message }
    var end = message.utf8.index(message.startIndex, offsetBy: messageLimit)
    while end.samePosition(in: message.unicodeScalars) == nil {
      end = message.utf8.index(before: end)
    }
    return message[..<end] + "…"
  }

  /// The encoded `google.rpc.Status`, without the last details where they do not fit; nil: there are none.
  private static func details(of error: RPCError, message: String, domain: String?) -> [UInt8]? {
    var details = error.details
    if let domain, !details.contains(where: { $0.holds(Google_Rpc_ErrorInfo.self) }) {
      let info = Google_Rpc_ErrorInfo.with {
        $0.reason = "\(error.code)"
        $0.domain = domain
      }
      details.insert(Google_Protobuf_Any(packing: info), at: 0)
    }
    while !details.isEmpty {
      let status = Google_Rpc_Status.with {
        $0.code = Int32(error.code.rawValue)
        $0.message = message
        $0.details = details
      }
      let encoded = Base64.encode(status.serialized())
      if encoded.count <= detailsLimit { return encoded }
      details.removeLast()
    }
    return nil
  }

  /// Bytes of a message, and of encoded details: most clients take 8 KiB of headers in all.
  static let messageLimit = 1024
  static let detailsLimit = 5 * 1024
}

extension RPCError {
  /// What a client hears about a request that is not a sequence of messages.
  init(_ error: FramingError) { self.init(error.code, error.description) }
}
