import Testing

@testable import RPCClient

@Suite struct KeepaliveTests {
  private func keepalive(permit: Bool = false) -> Keepalive {
    Keepalive(interval: 100, timeout: 20, permitWithoutCalls: permit, now: 1000)
  }

  @Test("silence leads to a PING, and no answer to the end")
  func dead() {
    var keepalive = keepalive()
    #expect(keepalive.firstTimer == 1100)
    #expect(keepalive.timer(now: 1099, openCalls: 1) == .rearm(at: 1100))
    #expect(keepalive.timer(now: 1100, openCalls: 1) == .ping(nextTimer: 1120))
    #expect(keepalive.timer(now: 1119, openCalls: 1) == .rearm(at: 1120))
    #expect(keepalive.timer(now: 1120, openCalls: 1) == .close)
  }

  @Test("any byte from the peer is a sign of life")
  func alive() {
    var keepalive = keepalive()
    keepalive.received(now: 1050)
    #expect(keepalive.timer(now: 1100, openCalls: 1) == .rearm(at: 1150))
    #expect(keepalive.timer(now: 1150, openCalls: 1) == .ping(nextTimer: 1170))
    keepalive.received(now: 1160)
    #expect(keepalive.timer(now: 1170, openCalls: 1) == .rearm(at: 1260))
  }

  @Test("without calls there is no PING unless it is permitted")
  func idle() {
    var quiet = keepalive()
    #expect(quiet.timer(now: 1100, openCalls: 0) == .rearm(at: 1200))
    #expect(quiet.timer(now: 1200, openCalls: 1) == .ping(nextTimer: 1220))
    var permitted = keepalive(permit: true)
    #expect(permitted.timer(now: 1100, openCalls: 0) == .ping(nextTimer: 1120))
  }
}
