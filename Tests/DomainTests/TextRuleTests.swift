import Domain
import Testing

@Suite struct TextRuleTests {
  @Test(
    "A text that keeps its rule is accepted as it is",
    arguments: [
      (TextRule.name, "a"), (.name, "fraud-score-2"), (.name, String(repeating: "a", count: 63)),
      (.optionalName, ""), (.optionalName, "vision"),
      (.versionName, "2.1.0"), (.versionName, "v2+gpu_A-b"),
      (.displayName, ""), (.displayName, String(repeating: "é", count: 100)),
      (.requiredDisplayName, "Fraud score"),
      (.description, String(repeating: "a", count: 4096)), (.description, "two\nlines"),
      (.reason, String(repeating: "a", count: 1024)),
      (.hardwareID, String(repeating: "a", count: 128)), (.foreignIdentifier, "com.example.app"),
    ]) func accepted(rule: TextRule, text: String) throws
  {
    #expect(try rule.check(text, field: "x") == text)
  }

  @Test(
    "A text that breaks its rule is refused with the field and the bound",
    arguments: [
      (TextRule.name, "", "x: is required"),
      (.name, String(repeating: "a", count: 64), "x: 64 bytes exceed 63"),
      (.name, "Fraud", "x: \"Fraud\" may hold lower-case letters, digits and inner hyphens only"),
      (.name, "-a", "x: \"-a\" may hold lower-case letters, digits and inner hyphens only"),
      (.name, "a-", "x: \"a-\" may hold lower-case letters, digits and inner hyphens only"),
      (
        .optionalName, "a_b",
        "x: \"a_b\" may hold lower-case letters, digits and inner hyphens only"
      ),
      (
        .versionName, ".1",
        "x: \".1\" may hold letters, digits and . + _ - only and must begin with a letter or digit"
      ),
      (
        .versionName, "2 1",
        "x: \"2 1\" may hold letters, digits and . + _ - only and must begin with a letter or digit"
      ),
      (.displayName, String(repeating: "é", count: 100) + "a", "x: 201 bytes exceed 200"),
      (.displayName, "two\nlines", "x: has a control character"),
      (.displayName, "\u{7F}", "x: has a control character"),
      (.requiredDisplayName, "", "x: is required"),
      (.description, "\u{1}", "x: has a control character"),
      (.description, String(repeating: "a", count: 4097), "x: 4097 bytes exceed 4096"),
      (.reason, String(repeating: "a", count: 1025), "x: 1025 bytes exceed 1024"),
      (.hardwareID, "", "x: is required"),
      (.hardwareID, String(repeating: "a", count: 129), "x: 129 bytes exceed 128"),
      (.foreignIdentifier, String(repeating: "a", count: 256), "x: 256 bytes exceed 255"),
    ]) func refused(rule: TextRule, text: String, message: String)
  {
    let error = #expect(throws: DomainError.self) { try rule.check(text, field: "x") }
    #expect(error?.description == message)
  }
}
