import Glibc
import Testing

@testable import rollcall

@Suite struct TerminalTests {
  @Test func `a line that cannot be written is an error`() throws {
    let full = open("/dev/full", O_WRONLY)
    defer { close(full) }
    let terminal = Terminal(isInteractive: false, descriptor: full)
    #expect(throws: Terminal.Failure(code: ENOSPC)) { try terminal.line("lost") }
    #expect(throws: Terminal.Failure(code: ENOSPC)) { try terminal.liveLine("lost") }
    let closed = Terminal(isInteractive: false, descriptor: -1)
    #expect(throws: Terminal.Failure(code: EBADF)) { try closed.line("lost") }
  }

  @Test func `a reader that waits is waited for, one that has gone is told apart`() async throws {
    signal(SIGPIPE, SIG_IGN)
    var ends: [Int32] = [0, 0]
    #expect(pipe(&ends) == 0)
    let (reader, writer) = (ends[0], ends[1])
    #expect(fcntl(writer, F_SETFL, O_NONBLOCK) == 0)
    // More than a pipe holds: the writer has to wait for room.
    let text = String(repeating: "x", count: 1 << 20)
    async let read = Self.count(reader)
    try Terminal(isInteractive: false, descriptor: writer).line(text)
    close(writer)
    #expect(await read == text.utf8.count + 1)
    close(reader)

    #expect(pipe(&ends) == 0)
    close(ends[0])
    defer { close(ends[1]) }
    let failure = #expect(throws: Terminal.Failure.self) {
      try Terminal(isInteractive: false, descriptor: ends[1]).line("nobody")
    }
    #expect(failure?.readerHasGone == true)
  }

  @concurrent private static func count(_ descriptor: Int32) async -> Int {
    var bytes = [UInt8](repeating: 0, count: 65_536)
    var total = 0
    while true {
      let count = read(descriptor, &bytes, bytes.count)
      guard count > 0 else { return total }
      total += count
    }
  }

  @Test(
    arguments: [
      ([10, 40, 30], 60, [10, 25, 25]), ([10, 20], 40, [10, 20]), ([30, 9, 9], 30, [12, 9, 9]),
      ([50, 50], 10, [8, 8]), ([], 10, []),
    ] as [([Int], Int, [Int])])
  func `the widest columns give way first`(widths: [Int], room: Int, expected: [Int]) {
    var widths = widths
    TextTable.shrink(&widths, to: room)
    #expect(widths == expected)
  }

  @Test func `a table keeps to a width and is whole without one`() {
    var table = TextTable("NAME", "ERROR")
    table.add("clinic-001", String(repeating: "no memory ", count: 20))
    #expect(table.rendered(width: 40).split(separator: "\n").allSatisfy { $0.count <= 40 })
    #expect(table.rendered(width: 40).contains("…"))
    #expect(table.rendered().contains("no memory no memory"))
    #expect(!table.rendered(width: 1).isEmpty)
  }
}
