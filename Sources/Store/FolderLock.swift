internal import Glibc
internal import Synchronization

/// An advisory lock on `<folder>/lock`, so that two servers cannot open one data folder.
///
/// `flock` belongs to the open file: a second opening is refused in the same process too, and the
/// kernel releases it however the process ends. The file names the owner's process for the message.
final class FolderLock: Sendable {
  private let descriptor: Mutex<Int32?>

  init(folder: String) throws(StoreError) {
    if mkdir(folder, 0o700) != 0, errno != EEXIST {
      throw .folderUnusable(path: folder, reason: String(cString: strerror(errno)))
    }
    let path = folder + "/lock"
    let opened = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard opened >= 0 else {
      throw .folderUnusable(path: path, reason: String(cString: strerror(errno)))
    }
    guard flock(opened, LOCK_EX | LOCK_NB) == 0 else {
      let reason = errno
      let owner = Self.read(opened)
      Glibc.close(opened)
      if reason == EWOULDBLOCK {
        throw .folderInUse(path: folder, owner: owner.isEmpty ? "another process" : owner)
      }
      throw .folderUnusable(path: path, reason: String(cString: strerror(reason)))
    }
    let owner = Array("process \(getpid())".utf8)
    // The name only serves the message of the next opener; a full disk must not prevent reading.
    _ = ftruncate(opened, 0)
    _ = pwrite(opened, owner, owner.count, 0)
    descriptor = Mutex(opened)
  }

  deinit { release() }

  /// Lets another store open the folder. Idempotent.
  func release() {
    descriptor.withLock { descriptor in
      if let open = descriptor { Glibc.close(open) }
      descriptor = nil
    }
  }

  private static func read(_ descriptor: Int32) -> String {
    var bytes = [UInt8](repeating: 0, count: 64)
    let count = pread(descriptor, &bytes, bytes.count, 0)
    return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
  }
}
