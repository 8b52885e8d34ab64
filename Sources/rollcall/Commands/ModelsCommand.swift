import API
import ArgumentParser

/// `rollcall models …`: the catalog.
struct ModelsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "models", abstract: "The catalog: models, variants, versions and their artifacts.",
    subcommands: [
      List.self, Show.self, Create.self, AddVariant.self, Push.self, Pull.self, Archive.self,
    ],
    defaultSubcommand: List.self)

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List the models.", usage: "rollcall models list [<options>]")
    @OptionGroup var options: ServerOptions
    @OptionGroup var paging: PagingOptions
    @Flag(help: "Also archived ones.") var all = false

    func run() async throws {
      try await Session.run(options) { session in
        var request = ListModelsRequest()
        request.includeArchived = all
        request.pageSize = paging.pageSize
        request.pageToken = paging.pageToken
        let answer = try await session.catalog.listModels(request, options: session.options)
        try session.show(answer) {
          var table = TextTable("NAME", "DISPLAY NAME", "LABELS", "CREATED")
          for model in answer.models {
            table.add(
              model.name, model.displayName, Words.labels(model.labels),
              Words.time(model.createdAt))
          }
          return paging.footed(
            table, count: answer.models.count, total: answer.totalSize, next: answer.nextPageToken)
        }
      }
    }
  }

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show a model's variants and versions.",
      usage: "rollcall models show [<options>] <model>")
    @OptionGroup var options: ServerOptions
    @Argument(help: "Name or id of the model.") var model: String

    func run() async throws {
      try await Session.run(options) { session in
        let model = try await Lookup(session: session).model(model)
        let variants = try await session.all { token in
          var request = ListModelVariantsRequest()
          request.modelId = model.id
          request.pageSize = Session.pageSize
          request.pageToken = token
          let page = try await session.catalog.listModelVariants(request, options: session.options)
          return (page.modelVariants, page.nextPageToken)
        }
        // As one page, for those who want JSON.
        var answer = ListModelVersionsResponse()
        answer.modelVersions = try await session.all { token in
          var request = ListModelVersionsRequest()
          request.modelId = model.id
          request.pageSize = Session.pageSize
          request.pageToken = token
          let page = try await session.catalog.listModelVersions(request, options: session.options)
          answer.totalSize = page.totalSize
          return (page.modelVersions, page.nextPageToken)
        }
        try session.show(answer) {
          var table = TextTable(
            "VERSION", "STATE", "SIZE", "SHA-256", "CREATED", right: ["SIZE"])
          let names = Dictionary(
            variants.map { ($0.id, $0.name) }, uniquingKeysWith: { $1 })
          for version in answer.modelVersions {
            table.add(
              "\(model.name)/\(names[version.variantId] ?? version.variantId)/\(version.name)",
              Words.state(version.state),
              version.artifact.map { Figures.bytes($0.sizeBytes) } ?? "",
              String((version.artifact?.sha256 ?? "").prefix(12)), Words.time(version.createdAt))
          }
          let filled = Set(answer.modelVersions.map(\.variantId))
          let empty = variants.filter { !filled.contains($0.id) }
          for variant in empty { table.add("\(model.name)/\(variant.name)/", "no version") }
          return table.rendered(width: Terminal.shared.tableWidth)
        }
      }
    }
  }

  struct Create: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Create a model.")
    @OptionGroup var options: ServerOptions
    @Argument(help: "Unique name: lower-case letters, digits, hyphens.") var name: String
    @Option(help: "Name for people.") var displayName = ""
    @Option(help: "What it does.") var description = ""
    @Option(name: .customLong("label"), help: "A label, key=value; may be repeated.")
    var labels: [LabelArgument] = []

    func run() async throws {
      try await Session.run(options) { session in
        var model = Model()
        model.name = name
        model.displayName = displayName
        model.description = description
        model.labels = LabelArgument.map(labels)
        var request = CreateModelRequest()
        request.model = model
        request.requestId = Session.requestID()
        let answer = try await session.catalog.createModel(request, options: session.options)
        try session.show(answer) { "Created model \(name)." }
      }
    }
  }

  struct AddVariant: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "add-variant",
      abstract:
        "Add a variant: the model built for a capability, a platform and a class of devices.",
      usage: "rollcall models add-variant [<options>] <variant> --capability <name>")
    @OptionGroup var options: ServerOptions
    @Argument(help: "MODEL/VARIANT: the variant's name is unique within the model.")
    var variant: String
    @Option(help: "What it can do, for instance vision.") var capability: String
    @Option(help: "Platform it is built for; absent: all.") var platform: PlatformArgument?
    @Option(help: "Class of devices it is built for; absent: all.") var deviceClass = ""

    private var parts: [String] {
      variant.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    }

    func validate() throws {
      guard parts.count == 2, parts.allSatisfy({ !$0.isEmpty }) else {
        throw ValidationError("\"\(variant)\" is not MODEL/VARIANT")
      }
    }

    func run() async throws {
      let parts = parts
      try await Session.run(options) { session in
        var variant = ModelVariant()
        variant.modelId = try await Lookup(session: session).model(parts[0]).id
        variant.name = parts[1]
        variant.capability = capability
        variant.platform = platform?.platform ?? .unspecified
        variant.deviceClass = deviceClass
        var request = CreateModelVariantRequest()
        request.modelVariant = variant
        request.requestId = Session.requestID()
        let answer = try await session.catalog.createModelVariant(
          request, options: session.options)
        try session.show(answer) { "Added variant \(self.variant)." }
      }
    }
  }

  struct Push: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Create a version and upload its artifact.",
      discussion:
        "A version that exists without an artifact is completed: a broken upload can be repeated. Bytes that the server has lost are restored from the same file."
    )
    @OptionGroup var options: ServerOptions
    @Argument(help: "MODEL/VARIANT/VERSION.") var version: String
    @Argument(help: "File with the artifact.", completion: .file()) var file: String
    @Option(help: "What changed.") var description = ""
    @Option(help: "Media type of the artifact.") var mediaType = "application/octet-stream"

    func run() async throws {
      try await Session.run(options) { session in
        let answer = try await ArtifactTransfer(session: session).push(
          version, file: file, description: description, mediaType: mediaType)
        try session.show(answer) {
          let artifact = answer.modelVersion?.artifact
          return "Pushed \(version), \(Figures.bytes(artifact?.sizeBytes ?? 0)), "
            + "sha256 \(artifact?.sha256 ?? "")"
            + (answer.deduplicated ? " (stored already)." : ".")
        }
      }
    }
  }

  struct Pull: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Download a version's artifact.",
      usage: "rollcall models pull [<options>] <version> <file>",
      discussion: """
        The file is put in its place once it is whole and verified. A broken download leaves a hidden file beside it, which \
        the next pull goes on with. A file that is there already is replaced when it is the beginning of the artifact, or \
        with --force.
        """)
    @OptionGroup var options: ServerOptions
    @Argument(help: "MODEL/VARIANT/VERSION or an id.") var version: String
    @Argument(help: "File to write.", completion: .file()) var file: String
    @Flag(help: "Replace a file that is something else.") var force = false

    func run() async throws {
      try await Session.run(options) { session in
        let artifact = try await ArtifactTransfer(session: session).pull(
          version, file: file, force: force)
        try session.show(artifact) {
          "Pulled \(version) to \(file), \(Figures.bytes(artifact.sizeBytes)), sha256 verified."
        }
      }
    }
  }

  struct Archive: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Hide a model and close it to new deployments, or take it back.",
      usage: "rollcall models archive [<options>] <model>")
    @OptionGroup var options: ServerOptions
    @Argument(help: "Name or id of the model.") var model: String
    @Flag(help: "Take it back from the archive.") var restore = false

    func run() async throws {
      try await Session.run(options) { session in
        let model = try await Lookup(session: session).model(model)
        var request = ArchiveModelRequest()
        request.modelId = model.id
        request.restore = restore
        request.etag = model.etag
        request.requestId = Session.requestID()
        let answer = try await session.catalog.archiveModel(request, options: session.options)
        try session.show(answer) { "\(restore ? "Restored" : "Archived") \(model.name)." }
      }
    }
  }
}
