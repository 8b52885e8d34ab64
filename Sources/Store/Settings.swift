internal import SQL

/// The store's own settings: small values that belong to the database, not to the process.
enum Settings {
  /// The value under `name`, made by `make` and stored when there is none. Used while opening.
  static func bytes(
    _ name: String, in db: Connection, orElse make: () -> [UInt8]
  ) throws -> [UInt8] {
    let stored: [UInt8]? = try db.first("SELECT value FROM settings WHERE name = $1", name) {
      try $0[0]
    }
    if let stored { return stored }
    let made = make()
    try db.execute("INSERT INTO settings (name, value) VALUES ($1, $2)", name, made)
    return made
  }

  static func set(_ name: String, _ value: [UInt8], in db: Connection) throws {
    try db.execute(
      """
      INSERT INTO settings (name, value) VALUES ($1, $2)
      ON CONFLICT (name) DO UPDATE SET value = excluded.value
      """, name, value)
  }

  static func randomKey() -> [UInt8] {
    var random = SystemRandomNumberGenerator()
    return (0..<4).flatMap { _ in
      withUnsafeBytes(of: random.next() as UInt64) { Array($0) }
    }
  }
}
