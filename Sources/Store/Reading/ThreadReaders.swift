internal import Glibc

/// Finds the calling thread's reader of a store.
///
/// Event loops have one each and scan threads one of what devices report; any other thread has a pool's while it reads. So a read within
/// a read shares its view, wherever it runs, and waits for nobody.
///
/// One thread-local slot for the process holds the readers of this thread, by store.
enum ThreadReaders {
  /// `@unchecked Sendable`: used on its own thread alone, also by what it runs at the end of a turn.
  final class Entry: @unchecked Sendable {
    let store: ObjectIdentifier
    let reader: Reader
    let atEndOfTurn: (@escaping @Sendable () -> Void) -> Void
    /// The turn has queued writes.
    @exclusivity(unchecked) var hasWritten = false
    init(
      store: ObjectIdentifier, reader: Reader,
      atEndOfTurn: @escaping (@escaping @Sendable () -> Void) -> Void
    ) {
      self.store = store
      self.reader = reader
      self.atEndOfTurn = atEndOfTurn
    }

    /// A reader whose view ends with the read that opened it.
    convenience init(store: ObjectIdentifier, reader: Reader) {
      self.init(store: store, reader: reader) { $0() }
    }
  }

  private final class Slots {
    var entries: [Entry] = []
    var isWriter = false
  }

  private static let key: pthread_key_t = {
    var key = pthread_key_t()
    let code = pthread_key_create(&key) { slots in
      guard let slots else { return }
      Unmanaged<Slots>.fromOpaque(slots).release()
    }
    precondition(code == 0, "no thread-local key left (error \(code))")
    return key
  }()

  static func entry(of store: ObjectIdentifier) -> Entry? {
    guard let pointer = pthread_getspecific(key) else { return nil }
    let slots = Unmanaged<Slots>.fromOpaque(pointer)
    return slots._withUnsafeGuaranteedRef { slots in
      slots.entries.first { $0.store == store }
    }
  }

  /// Whether this thread has a reader of any store: it must not wait for another one.
  static var hasAny: Bool { known.map { !$0.entries.isEmpty } ?? false }

  /// Whether this thread changes a database: its closures read through their own transaction and nothing else.
  static var isWriter: Bool { known?.isWriter ?? false }

  static func attach(_ entry: Entry) {
    let slots = made
    slots.entries.removeAll { $0.store == entry.store }
    slots.entries.append(entry)
  }

  /// The calling thread is a writer from now on.
  static func attachWriter() { made.isWriter = true }

  static func detach(store: ObjectIdentifier) {
    known?.entries.removeAll { $0.store == store }
  }

  private static var known: Slots? {
    pthread_getspecific(key).map { Unmanaged<Slots>.fromOpaque($0).takeUnretainedValue() }
  }

  private static var made: Slots {
    if let known { return known }
    let slots = Slots()
    pthread_setspecific(key, Unmanaged.passRetained(slots).toOpaque())
    return slots
  }
}
