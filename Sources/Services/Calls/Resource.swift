internal import Domain
internal import ProtoWire
internal import RPCCore
internal import Store

/// What one kind of resource differs in from others. How it is read, listed, created, changed, archived and deleted is written
/// once, in `CallRules+Resources`.
protocol Resource<Value, Wire>: Sendable {
  /// What is stored.
  associatedtype Value: Stored
  /// What callers see.
  associatedtype Wire: Message

  var kind: ResourceKind { get }
  /// Whether even its short lists are made beside the event loops, because an entry takes several reads.
  var isListedBeside: Bool { get }
  /// What callers see of a value.
  func wire(_ value: Value, _ db: ReadTransaction) throws -> Wire
  /// What it is known by among its siblings.
  func name(of value: Value) -> String
  /// The id of the resource that it belongs to, for its events; "" when that is the org.
  func parent(of value: Value) -> String
  /// The id that a caller means; what it says unless a resource knows shorthands.
  func id(_ text: String, _ caller: Caller) -> ID<Value.Owner>
  /// The org whose rows a caller's lists show: its own unless a resource says otherwise; nil is every org.
  func listed(_ caller: Caller) -> OrgID?
}

/// A resource that callers create and change field by field.
protocol EditableResource: Resource where Wire: ResourceMessage {
  /// The fields that calls may change, in the order in which errors name them.
  static var changes: [Change<Wire, Value>] { get }

  /// A new value of what a caller wants, its changeable fields apart: these are set by ``changes``. The revision is set when it
  /// is stored.
  func make(_ wanted: Wire, _ mutation: Mutation) throws -> Value
  /// Refuses a change that all fields together do not allow.
  func check(_ value: Value, replacing before: Value, _ mutation: Mutation) throws
}

extension EditableResource {
  func check(_ value: Value, replacing before: Value, _ mutation: Mutation) throws {}
}

extension Resource {
  var isListedBeside: Bool { false }
  func parent(of value: Value) -> String { "" }
  func id(_ text: String, _ caller: Caller) -> ID<Value.Owner> { ID(text) }
  func listed(_ caller: Caller) -> OrgID? { caller.org }

  /// The value of an id, or NOT_FOUND.
  func require(_ id: String, org: OrgID, _ db: ReadTransaction) throws -> Value {
    guard let value = try Rows<Value>(db).find(ID(id), org: org) else {
      throw ServiceError.notFound(kind, id: id)
    }
    return value
  }

  /// As above, for whoever calls.
  func require(_ id: String, _ caller: Caller, _ db: ReadTransaction) throws -> Value {
    guard let value = try Rows<Value>(db).find(self.id(id, caller), org: caller.org) else {
      throw ServiceError.notFound(kind, id: id)
    }
    return value
  }
}

extension Resource where Value: Archivable {
  func name(of value: Value) -> String { value.name }

  /// The value of an id when it is open to new uses: NOT_FOUND, or FAILED_PRECONDITION when it is archived.
  func requireOpen(_ id: String, org: OrgID, _ db: ReadTransaction) throws -> Value {
    let value = try require(id, org: org, db)
    guard value.archivedAt == nil else {
      throw ServiceError.precondition(
        .resourceArchived, kind, id, "the \(kind.noun) \"\(value.name)\" is archived")
    }
    return value
  }
}

/// A message of the API that is a resource: what a caller wants of it.
protocol ResourceMessage: Message {
  var id: String { get }
}

/// A field that calls may change: how it is taken from what a caller wants.
struct Change<Wire, Value>: Sendable {
  /// Its path in an update mask.
  let path: String
  /// Whether a request without a mask means it.
  let isPopulated: @Sendable (Wire) -> Bool
  private let set: @Sendable (_ value: inout Value, _ wanted: Wire, _ field: String) throws -> Void

  init(
    _ path: String, isPopulated: @escaping @Sendable (Wire) -> Bool,
    _ set: @escaping @Sendable (inout Value, Wire, String) throws -> Void
  ) {
    self.path = path
    self.isPopulated = isPopulated
    self.set = set
  }

  /// Checks and sets it; errors name it as a field of a message of `kind`.
  func apply(_ value: inout Value, _ wanted: Wire, _ kind: ResourceKind) throws {
    do {
      try set(&value, wanted, path)
    } catch DomainError.invalid(let field, let message) {
      throw DomainError.invalid(field: "\(kind.rawValue).\(field)", message: message)
    } catch ServiceError.invalid(let field, let message) {
      throw ServiceError.invalid(field: "\(kind.rawValue).\(field)", message: message)
    }
  }

  /// A text that keeps a rule.
  static func text(
    _ path: String, _ rule: TextRule, _ wanted: @escaping @Sendable (Wire) -> String,
    _ set: @escaping @Sendable (inout Value, String) -> Void
  ) -> Self {
    Self(path, isPopulated: { !wanted($0).isEmpty }) { value, wire, field in
      set(&value, try rule.check(wanted(wire), field: field))
    }
  }

  /// Labels.
  static func labels(
    _ wanted: @escaping @Sendable (Wire) -> [String: String],
    _ set: @escaping @Sendable (inout Value, Labels) -> Void
  ) -> Self {
    Self("labels", isPopulated: { !wanted($0).isEmpty }) { value, wire, field in
      set(&value, try Labels(wanted(wire), field: field))
    }
  }
}
