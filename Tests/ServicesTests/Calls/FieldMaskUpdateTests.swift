import ProtoWire
import Testing

@testable import Services

@Suite struct FieldMaskUpdateTests {
  @Test(
    "A mask names what changes; without one it is what is populated",
    arguments: [
      ([String]?.none, ["display_name"]), ([], ["display_name"]),
      (["description"], ["description"]), (["*"], ["description", "display_name", "labels"]),
      (["labels", "labels", "display_name"], ["display_name", "labels"]),
    ]) func changes(paths: [String]?, expected: [String]) throws
  {
    let mask = paths.map { paths in Google_Protobuf_FieldMask.with { $0.paths = paths } }
    let fields: KeyValuePairs = ["display_name": true, "description": false, "labels": false]
    let update = try FieldMaskUpdate(mask, fields: fields)
    #expect(fields.map(\.key).filter(update.changes).sorted() == expected)
  }

  @Test(
    "A path that is unknown or cannot be changed is named",
    arguments: ["name", "", "labels.team", "* ", "Description"])
  func unknown(path: String) {
    let error = #expect(throws: ServiceError.self) {
      _ = try FieldMaskUpdate(
        Google_Protobuf_FieldMask.with { $0.paths = ["description", path] },
        fields: ["description": true, "labels": false])
    }
    #expect(
      error
        == .invalid(
          field: "update_mask",
          message: "\"\(path)\" is unknown or cannot be changed; what can: description, labels"))
  }
}
