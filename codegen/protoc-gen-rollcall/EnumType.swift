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
  let module: String?
  let comment: Comment
  /// The first name of each number, in schema order.
  var cases: [Case] = []
  /// Further names of a number (`allow_alias`).
  var aliases: [Case] = []

  init(
    fullName: String, swiftName: String, swiftPath: String, module: String?, comment: Comment
  ) {
    self.fullName = fullName
    self.swiftName = swiftName
    self.swiftPath = swiftPath
    self.module = module
    self.comment = comment
  }

  /// The value 0, which proto3 requires to be the first one.
  var zero: Case { cases[0] }
}
