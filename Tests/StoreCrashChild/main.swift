import Glibc
import Store

// Writes to the store at the given folder from many tasks until it is killed, and prints each
// acknowledged revision and resource id on a line of its own: what must be found afterwards.

guard CommandLine.arguments.count == 3, let writers = Int(CommandLine.arguments[2]) else {
  fatalError("usage: store-crash-child FOLDER WRITERS")
}
let store = try Store.open(CommandLine.arguments[1])
await withTaskGroup(of: Void.self) { group in
  for writer in 0..<writers {
    group.addTask {
      for index in 0... {
        let id = "\(getpid())-\(writer)-\(index)"
        do {
          let revision = try await store.write { tx in
            try tx.append(
              NewEvent(
                org: "org-\(writer % 3)", kind: "device.created", resourceType: "device",
                resourceID: id, actor: "child", method: "crash", payload: [1, 2, 3]))
          }
          let line = Array("\(revision) \(id)\n".utf8)
          // One write for a line shorter than PIPE_BUF is not interleaved with another's.
          guard write(STDOUT_FILENO, line, line.count) == line.count else { exit(2) }
        } catch {
          fatalError("\(error)")
        }
      }
    }
  }
}
