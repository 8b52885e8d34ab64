internal import Glibc

/// A small file that only the server's user may read.
public enum SecretFile {
  /// Writes `text` to `path` with mode 0600, replacing what was there. It is complete, on disk and in its folder when this returns:
  /// a power failure leaves it there.
  public static func write(_ text: String, to path: String) throws(StoreError) {
    let temporary = path + ".new"
    func failure(_ operation: String) -> StoreError {
      .folderUnusable(path: path, reason: "\(operation): \(String(cString: strerror(errno)))")
    }
    // An earlier attempt may have left one, with other rights.
    if unlink(temporary) != 0, errno != ENOENT { throw failure("remove") }
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw failure("create") }
    let bytes = Array(text.utf8)
    var offset = 0
    while offset < bytes.count {
      let written = bytes.withUnsafeBytes { buffer in
        Glibc.write(descriptor, buffer.baseAddress?.advanced(by: offset), buffer.count - offset)
      }
      if written < 0 {
        if errno == EINTR { continue }
        let error = failure("write")
        close(descriptor)
        throw error
      }
      offset += written
    }
    let isSynced = fsync(descriptor) == 0
    let error = failure("sync")
    close(descriptor)
    guard isSynced else { throw error }
    guard rename(temporary, path) == 0 else { throw failure("rename") }
    try syncFolder(of: path)
  }

  /// The first line of the file, at most 4 KiB of it; nil when there is no file.
  public static func read(_ path: String) throws(StoreError) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      if errno == ENOENT { return nil }
      throw .folderUnusable(path: path, reason: "open: \(String(cString: strerror(errno)))")
    }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 4_096)
    let count = Glibc.read(descriptor, &bytes, bytes.count)
    guard count >= 0 else {
      throw .folderUnusable(path: path, reason: "read: \(String(cString: strerror(errno)))")
    }
    return String(decoding: bytes.prefix(count).prefix { $0 != 0x0a }, as: UTF8.self)
  }

  /// Removes the file; none there is no error.
  public static func remove(_ path: String) throws(StoreError) {
    guard unlink(path) == 0 || errno == ENOENT else {
      throw .folderUnusable(path: path, reason: "remove: \(String(cString: strerror(errno)))")
    }
  }

  /// Writes down that the folder has the file.
  private static func syncFolder(of path: String) throws(StoreError) {
    let folder =
      path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    let isSynced = descriptor >= 0 && fsync(descriptor) == 0
    let reason = String(cString: strerror(errno))
    if descriptor >= 0 { close(descriptor) }
    guard isSynced else {
      throw .folderUnusable(path: folder, reason: "sync: \(reason)")
    }
  }
}
