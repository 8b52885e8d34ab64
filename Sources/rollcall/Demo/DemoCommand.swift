import ArgumentParser

/// `rollcall demo`.
struct DemoCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "demo", abstract: "Show a rollout.")

  func run() async throws {
    let data = try DemoData(folder: DemoData.builtFolder())
    for version in DemoData.versions {
      let model = try TreeModel(artifact: data.artifacts[version] ?? [])
      Terminal.shared.line("\(version) \(try model.predict(data.samples[0].row))")
    }
  }
}
