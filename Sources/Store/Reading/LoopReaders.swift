internal import Glibc

/// Finds the calling thread's reader of a store: event loops have one each, other threads none.
///
/// One thread-local slot for the process holds the readers of this thread, by store.
enum LoopReaders {
  final class Entry {
    let store: ObjectIdentifier
    let reader: Reader
    let atEndOfTurn: (@escaping @Sendable () -> Void) -> Void
    init(
      store: ObjectIdentifier, reader: Reader,
      atEndOfTurn: @escaping (@escaping @Sendable () -> Void) -> Void
    ) {
      self.store = store
      self.reader = reader
      self.atEndOfTurn = atEndOfTurn
    }
  }

  private final class Slots {
    var entries: [Entry] = []
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

  static func attach(_ entry: Entry) {
    let slots: Slots
    if let pointer = pthread_getspecific(key) {
      slots = Unmanaged<Slots>.fromOpaque(pointer).takeUnretainedValue()
    } else {
      slots = Slots()
      pthread_setspecific(key, Unmanaged.passRetained(slots).toOpaque())
    }
    slots.entries.removeAll { $0.store == entry.store }
    slots.entries.append(entry)
  }

  static func detach(store: ObjectIdentifier) {
    guard let pointer = pthread_getspecific(key) else { return }
    Unmanaged<Slots>.fromOpaque(pointer).takeUnretainedValue().entries
      .removeAll { $0.store == store }
  }
}
