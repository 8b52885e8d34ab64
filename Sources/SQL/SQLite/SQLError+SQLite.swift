internal import CSQLite
internal import Glibc

extension SQLError {
  /// The error of the last call on `handle`, by its extended result code.
  init(_ handle: OpaquePointer?, _ code: Int32) {
    let text = handle.flatMap { sqlite3_errmsg($0) }.map { String(cString: $0) } ?? "no memory"
    let primary = code & 0xff
    if primary == SQLITE_CANTOPEN || primary == SQLITE_IOERR,
      Self.isOutOfDescriptors(sqlite3_system_errno(handle))
    {
      self = .noDescriptor
    } else {
      self.init(extendedCode: code, text: text)
    }
  }

  /// Whether the operating system's number says that the process, or the machine, has too many files open.
  static func isOutOfDescriptors(_ number: Int32) -> Bool { number == EMFILE || number == ENFILE }

  init(extendedCode code: Int32, text: String) {
    switch code & 0xff {
    case SQLITE_CONSTRAINT:
      self = .constraint(ConstraintKind(extendedCode: code), name: Self.constraintName(text))
    case SQLITE_FULL: self = .full
    case SQLITE_BUSY, SQLITE_LOCKED: self = .busy
    case SQLITE_CORRUPT, SQLITE_NOTADB: self = .corrupt(text)
    case SQLITE_IOERR, SQLITE_PROTOCOL: self = .io(code: Int(code), text)
    case SQLITE_INTERRUPT: self = .interrupted
    case SQLITE_READONLY: self = .readOnly
    case SQLITE_TOOBIG: self = .tooBig
    case SQLITE_NOMEM: self = .outOfMemory
    case SQLITE_CANTOPEN, SQLITE_PERM, SQLITE_AUTH:
      self = .io(code: Int(code), text)
    case SQLITE_MISMATCH:
      self = .mismatch(column: "", expected: "the declared type", found: text)
    default: self = .invalidStatement("\(text) (code \(code))")
    }
  }

  /// `UNIQUE constraint failed: devices.org, devices.name` → `devices_org_name`;
  /// `CHECK constraint failed: rollouts_exposure` → `rollouts_exposure`.
  static func constraintName(_ message: String) -> String {
    let separator = " constraint failed: "
    guard let end = message.firstRange(of: separator)?.upperBound else { return "" }
    let subject = message[end...]
    if subject.hasPrefix("index '"), subject.hasSuffix("'") {
      return String(subject.dropFirst(7).dropLast())
    }
    let columns = subject.split(separator: ", ").map { $0.split(separator: ".", maxSplits: 1) }
    guard let first = columns.first, first.count == 2,
      columns.allSatisfy({ $0.count == 2 && $0[0] == first[0] })
    else { return String(subject) }
    return ([first[0]] + columns.map { $0[1] }).joined(separator: "_")
  }
}

extension ConstraintKind {
  init(extendedCode code: Int32) {
    switch code >> 8 {
    case 8: self = .unique
    case 6, 10: self = .primaryKey
    case 3: self = .foreignKey
    case 5: self = .notNull
    case 1: self = .check
    case 12: self = .dataType
    default: self = .other
    }
  }
}
