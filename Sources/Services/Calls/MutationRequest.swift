internal import API
internal import ProtoWire

// The fields that requests and answers of one kind have in common.

/// A request that changes something.
protocol MutationRequest: Message {
  var requestId: String { get set }
  var validateOnly: Bool { get }
}

/// A change of a resource that a caller may have read before.
protocol ConditionalRequest: MutationRequest {
  var etag: String { get }
}

/// A change of some fields.
protocol UpdateRequest: ConditionalRequest {
  var updateMask: Google_Protobuf_FieldMask? { get }
}

/// Archives a resource or takes it back.
protocol ArchiveRequest: ConditionalRequest {
  var restore: Bool { get }
}

/// A request for a page.
protocol ListRequest: Message {
  var pageSize: Int32 { get set }
  var pageToken: String { get set }
  var skip: Int32 { get set }
  var order: SortOrder { get }
}

/// A page.
protocol ListResponse: Message {
  var nextPageToken: String { get set }
  var totalSize: Int32 { get set }
}

extension WireMessage {
  /// Bytes of the message on the wire.
  var encodedSize: Int {
    var sizes = WireSizes()
    return byteSize(&sizes)
  }
}
