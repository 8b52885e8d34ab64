internal import Crypto
internal import Domain
internal import Glibc

/// Files of a backup or of a folder being restored: private, synced, read and written in order.
enum BackupFile {
  private static let chunk = 1 << 20
  /// Bytes written between two syncs: a disk that is given all at once keeps everybody's commits waiting.
  private static let syncEvery = 16 << 20

  /// A file's size and SHA-256, read from the disk rather than from memory.
  static func measure(
    _ path: String, mayGoOn: () throws -> Void = {}
  ) throws -> (bytes: Int64, digest: ContentDigest) {
    let source = try open(path)
    defer { close(source) }
    _ = posix_fadvise(source, 0, 0, POSIX_FADV_DONTNEED)
    return try read(source, path, mayGoOn) { _ in }
  }

  /// Copies a file to where none is; returns what was read. Synced when it returns, its folder is not.
  static func copy(
    _ path: String, to target: String, mayGoOn: () throws -> Void = {}
  ) throws -> (bytes: Int64, digest: ContentDigest) {
    let source = try open(path)
    defer { close(source) }
    let copy = try create(target)
    defer { close(copy) }
    var unsynced = 0
    let read = try read(source, path, mayGoOn) { bytes in
      try write(bytes, to: copy, target)
      unsynced += bytes.count
      guard unsynced >= syncEvery else { return }
      unsynced = 0
      guard fdatasync(copy) == 0 else { throw BackupError.system("sync", target) }
    }
    guard fsync(copy) == 0 else { throw BackupError.system("sync", target) }
    return read
  }

  /// Writes a text to where no file is, synced.
  static func write(_ text: String, to target: String) throws {
    let file = try create(target)
    defer { close(file) }
    try Array(text.utf8).withUnsafeBytes { try write($0, to: file, target) }
    guard fsync(file) == 0 else { throw BackupError.system("sync", target) }
  }

  /// The whole text of a file of at most 1 GiB; nil when there is none.
  static func text(_ path: String) throws -> String? {
    guard access(path, F_OK) == 0 || errno != ENOENT else { return nil }
    let source = try open(path)
    defer { close(source) }
    var bytes: [UInt8] = []
    _ = try read(source, path, {}) { part in
      guard bytes.count + part.count <= 1 << 30 else {
        throw BackupError.system(operation: "read", path: path, code: EFBIG)
      }
      bytes += part
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Writes down what a file or folder is by now.
  static func sync(_ path: String) throws {
    let file = try open(path)
    defer { close(file) }
    guard fsync(file) == 0 else { throw BackupError.system("sync", path) }
  }

  static func makeFolder(_ path: String) throws {
    guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
      throw BackupError.system("create", path)
    }
  }

  static func rename(_ path: String, _ target: String) throws {
    guard Glibc.rename(path, target) == 0 else { throw BackupError.system("rename", path) }
  }

  /// Bytes of a file; 0 when there is none.
  static func size(_ path: String) -> Int64 {
    var status = stat()
    return stat(path, &status) == 0 ? Int64(status.st_size) : 0
  }

  /// What a folder holds, sorted; nil when there is no folder.
  static func names(_ path: String) throws -> [String]? {
    guard let directory = opendir(path) else {
      if errno == ENOENT { return nil }
      throw BackupError.system("list", path)
    }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  /// The path from the root, links followed; the last part need not be there.
  static func absolute(_ path: String) throws -> String {
    if let whole = resolved(path) { return whole }
    var path = path
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    let cut = path.lastIndex(of: "/")
    let name = cut.map { path[path.index(after: $0)...] } ?? path[...]
    let parent = cut.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    guard let whole = resolved(parent) else { throw BackupError.system("open", parent) }
    return whole == "/" ? "/" + name : whole + "/" + name
  }

  private static func resolved(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  private static func open(_ path: String) throws -> Int32 {
    let file = Glibc.open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw BackupError.system("open", path) }
    return file
  }

  private static func create(_ path: String) throws -> Int32 {
    let file = Glibc.open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw BackupError.system("create", path) }
    return file
  }

  private static func read(
    _ source: Int32, _ path: String, _ mayGoOn: () throws -> Void,
    _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws -> (bytes: Int64, digest: ContentDigest) {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: chunk, alignment: 16)
    defer { buffer.deallocate() }
    var hash = SHA256()
    var total: Int64 = 0
    while true {
      try mayGoOn()
      let count = Glibc.read(source, buffer.baseAddress, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw BackupError.system("read", path) }
      guard count > 0 else { return (total, ContentDigest(bytes: hash.finalize())) }
      let part = UnsafeRawBufferPointer(rebasing: buffer[..<count])
      hash.update(bufferPointer: part)
      try body(part)
      total += Int64(count)
    }
  }

  private static func write(
    _ bytes: UnsafeRawBufferPointer, to file: Int32, _ path: String
  ) throws {
    var offset = 0
    while offset < bytes.count {
      let written = Glibc.write(file, bytes.baseAddress?.advanced(by: offset), bytes.count - offset)
      if written < 0, errno == EINTR { continue }
      guard written > 0 else { throw BackupError.system("write", path) }
      offset += written
    }
  }
}
