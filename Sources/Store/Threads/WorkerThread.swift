internal import Glibc

/// A thread of the store's own: a commit waits for the disk, which the cooperative pool must not.
final class WorkerThread: Sendable {
  private let finished = Monitor(false)

  /// Starts `body`; the thread ends when it returns.
  init(name: String, _ body: @escaping @Sendable () -> Void) {
    let start = Start(name: name, finished: finished, body: body)
    var thread = pthread_t()
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    pthread_attr_setstacksize(&attributes, 1 << 20)
    let code = pthread_create(
      &thread, &attributes,
      { argument in
        guard let argument else { return nil }
        let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
        start.nameThread()
        start.body()
        start.finished.withLock { $0 = true }
        start.finished.broadcast()
        return nil
      }, Unmanaged.passRetained(start).toOpaque())
    pthread_attr_destroy(&attributes)
    precondition(code == 0, "the system refuses another thread (error \(code))")
  }

  /// Blocks until the body has returned.
  func join() { _ = finished.wait { $0 ? true : nil } }

  private final class Start {
    let name: String
    let finished: Monitor<Bool>
    let body: @Sendable () -> Void
    init(name: String, finished: Monitor<Bool>, body: @escaping @Sendable () -> Void) {
      self.name = name
      self.finished = finished
      self.body = body
    }

    /// For `top -H` and profilers. A system without the file only misses the name.
    func nameThread() {
      let file = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
      guard file >= 0 else { return }
      let text = Array(name.utf8.prefix(15))
      _ = write(file, text, text.count)
      close(file)
    }
  }
}
