/// The Swift names of one scope: the top level of a module, a message, an enum, a service. Whatever
/// declares something there asks for its name here, so that no two declarations get the same one.
struct NameScope {
  /// The schema's name of what has each Swift name.
  private var owners: [String: String] = [:]

  /// A scope whose runtime declares some names itself.
  init(reserved: Set<String> = []) {
    for name in reserved { owners[name] = "the runtime" }
  }

  /// The name, with as many underscores behind it as others of the scope make necessary.
  mutating func claim(_ name: String, for owner: String) -> String {
    var name = name
    while owners[name] != nil { name += "_" }
    owners[name] = owner
    return name
  }

  /// What has that name already; nil: it was free and is the owner's now.
  mutating func conflict(_ name: String, for owner: String) -> String? {
    if let other = owners[name], other != owner { return other }
    owners[name] = owner
    return nil
  }

  func isTaken(_ name: String) -> Bool { owners[name] != nil }
}
