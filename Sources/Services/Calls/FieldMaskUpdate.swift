internal import ProtoWire

/// Which fields an update changes: those of its mask, or the populated ones when there is none.
struct FieldMaskUpdate {
  private let paths: [String]

  /// `fields` are the changeable paths, each with whether the request populates it.
  ///
  /// With display_name populated and description not:
  /// - no mask, or an empty one → display_name
  /// - mask description → description (it is cleared)
  /// - mask `*` → display_name, description
  /// - mask name → error naming `name` and what can be changed
  init(
    _ mask: Google_Protobuf_FieldMask?, fields: KeyValuePairs<String, Bool>
  ) throws(ServiceError) {
    try self.init(mask, fields: fields.map { ($0.key, $0.value) })
  }

  /// As above, for fields that are declared elsewhere.
  init(
    _ mask: Google_Protobuf_FieldMask?, fields: [(path: String, isPopulated: Bool)]
  ) throws(ServiceError) {
    let asked = mask?.paths ?? []
    if asked.isEmpty {
      paths = fields.filter(\.isPopulated).map(\.path)
      return
    }
    let changeable = fields.map(\.path)
    if asked == ["*"] {
      paths = changeable
      return
    }
    for path in asked where !changeable.contains(path) {
      throw .invalid(
        field: "update_mask",
        message: "\"\(path)\" is unknown or cannot be changed; what can: "
          + changeable.joined(separator: ", "))
    }
    paths = asked
  }

  /// Whether the field of this path is changed.
  func changes(_ path: String) -> Bool { paths.contains(path) }

  /// Whether nothing is changed.
  var isEmpty: Bool { paths.isEmpty }
}
