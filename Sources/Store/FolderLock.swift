internal import Glibc
internal import Synchronization

/// An advisory lock on `<folder>/lock`, so that two servers cannot open one data folder.
///
/// `flock` belongs to the open file: a second opening is refused in the same process too, and the
/// kernel releases it however the process ends. The file names the owner's process for the message.
final class FolderLock: Sendable {
  private let descriptor: Mutex<Int32?>
  private let folder: String
  private let madeFolder: Bool

  init(folder: String) throws(StoreError) {
    self.folder = folder
    madeFolder = mkdir(folder, 0o700) == 0
    if !madeFolder, errno != EEXIST {
      throw .folderUnusable(path: folder, reason: String(cString: strerror(errno)))
    }
    let path = folder + "/lock"
    var opened: Int32
    repeat {
      opened = try Self.locked(path, folder)
      // The holder before may have removed the file with its folder: then this lock is one on nothing.
    } while !Self.isFile(opened, path)
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

  /// As ``release()``, and removes the lock's file, and the folder if it was made for it and nothing else is in it.
  func releaseAndRemove() {
    descriptor.withLock { descriptor in
      guard let open = descriptor else { return }
      if madeFolder {
        unlink(folder + "/lock")
        rmdir(folder)
      }
      Glibc.close(open)
      descriptor = nil
    }
  }

  /// The open file with its lock held. A descriptor that is the path's file no more is closed.
  private static func locked(_ path: String, _ folder: String) throws(StoreError) -> Int32 {
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
    return opened
  }

  /// Whether the open file is the one at `path`; closes it when not.
  private static func isFile(_ opened: Int32, _ path: String) -> Bool {
    var (mine, current) = (stat(), stat())
    if fstat(opened, &mine) == 0, stat(path, &current) == 0, mine.st_ino == current.st_ino,
      mine.st_dev == current.st_dev
    {
      return true
    }
    Glibc.close(opened)
    return false
  }

  private static func read(_ descriptor: Int32) -> String {
    var bytes = [UInt8](repeating: 0, count: 64)
    let count = pread(descriptor, &bytes, bytes.count, 0)
    return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
  }
}
