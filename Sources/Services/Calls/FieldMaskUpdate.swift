internal import ProtoWire

/// Which fields an update changes: those of its mask, or the populated ones when there is none.
struct FieldMaskUpdate {
  private enum Selection {
    case populated
    case all
    case named([String])
  }
  private let selection: Selection
  private let fields: KeyValuePairs<String, Bool>

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
    self.fields = fields
    let asked = mask?.paths ?? []
    if asked.isEmpty {
      selection = .populated
      return
    }
    if asked == ["*"] {
      selection = .all
      return
    }
    for path in asked where !fields.contains(where: { $0.key == path }) {
      throw .invalid(
        field: "update_mask",
        message: "\"\(path)\" is unknown or cannot be changed; what can: "
          + fields.map(\.key).joined(separator: ", "))
    }
    selection = .named(asked)
  }

  /// Whether the field of this path is changed.
  func changes(_ path: String) -> Bool {
    switch selection {
    case .populated: fields.contains { $0.value && $0.key == path }
    case .all: fields.contains { $0.key == path }
    case .named(let paths): paths.contains(path)
    }
  }

  /// Whether nothing is changed.
  var isEmpty: Bool {
    switch selection {
    case .populated: !fields.contains(where: \.value)
    case .all: fields.isEmpty
    case .named(let paths): paths.isEmpty
    }
  }
}
