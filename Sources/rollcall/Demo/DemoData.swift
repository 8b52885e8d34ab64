import Glibc

/// The demo's model versions and the rows its devices see, read from the folder that `train.py` writes.
struct DemoData: Sendable {
  /// Rows no version was trained on, and whether each sample is benign.
  struct Sample: Sendable, Equatable {
    let row: [Float]
    let isBenign: Bool
  }

  struct Failure: Error, Equatable, CustomStringConvertible {
    let description: String
  }

  /// Artifacts by version name.
  let artifacts: [String: [UInt8]]
  let samples: [Sample]

  /// File and version name, in order.
  static let names = [("screen-v1", "1.0.0"), ("screen-v2", "2.0.0"), ("screen-v3", "3.0.0")]

  init(folder: String) throws {
    var artifacts: [String: [UInt8]] = [:]
    for (version, _) in Self.names {
      artifacts[version] = try Self.read("\(folder)/\(version).json")
    }
    self.artifacts = artifacts
    samples = try Self.samples(
      csv: String(decoding: Self.read("\(folder)/held-out.csv"), as: UTF8.self))
  }

  /// The folder the build puts beside the executable.
  static func builtFolder() throws -> String {
    var path = [CChar](repeating: 0, count: 4096)
    let length = readlink("/proc/self/exe", &path, path.count)
    guard length > 0, length < path.count else {
      throw Failure(description: "the path of the running program cannot be read")
    }
    let program = String(decoding: path[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let place = program.split(separator: "/", omittingEmptySubsequences: false).dropLast()
    return place.joined(separator: "/") + "/Rollcall_rollcall.resources/DemoData"
  }

  /// Header line, then numbers; the last column is the label, 1 = benign.
  static func samples(csv: String) throws(Failure) -> [Sample] {
    let lines = csv.split(separator: "\n")
    guard let header = lines.first else { throw Failure(description: "held-out.csv is empty") }
    let columns = header.split(separator: ",").count
    var samples: [Sample] = []
    for (number, line) in lines.enumerated().dropFirst() {
      let values = line.split(separator: ",").compactMap { Float($0) }
      guard values.count == columns, let label = values.last, label == 0 || label == 1 else {
        throw Failure(
          description:
            "held-out.csv, line \(number + 1): \(values.count) numbers where \(columns) belong")
      }
      samples.append(Sample(row: Array(values.dropLast()), isBenign: label == 1))
    }
    return samples
  }

  private static func read(_ path: String) throws(Failure) -> [UInt8] {
    guard let file = fopen(path, "rb") else {
      throw Failure(description: "\(path) cannot be read: \(String(cString: strerror(errno)))")
    }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = fread(&chunk, 1, chunk.count, file)
      if count == 0 { break }
      bytes += chunk[..<count]
    }
    guard ferror(file) == 0 else { throw Failure(description: "\(path) cannot be read") }
    return bytes
  }
}
