import Glibc
import Testing

@testable import Store

/// Kills a process that writes, and looks for every write it had acknowledged.
@Suite struct CrashTests {
  private struct Unavailable: Error {
    var what: String
  }

  /// The child's executable lies beside the tests', which on Linux are a program of their own.
  private static func executable() throws -> String {
    var buffer = [UInt8](repeating: 0, count: 4_096)
    let count = buffer.withUnsafeMutableBytes { bytes in
      readlink(
        "/proc/self/exe", bytes.baseAddress!.assumingMemoryBound(to: CChar.self), bytes.count)
    }
    guard count > 0 else { throw Unavailable(what: "own path: error \(errno)") }
    let bundle = String(decoding: buffer[..<count], as: UTF8.self)
    let folder = bundle.split(separator: "/", omittingEmptySubsequences: false).dropLast()
    return folder.joined(separator: "/") + "/store-crash-child"
  }

  /// Starts the child and returns its id and the reading end of its output.
  private static func start(_ folder: String) throws -> (pid: pid_t, output: Int32) {
    var ends: [Int32] = [0, 0]
    if pipe(&ends) != 0 { throw Unavailable(what: "pipe: error \(errno)") }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO)
    posix_spawn_file_actions_addclose(&actions, ends[0])
    defer { posix_spawn_file_actions_destroy(&actions) }
    let path = try executable()
    let arguments: [UnsafeMutablePointer<CChar>?] =
      [path, folder, "64"].map { (argument: String) in strdup(argument) } + [nil]
    defer { for argument in arguments { free(argument) } }
    var pid = pid_t()
    let code = posix_spawn(&pid, path, &actions, nil, arguments, environ)
    close(ends[1])
    if code != 0 { throw Unavailable(what: "\(path): error \(code)") }
    return (pid, ends[0])
  }

  /// Reads until `lines` complete lines came, kills, and returns every complete line that was sent.
  private static func kill(_ pid: pid_t, _ output: Int32, afterLines lines: Int) -> [Substring] {
    var text: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    var isKilled = false
    var newlines = 0
    while true {
      let count = read(output, &buffer, buffer.count)
      if count <= 0 { break }
      text += buffer[..<count]
      newlines += buffer[..<count].count { $0 == UInt8(ascii: "\n") }
      if !isKilled, newlines >= lines {
        Glibc.kill(pid, SIGKILL)
        isKilled = true
      }
    }
    close(output)
    var status: Int32 = 0
    waitpid(pid, &status, 0)
    let complete = text.lastIndex(of: UInt8(ascii: "\n")).map { text[...$0] } ?? []
    return String(decoding: complete, as: UTF8.self).split(separator: "\n")
  }

  @Test func `kill -9 under load loses no acknowledged write`() throws {
    let folder = TemporaryStore.folder()
    defer { TemporaryStore.remove(folder) }
    var acknowledged: [Int64: String] = [:]
    for lines in [1, 500, 3_000, 5_000] {
      let child = try Self.start(folder)
      let output = Self.kill(child.pid, child.output, afterLines: lines)
      #expect(output.count >= lines)
      for line in output {
        let parts = line.split(separator: " ")
        let revision = try #require(Int64(parts[0]))
        #expect(acknowledged.updateValue(String(parts[1]), forKey: revision) == nil)
      }
      let store = try Store.open(folder)
      defer { store.close() }
      let events = try store.read { try EventLog($0).page(after: 0, org: nil, limit: .max) }
      let stored = Dictionary(
        uniqueKeysWithValues: events.map { ($0.revision, $0.event.resourceID) })
      for (revision, id) in acknowledged {
        #expect(stored[revision] == id, "revision \(revision) was acknowledged")
      }
      #expect(events.map(\.revision) == Array(1...Int64(events.count)))
      for org in ["org-0", "org-1", "org-2"] {
        let chain = events.filter { $0.event.org == org }
        #expect(EventChain.firstBreak(in: chain, after: EventChain.start) == nil)
      }
    }
  }
}
