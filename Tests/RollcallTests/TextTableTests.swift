import Testing

@testable import rollcall

@Suite struct TextTableTests {
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
