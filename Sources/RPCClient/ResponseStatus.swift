import ProtoWire
import RPCCore

/// Makes the error of a call of what the server sent with its status.
enum ResponseStatus {
  /// - Parameter details: `grpc-status-details-bin` in Base64. What does not decode is left out: the
  ///   status itself stands.
  static func error(_ status: RPCStatus, details: [UInt8], trailers: Metadata) -> RPCError {
    RPCError(
      status.code, status.message, details: decode(details), metadata: trailers)
  }

  private static func decode(_ text: [UInt8]) -> [Google_Protobuf_Any] {
    guard !text.isEmpty, let bytes = Base64.decode(text),
      let status = try? Google_Rpc_Status(wire: bytes)
    else { return [] }
    return status.details
  }
}
