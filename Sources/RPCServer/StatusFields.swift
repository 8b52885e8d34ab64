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
      let encoded = PercentEncoding.encode(message)
      if !encoded.isEmpty { block.append(name: "grpc-message", value: encoded) }
      let room = min(detailsLimit, headersLimit - encoded.count)
      if let details = details(of: error, message: message, domain: domain, limit: room) {
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
  private static func cut(_ message: String, to limit: Int = messageLimit) -> String {
    guard message.utf8.count > limit else { return message }
    var end = message.utf8.index(message.startIndex, offsetBy: limit)
    while end.samePosition(in: message.unicodeScalars) == nil {
      end = message.utf8.index(before: end)
    }
    return message[..<end] + "…"
  }

  /// The encoded `google.rpc.Status`; nil: there are no details. What does not fit is left out, from the end, before anything is
  /// encoded; the first ErrorInfo stays, whatever else goes.
  ///
  /// - Parameter limit: bytes of what is returned.
  private static func details(
    of error: RPCError, message: String, domain: String?, limit: Int
  ) -> [UInt8]? {
    let infos = error.details.filter { $0.holds(Google_Rpc_ErrorInfo.self) }
    var info = infos.first.map(bounded)
    if info == nil, let domain {
      info = Google_Protobuf_Any(
        packing: Google_Rpc_ErrorInfo.with {
          $0.reason = "\(error.code)"
          $0.domain = domain
        })
    }
    var details = info.map { [$0] } ?? []
    var room = limit * 3 / 4 - message.utf8.count - 64 - details.reduce(0) { $0 + size($1) }
    for detail in error.details where !detail.holds(Google_Rpc_ErrorInfo.self) {
      room -= size(detail)
      guard room >= 0 else { break }
      details.append(detail)
    }
    guard !details.isEmpty else { return nil }
    let status = Google_Rpc_Status.with {
      $0.code = Int32(error.code.rawValue)
      $0.message = message
      $0.details = details
    }
    return Base64.encode(status.serialized())
  }

  /// Bytes that a detail adds to a status, or a few more.
  private static func size(_ detail: Google_Protobuf_Any) -> Int {
    detail.typeUrl.utf8.count + detail.value.count + 16
  }

  /// An ErrorInfo as it is, or without its metadata where they are too large.
  private static func bounded(_ info: Google_Protobuf_Any) -> Google_Protobuf_Any {
    guard info.value.count > infoLimit else { return info }
    guard var whole = try? info.unpacked(as: Google_Rpc_ErrorInfo.self) else {
      return Google_Protobuf_Any(packing: Google_Rpc_ErrorInfo())
    }
    whole.metadata = [:]
    whole.reason = cut(whole.reason, to: infoLimit / 4)
    whole.domain = cut(whole.domain, to: infoLimit / 4)
    return Google_Protobuf_Any(packing: whole)
  }

  /// Bytes of a message, which may be three times as many percent-encoded, and of encoded details.
  static let messageLimit = 1024
  static let detailsLimit = 5 * 1024
  /// Bytes of both, encoded: most clients take 8 KiB of headers in all.
  static let headersLimit = 8 * 1024 - 512
  /// Bytes of an ErrorInfo with its metadata.
  static let infoLimit = 2 * 1024
}

extension RPCError {
  /// What a client hears about a request that is not a sequence of messages.
  init(_ error: FramingError) { self.init(error.code, error.description) }
}
