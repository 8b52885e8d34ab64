/// What a principal may do. The numbers are those of the API.
public enum Role: Int32, CaseIterable, Hashable, Sendable {
  case viewer = 1
  case `operator` = 2
  case reviewer = 3
  case admin = 4
  /// Whoever holds a shared key of before devices had secrets of their own; also what a device is.
  case device = 5
  /// Makes devices known and does nothing else: what is built into devices.
  case enrollment = 6

  /// Who may do what this role may: itself and the roles that include it.
  public var holders: Roles {
    switch self {
    case .viewer: .readers
    case .operator: .operators
    case .reviewer: [.reviewer, .admin]
    case .admin: .admin
    case .device: .devices
    case .enrollment: [.enrollment, .operator, .admin]
    }
  }
}

/// The roles of a principal, or those of which a method asks for one.
public struct Roles: OptionSet, Hashable, Sendable {
  /// Bit `n` stands for the role of number `n`; this is what is stored.
  public let rawValue: Int32

  public init(rawValue: Int32) { self.rawValue = rawValue }

  public init(_ roles: some Sequence<Role>) {
    rawValue = roles.reduce(0) { $0 | 1 << $1.rawValue }
  }

  public static let viewer = Roles([Role.viewer])
  public static let `operator` = Roles([Role.operator])
  public static let reviewer = Roles([Role.reviewer])
  public static let admin = Roles([Role.admin])
  public static let device = Roles([Role.device])
  public static let enrollment = Roles([Role.enrollment])

  /// Whoever may read: everybody but devices and what enrols them.
  public static let readers: Roles = [.viewer, .operator, .reviewer, .admin]
  /// Whoever may change what runs where.
  public static let operators: Roles = [.operator, .admin]
  /// Whoever may speak for a device.
  public static let devices: Roles = [.device, .operator, .admin]

  /// Whoever may make a device known.
  public static let registrars: Roles = [.device, .enrollment, .operator, .admin]

  /// The roles, in the order of their numbers.
  public var list: [Role] { Role.allCases.filter { contains(Roles([$0])) } }

  /// Whether one of these roles suffices where one of `required` is asked for.
  ///
  /// - [viewer] for readers → yes, for operators → no
  /// - [device] for readers → no
  /// - [] for anything → no
  public func suffice(for required: Roles) -> Bool { !isDisjoint(with: required) }
}
