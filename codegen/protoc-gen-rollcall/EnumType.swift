/// An enum of the schema.
final class EnumType {
  struct Case {
    let name: String
    let number: Int32
    /// Escaped for use as a declaration; never a keyword that needs more after a dot.
    let swiftName: String
    let comment: Comment
  }

  let fullName: String
  let swiftName: String
  let swiftPath: String
  unowned let file: ProtoFile
  var module: String? { file.module }
  let comment: Comment
  /// The first name of each number, in schema order.
  var cases: [Case] = []
  /// Further names of a number (`allow_alias`).
  var aliases: [Case] = []

  init(
    fullName: String, swiftName: String, swiftPath: String, file: ProtoFile, comment: Comment
  ) {
    self.fullName = fullName
    self.swiftName = swiftName
    self.swiftPath = swiftPath
    self.file = file
    self.comment = comment
  }

  /// The value 0, which proto3 requires to be the first one.
  var zero: Case { cases[0] }
}
