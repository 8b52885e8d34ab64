/// Which devices something addresses: label requirements, all of which must hold, and groups, one of which suffices.
///
/// The empty selector addresses every device.
///
/// - no requirements, groups {} → every device
/// - `env=prod, tier in (a, b)` → devices with env = prod whose tier is a or b
/// - `!legacy`, groups {g1, g2} → devices without a label `legacy` that are in g1 or g2
public struct Selector: Hashable, Sendable {
  /// How many requirements, and how many values in one, are allowed.
  public static let maximumRequirements = 32
  /// How many groups may be named.
  public static let maximumGroups = 64

  /// All of these must hold.
  public let requirements: [Requirement]
  /// One of these must hold the device; empty: no restriction.
  public let groups: Set<GroupID>

  /// Addresses every device.
  public static let everything = Selector(unchecked: [], groups: [])

  /// A selector that was checked when it was stored.
  public init(unchecked requirements: [Requirement], groups: Set<GroupID>) {
    self.requirements = requirements
    self.groups = groups
  }

  /// Checks counts, keys and values.
  public init(
    requirements: [Requirement], groups: Set<GroupID> = [], field: String = "selector"
  ) throws(DomainError) {
    guard requirements.count <= Selector.maximumRequirements else {
      throw .invalid(
        field: field,
        message: "\(requirements.count) requirements exceed \(Selector.maximumRequirements)")
    }
    guard groups.count <= Selector.maximumGroups else {
      throw .invalid(
        field: field, message: "\(groups.count) groups exceed \(Selector.maximumGroups)")
    }
    for (index, requirement) in requirements.enumerated() {
      try requirement.check(field: "\(field).requirements[\(index)]")
    }
    self.init(unchecked: requirements, groups: groups)
  }

  /// Whether a device with these labels, in these groups, is addressed.
  public func matches(labels: Labels, groups memberships: Set<GroupID>) -> Bool {
    for requirement in requirements where !requirement.holds(for: labels) { return false }
    return groups.isEmpty || !groups.isDisjoint(with: memberships)
  }

  /// One condition on one label.
  ///
  /// A device without the label satisfies `notIn` and `doesNotExist`, and no other condition.
  ///
  /// | labels | `k in (a)` | `k notin (a)` | `k` | `!k` |
  /// |---|---|---|---|---|
  /// | k=a | yes | no | yes | no |
  /// | k=b | no | yes | yes | no |
  /// | (none) | no | yes | no | yes |
  public struct Requirement: Hashable, Sendable {
    /// How the label's value is judged.
    public enum Operation: String, CaseIterable, Sendable {
      /// The value is one of `values`. With one value this is `key=value`.
      case isIn = "IN"
      /// The label is absent or its value is none of `values`. With one value this is `key!=value`.
      case notIn = "NOT_IN"
      /// The label is present.
      case exists = "EXISTS"
      /// The label is absent.
      case doesNotExist = "DOES_NOT_EXIST"
    }

    /// The label.
    public let key: String
    /// The judgement.
    public let operation: Operation
    /// What it is judged against; empty for `exists` and `doesNotExist`.
    public let values: [String]

    /// A condition; ``Selector/init(requirements:groups:field:)`` checks it.
    public init(key: String, operation: Operation, values: [String] = []) {
      self.key = key
      self.operation = operation
      self.values = values
    }

    /// `key=value`.
    public static func equals(_ key: String, _ value: String) -> Requirement {
      Requirement(key: key, operation: .isIn, values: [value])
    }

    /// Whether `labels` satisfy the condition.
    public func holds(for labels: Labels) -> Bool {
      switch operation {
      case .isIn: labels[key].map { values.contains($0) } ?? false
      case .notIn: labels[key].map { !values.contains($0) } ?? true
      case .exists: labels[key] != nil
      case .doesNotExist: labels[key] == nil
      }
    }

    func check(field: String) throws(DomainError) {
      try Labels.check(key: key, field: "\(field).key")
      switch operation {
      case .isIn, .notIn:
        guard !values.isEmpty else {
          throw .invalid(field: "\(field).values", message: "\(operation.rawValue) needs a value")
        }
        guard values.count <= Selector.maximumRequirements else {
          throw .invalid(
            field: "\(field).values",
            message: "\(values.count) values exceed \(Selector.maximumRequirements)")
        }
        for value in values {
          try Labels.check(value: value, of: key, field: "\(field).values")
        }
      case .exists, .doesNotExist:
        guard values.isEmpty else {
          throw .invalid(
            field: "\(field).values",
            message: "\(operation.rawValue) takes no values, \(values.count) were given")
        }
      }
    }
  }
}
