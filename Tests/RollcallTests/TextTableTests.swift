import Testing

@testable import rollcall

@Suite struct TextTableTests {
  @Test(arguments: [
    ("", 0), ("ab", 2), ("漢字", 4), ("ｶﾅ", 2), ("한글", 4), ("e\u{301}", 1), ("é", 1), ("…", 1),
    ("🚀", 2), ("👩🏽‍🔬", 2), ("🇩🇪", 2), ("❤\u{fe0f}", 2), ("█░╷→", 4), ("ไทย", 3),
  ])
  func `a text is as wide as a terminal shows it`(text: String, columns: Int) {
    #expect(DisplayWidth.of(text) == columns)
  }

  @Test func `columns of wide characters stand straight`() {
    var table = TextTable("NAME", "STATE")
    table.add("診断モデル", "ready")
    table.add("screen", "ready")
    #expect(table.rendered() == "NAME        STATE\n診断モデル  ready\nscreen      ready")
    #expect(
      table.rendered(width: 15).split(separator: "\n").map { DisplayWidth.of($0) } == [15, 15, 15])
  }

  @Test func `a name does not turn the direction of its line`() {
    var table = TextTable("NAME", "STATE")
    table.add("a\u{202e}b\u{2066}c", "ok")
    #expect(table.rendered() == "NAME   STATE\na b c  ok")
  }

  @Test func `columns are as wide as their widest cell and numbers stand right`() {
    var table = TextTable("NAME", "DEVICES", "STATE", right: ["DEVICES"])
    table.add("screen", "200", "ACTIVE")
    table.add("a-longer-name", "7", "DRAFT")
    #expect(
      table.rendered() == """
        NAME           DEVICES  STATE
        screen             200  ACTIVE
        a-longer-name        7  DRAFT
        """)
  }

  @Test func `a short row ends in blanks and surplus cells are dropped`() {
    var table = TextTable("A", "B")
    table.add("1")
    table.add("1", "2", "3")
    #expect(table.rendered() == "A  B\n1\n1  2")
  }

  @Test(arguments: [
    ("plain", "plain"), ("two\nlines", "two lines"), ("\u{1b}[31mred", " [31mred"),
    ("c1\u{9b}x", "c1 x"),
    ("größe ✓", "größe ✓"),
  ])
  func `a name cannot move the cursor`(text: String, shown: String) {
    #expect(TextTable.oneLine(text) == shown)
  }
}
