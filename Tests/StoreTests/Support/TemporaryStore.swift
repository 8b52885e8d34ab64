import Glibc

@testable import Store

/// A store in a folder of its own that is removed with it.
final class TemporaryStore {
  let path: String
  private(set) var store: Store

  init(_ configuration: StoreConfiguration = StoreConfiguration()) throws {
    path = Self.folder()
    store = try Store.open(path, configuration)
  }

  /// An empty folder's path under the system's temporary folder.
  static func folder() -> String {
    var template = Array("/tmp/store-test-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { fatalError("mkdtemp failed: \(errno)") }
    return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  static func remove(_ path: String) {
    if let directory = opendir(path) {
      while let entry = readdir(directory) {
        let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
          String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        guard name != ".", name != ".." else { continue }
        if entry.pointee.d_type == UInt8(DT_DIR) {
          remove(path + "/" + name)
        } else {
          unlink(path + "/" + name)
        }
      }
      closedir(directory)
    }
    rmdir(path)
  }

  func reopen(_ configuration: StoreConfiguration = StoreConfiguration()) throws {
    store.close()
    store = try Store.open(path, configuration)
  }

  deinit {
    store.close()
    Self.remove(path)
  }
}

extension NewEvent {
  /// An event that differs by its resource only.
  static func sample(org: String = "org-1", _ resourceID: String) -> NewEvent {
    NewEvent(
      org: org, kind: "device.created", resourceType: "device", resourceID: resourceID,
      actor: "tester", method: "/rollcall.v1.DeviceService/Register", payload: [1, 2, 3])
  }
}

extension ScanCaller {
  static let sample = ScanCaller(org: "org-1", principal: "principal-1")
}
