import Synchronization

/// What the demo itself counts on its devices: the server knows nothing of right and wrong answers. Any thread.
final class FleetTally: Sendable {
  struct Counts: Sendable, Equatable {
    var registered = 0
    var downloads = 0
    var downloadedBytes = 0
    /// Answers by version name.
    var judged: [String: (right: Int, all: Int)] = [:]
    /// Devices that could not activate a version, by its name, and what the first of them said.
    var failures: [String: (devices: Int, first: String)] = [:]

    static func == (a: Self, b: Self) -> Bool {
      a.registered == b.registered && a.downloads == b.downloads
        && a.downloadedBytes == b.downloadedBytes
        && a.judged.mapValues { [$0.right, $0.all] } == b.judged.mapValues { [$0.right, $0.all] }
        && a.failures.mapValues(\.devices) == b.failures.mapValues(\.devices)
    }
  }

  private let state = Mutex(Counts())

  var counts: Counts { state.withLock { $0 } }

  func registered() { state.withLock { $0.registered += 1 } }

  func downloaded(bytes: Int) {
    state.withLock {
      $0.downloads += 1
      $0.downloadedBytes += bytes
    }
  }

  func judged(version: String, isRight: Bool) {
    state.withLock {
      $0.judged[version, default: (0, 0)].all += 1
      if isRight { $0.judged[version, default: (0, 0)].right += 1 }
    }
  }

  func failed(version: String, device: String, _ why: String) {
    state.withLock {
      let first = $0.failures[version]?.first ?? "\(device): \(why)"
      $0.failures[version] = (($0.failures[version]?.devices ?? 0) + 1, first)
    }
  }
}
