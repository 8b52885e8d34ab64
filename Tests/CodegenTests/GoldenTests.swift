import Foundation
import Testing

@Suite struct GoldenTests {
  @Test func `the plugin generates exactly the committed files`() throws {
    try Tool.inTemporaryFolder { folder in
      let result = try Tool.run(
        "protoc",
        plugin(
          into: folder,
          options:
            "Visibility=internal,Envelopes=on,Shape=Paged:page_size,Shape=Sorted:page_size:newest_first"
        ) + Tool.includes + Tool.fixtureFiles())
      #expect(result.status == 0, "\(result.errors)")
      let golden = Tool.tests.appending(path: "Generated")
      let names = try FileManager.default.contentsOfDirectory(atPath: golden.path).sorted()
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == names)
      for name in names {
        let expected = try String(contentsOf: golden.appending(path: name), encoding: .utf8)
        let generated = try String(contentsOf: folder.appending(path: name), encoding: .utf8)
        #expect(generated == expected, "\(name): run codegen/generate.sh and read the difference")
      }
    }
  }

  @Test func `two runs generate the same bytes`() throws {
    let runs = try (0..<2).map { _ in
      try Tool.inTemporaryFolder { folder in
        let arguments = plugin(into: folder, options: "") + Tool.includes
        _ = try Tool.run("protoc", arguments + ["fixtures/collections.proto"])
        return try Data(contentsOf: folder.appending(path: "fixtures.collections.pb.swift"))
      }
    }
    #expect(runs[0] == runs[1])
  }

  @Test(arguments: [
    (
      "refused/proto2.proto", "",
      "refused/proto2.proto: syntax \"proto2\" is not supported; protoc-gen-rollcall generates proto3 only"
    ),
    (
      "refused/proto2_field.proto", "",
      "refused/proto2_field.proto: type google.protobuf.FieldDescriptorProto is declared in google/protobuf/descriptor.proto, whose syntax \"proto2\" is not supported"
    ),
    (
      "refused/proto2_method.proto", "",
      "refused/proto2_method.proto: type codegen.refused.Old is declared in refused/proto2.proto, whose syntax \"proto2\" is not supported"
    ),
    (
      "refused/hidden.proto", "",
      "refused/hidden.proto: Outer hides Status by a type of that name, and Outer_Status, its other name, is taken"
    ),
    (
      "refused/undecided.proto", "RequireMethodOption=codegen.fixtures.attempts",
      "refused/undecided.proto: method PutNote has no option (codegen.fixtures.attempts), which every method must have"
    ),
    (
      "refused/undecided.proto", "RequireMethodOption=codegen.fixtures.missing",
      "refused/undecided.proto: method GetNote has no option (codegen.fixtures.missing)"
    ),
    (
      "refused/same_message.proto", "",
      "refused/same_message.proto: codegen.refused.Foo and codegen.refused.foo would both be Foo in Swift"
    ),
    (
      "refused/same_service.proto", "",
      "refused/same_service.proto: codegen.refused.Chat and codegen.refused.ChatClient would both be Codegen_Refused_ChatClient in Swift"
    ),
    (
      "refused/uneven_shape.proto", "Shape=Paged:page_size",
      "refused/uneven_shape.proto: field page_size of codegen.refused.ListBooks is pageSize: Int64 in Swift and of codegen.refused.ListNotes pageSize: Int32"
    ),
    (
      "refused/full_envelope.proto", "Envelopes=on",
      "refused/full_envelope.proto: codegen.refused.Letter.draft as an envelope's content and another field of it would both be content in Swift"
    ),
    (
      "fixtures/shapes.proto", "Shape=Paged:page_size:no_such",
      "option Shape: no message has the fields of Paged"
    ),
    (
      "fixtures/shapes.proto", "Shape=Codegen:page_size,Shape=Codegen:page_size",
      "option Shape: there are two shapes Codegen"
    ),
    (
      "fixtures/shapes.proto", "Shape=String:page_size", "unknown option \"Shape=String:page_size\""
    ),
    ("fixtures/shapes.proto", "Shape=Paged", "unknown option \"Shape=Paged\""),
    ("fixtures/shapes.proto", "Envelopes=off", "unknown option \"Envelopes=off\""),
    (
      "refused/same_option_elsewhere.proto", "",
      "refused/same_option_elsewhere.proto: codegen.elsewhere.attempts and codegen.fixtures.attempts would both be attempts in Swift"
    ),
    ("fixtures/enums.proto", "Colour=blue", "unknown option \"Colour=blue\""),
    ("fixtures/enums.proto", "Visibility=private", "unknown option \"Visibility=private\""),
    ("fixtures/enums.proto", "Module=onlypath", "unknown option \"Module=onlypath\""),
  ])
  func `what cannot be generated is refused with its reason`(
    file: String, options: String, reason: String
  ) throws {
    try Tool.inTemporaryFolder { folder in
      let arguments = plugin(into: folder, options: options) + Tool.includes + [file]
      let result = try Tool.run("protoc", arguments)
      #expect(result.status != 0)
      #expect(result.errors.contains(reason), "\(result.errors)")
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }
  }

  @Test(arguments: [
    ("Visibility=public", "public struct Codegen_Fixtures_EnumHolder: Message {"),
    ("Visibility=package", "package struct Codegen_Fixtures_EnumHolder: Message {"),
    ("Visibility=internal", "\nstruct Codegen_Fixtures_EnumHolder: Message {"),
    ("", "@_exported public import ProtoWire\n"),
    ("Visibility=internal", "\n@_exported import ProtoWire\n"),
  ])
  func `visibility is an option`(options: String, line: String) throws {
    #expect(try generated("fixtures/enums.proto", options: options).contains(line))
  }

  @Test(arguments: [
    ("", nil), ("Module=fixtures/other=Shared", "public import Shared\n"),
    ("Module=fixtures/other=Shared,Module=fixtures=Fixtures", "public import Shared\n"),
    ("Module=fixtures=Fixtures", nil),
  ])
  func `a module mapping turns imports of schemas into imports of modules`(
    options: String, line: String?
  ) throws {
    let text = try generated("fixtures/service.proto", options: options)
    #expect(text.contains("public import RPCCore\n"))
    #expect(!text.contains("import Fixtures\n"))
    #expect(text.contains("import Shared\n") == (line != nil))
    if let line { #expect(text.contains(line)) }
  }

  @Test func `an option that is called as Swift calls something is renamed or escaped`() throws {
    let text = try generated("checked/option_names.proto", options: "Visibility=internal")
    for line in [
      "static var init_: Self { Self(number: 50011) }",
      "static var self_: Self { Self(number: 50012) }",
      "static var `default`: Self { Self(number: 50013) }",
    ] {
      #expect(text.contains(line), "\(text)")
    }
  }

  private func plugin(into folder: URL, options: String) -> [String] {
    [
      "--plugin=protoc-gen-rollcall=\(Tool.plugin.path)", "--rollcall_out=\(folder.path)",
      "--rollcall_opt=\(options)",
    ]
  }

  private func generated(_ file: String, options: String) throws -> String {
    try Tool.inTemporaryFolder { folder in
      let result = try Tool.run(
        "protoc", plugin(into: folder, options: options) + Tool.includes + [file])
      #expect(result.status == 0, "\(result.errors)")
      let name = try #require(
        try FileManager.default.contentsOfDirectory(atPath: folder.path).first)
      return try String(contentsOf: folder.appending(path: name), encoding: .utf8)
    }
  }
}
