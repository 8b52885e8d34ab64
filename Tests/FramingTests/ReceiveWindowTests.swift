import Framing
import Testing

@Suite struct ReceiveWindowTests {
  @Test("bytes of an unfinished message are given back at once")
  func unfinished() {
    var window = ReceiveWindow()
    #expect(window.received(16384, completing: 0) == 16384)
    #expect(window.received(16384, completing: 0) == 16384)
    #expect(window.received(10, completing: 1) == 0)
    #expect(window.took(wireLength: 32778) == 10)
    #expect(window.held == 0)
  }

  @Test("a complete message holds the window until it is taken")
  func complete() {
    var window = ReceiveWindow()
    #expect(window.received(300, completing: 3) == 0)
    #expect(window.received(50, completing: 0) == 0)
    #expect(window.took(wireLength: 100) == 100)
    #expect(window.took(wireLength: 100) == 100)
    #expect(window.took(wireLength: 100) == 150)
    #expect(window.waiting == 0)
  }

  @Test("never more is given back than came")
  func neverMore() {
    var window = ReceiveWindow()
    #expect(window.received(1000, completing: 0) == 1000)
    #expect(window.received(10, completing: 2) == 0)
    #expect(window.took(wireLength: 1005) == 10)
    #expect(window.took(wireLength: 5) == 0)
  }

  @Test("an abandoned stream gives everything back")
  func abandoned() {
    var window = ReceiveWindow()
    _ = window.received(10, completing: 2)
    #expect(window.abandon() == 10)
    #expect(window.abandon() == 0)
  }
}
