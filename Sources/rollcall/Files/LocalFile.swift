import Glibc

/// A regular file that is read or written in order. What goes wrong is a complaint that names the path.
///
/// Not `Sendable`: one task uses it; closed with its last reference.
final class LocalFile {
  let path: String
  private let descriptor: Int32

  private init(path: String, descriptor: Int32) {
    self.path = path
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  /// Opens a file to read it. Folders, pipes and devices are refused in words.
  static func reading(_ path: String) throws(Complaint) -> LocalFile {
    try check(name: path)
    // A pipe without a writer must not hold the command up before it is refused.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw .file(path, "cannot be read", errno) }
    let file = LocalFile(path: path, descriptor: descriptor)
    try file.requireRegular()
    return file
  }

  /// Refuses what no file is called, and what elsewhere stands for a stream: it would be another file than was meant.
  static func check(name path: String) throws(Complaint) {
    if path.isEmpty {
      throw Complaint(
        "no file is named by an empty text", next: "name a file", status: .invalid)
    }
    if path == "-" {
      throw Complaint(
        "\"-\" is no file, and standard input and output are none",
        next: "name a file; ./- for one of that name", status: .invalid)
    }
  }

  /// Opens a file of the program's own to go on with it, made if need be; nobody else may write to it meanwhile.
  static func appending(_ path: String, mode: mode_t) throws(Complaint) -> LocalFile {
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode)
    guard descriptor >= 0 else { throw .file(path, "cannot be written", errno) }
    let file = LocalFile(path: path, descriptor: descriptor)
    try file.requireRegular()
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      throw Complaint(
        "\(path) is being written by another pull", next: "wait for it to end", status: .refused)
    }
    return file
  }

  private func requireRegular() throws(Complaint) {
    let mode = try status().st_mode & S_IFMT
    guard mode == S_IFREG else {
      throw Complaint(
        "\(path) is \(mode == S_IFDIR ? "a folder" : "no regular file")",
        next: "name a file", status: .invalid)
    }
  }

  private func status() throws(Complaint) -> stat {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .file(path, "cannot be read", errno) }
    return status
  }

  /// Bytes in it.
  func size() throws(Complaint) -> Int64 { Int64(try status().st_size) }

  /// Permission bits.
  func permissions() throws(Complaint) -> mode_t { try status().st_mode & 0o777 }

  /// The next bytes from where it was read last; empty at the end.
  func read(upTo count: Int) throws(Complaint) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    while true {
      let got = bytes.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
      if got < 0, errno == EINTR { continue }
      guard got >= 0 else { throw .file(path, "cannot be read", errno) }
      bytes.removeLast(count - got)
      return bytes
    }
  }

  /// Goes to a place from the beginning, for the next read or write.
  func seek(to offset: Int64) throws(Complaint) {
    guard lseek(descriptor, off_t(offset), SEEK_SET) >= 0 else {
      throw .file(path, "cannot be read", errno)
    }
  }

  func write(_ bytes: [UInt8]) throws(Complaint) {
    var sent = 0
    while sent < bytes.count {
      let written = bytes[sent...].withUnsafeBytes {
        Glibc.write(descriptor, $0.baseAddress, $0.count)
      }
      if written < 0, errno == EINTR { continue }
      guard written > 0 else { throw .file(path, "cannot be written", written == 0 ? EIO : errno) }
      sent += written
    }
  }

  /// Makes it the file at `target`, in one step and for good.
  func replace(_ target: String, permissions: mode_t?) throws(Complaint) {
    if let permissions { _ = fchmod(descriptor, permissions) }
    guard fsync(descriptor) == 0 else { throw .file(path, "cannot be written", errno) }
    guard rename(path, target) == 0 else { throw .file(target, "cannot be replaced", errno) }
  }

  /// Removes a file; one that is not there is removed already.
  static func remove(_ path: String) throws(Complaint) {
    guard unlink(path) == 0 || errno == ENOENT else {
      throw .file(path, "cannot be removed", errno)
    }
  }

  /// Where a path leads, links followed; itself when nothing is there yet.
  static func target(of path: String) -> String {
    guard let resolved = realpath(path, nil) else { return path }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  /// Whether anything is there.
  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }
}

extension Complaint {
  static func file(_ path: String, _ what: String, _ code: Int32) -> Complaint {
    Complaint("\(path) \(what): \(String(cString: strerror(code)))", status: .failed)
  }
}
