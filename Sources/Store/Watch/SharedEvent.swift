/// A committed event on its way to the watchers, with the encodings made of it so far. Confined to
/// the hub's thread.
final class SharedEvent: Revisioned {
  let logged: LoggedEvent
  private var encodings: [(ObjectIdentifier, [UInt8]?)] = []

  init(_ logged: LoggedEvent) { self.logged = logged }

  var revision: Int64 { logged.revision }

  /// The event's bytes in `encoding`, made at the first call; nil when the encoding leaves it out.
  func bytes(_ encoding: WatchEncoding) throws -> [UInt8]? {
    let key = ObjectIdentifier(encoding)
    for (known, bytes) in encodings where known == key { return bytes }
    let bytes = try encoding.encode(logged)
    encodings.append((key, bytes))
    return bytes
  }
}
