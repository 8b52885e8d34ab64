import Foundation

/// Programs that the tests run, and where things are.
enum Tool {
  static let tests = URL(filePath: #filePath).deletingLastPathComponent()
  static let root = tests.deletingLastPathComponent().deletingLastPathComponent()
  static let fixtures = tests.appending(path: "Fixtures")

  /// The plugin that SwiftPM built beside this test.
  static let plugin: URL = {
    let test = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    return URL(filePath: test).deletingLastPathComponent().appending(path: "protoc-gen-rollcall")
  }()

  /// Include paths for the fixtures: themselves, the repository's schemas, the compiler's own.
  static let includes = [
    "-I", fixtures.path, "-I", root.appending(path: "proto").path, "-I", "/usr/include",
  ]

  /// A Python that has protobuf: the one that `make setup-test` makes.
  static let python: URL? = {
    let named = ProcessInfo.processInfo.environment["ROLLCALL_PYTHON"].map { URL(filePath: $0) }
    let candidates = [named, root.appending(path: ".build/venv/bin/python")].compactMap { $0 }
    return candidates.first { FileManager.default.isExecutableFile(atPath: $0.path) }
  }()

  struct Result {
    var status: Int32
    var output: [UInt8]
    var errors: String
  }

  /// Runs a program to its end. Input and output go through files, so that neither side can block.
  static func run(_ program: String, _ arguments: [String], input: [UInt8] = []) throws -> Result {
    try inTemporaryFolder { folder in
      let (stdin, stdout, stderr) = (
        folder.appending(path: "in"), folder.appending(path: "out"), folder.appending(path: "err")
      )
      try Data(input).write(to: stdin)
      for file in [stdout, stderr] { try Data().write(to: file) }
      let process = Process()
      process.executableURL = URL(filePath: "/usr/bin/env")
      process.arguments = [program] + arguments
      process.standardInput = try FileHandle(forReadingFrom: stdin)
      process.standardOutput = try FileHandle(forWritingTo: stdout)
      process.standardError = try FileHandle(forWritingTo: stderr)
      try process.run()
      process.waitUntilExit()
      return Result(
        status: process.terminationStatus, output: [UInt8](try Data(contentsOf: stdout)),
        errors: String(decoding: try Data(contentsOf: stderr), as: UTF8.self))
    }
  }

  static func inTemporaryFolder<T>(_ body: (URL) throws -> T) throws -> T {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try body(folder)
  }

  /// The schema files below the fixtures folder, as the compiler names them.
  static func fixtureFiles() throws -> [String] {
    try commonFiles() + oddFiles()
  }

  /// Those that every implementation of protobuf takes.
  static func commonFiles() throws -> [String] {
    try schemas().filter { !$0.hasPrefix("fixtures/odd/") }
  }

  /// Legal schemas that some implementations refuse.
  static func oddFiles() throws -> [String] {
    try schemas().filter { $0.hasPrefix("fixtures/odd/") }
  }

  private static func schemas() throws -> [String] {
    let folder = fixtures.appending(path: "fixtures")
    let paths = try FileManager.default.subpathsOfDirectory(atPath: folder.path)
    return paths.filter { $0.hasSuffix(".proto") }.map { "fixtures/" + $0 }.sorted()
  }
}
