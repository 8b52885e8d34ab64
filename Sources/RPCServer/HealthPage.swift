import Framing
import HTTP2
import RPCCore
import Transport

/// `/healthz` for those who do not speak gRPC: load balancers, people with curl.
///
/// GET, HEAD and POST; 200 `SERVING` or 503 `NOT_SERVING`. Answered when the request has ended.
enum HealthPage {
  /// Marks a stream of this page in its `tag`.
  private enum Tag {
    static let body: UInt8 = 1
    static let head: UInt8 = 2
  }

  static func isPath(_ path: UnsafeRawBufferPointer) -> Bool {
    let name: StaticString = "/healthz"
    let end = path.firstIndex(of: UInt8(ascii: "?")) ?? path.count
    return path[..<end].elementsEqual(
      UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
  }

  /// Whether the stream asked for this page.
  static func isPending(_ stream: ServerStream.Reference) -> Bool {
    stream.pointee.tag != 0
  }

  static func begin(_ method: RequestHead.Method, _ stream: ServerStream.Reference) {
    stream.pointee.tag = method == .head ? Tag.head : Tag.body
  }

  static func answer(
    _ stream: ServerStream.Reference, _ connection: ServerConnection, isServing: Bool
  ) {
    let fields = isServing ? ResponseHeads.healthy : ResponseHeads.unhealthy
    let isHead = stream.pointee.tag == Tag.head
    if !isHead {
      let text: StaticString = isServing ? "SERVING\n" : "NOT_SERVING\n"
      stream.pointee.outbound.append(
        UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }
    connection.session.respond(
      stream, fixed: fields, block: UnsafeRawBufferPointer(start: nil, count: 0), isWhole: isHead)
    connection.session.end(stream, .endStream)
    connection.markDirty()
  }
}
