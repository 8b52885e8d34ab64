import Testing
import Transport

@testable import RPCClient

@Suite struct ChannelStateTests {
  private func state(addresses: Int = 1) -> ChannelState {
    ChannelState(addressCount: addresses, backoff: BackoffPolicy())
  }

  @Test("the first call connects, later ones wait, then calls start at once")
  func connects() {
    var state = state()
    #expect(state.connectivity == .idle)
    #expect(state.call(waitForReady: false) == .connect(attempt: 1, address: 0))
    #expect(state.connectivity == .connecting)
    #expect(state.call(waitForReady: false) == .wait)
    #expect(state.connected(attempt: 1) == .use(connection: 1))
    #expect(state.connectivity == .ready)
    #expect(state.call(waitForReady: false) == .start)
  }

  @Test("addresses are tried in order before the channel backs off")
  func addresses() {
    var state = state(addresses: 2)
    _ = state.call(waitForReady: false)
    #expect(
      state.failed(attempt: 1, reason: "a refused", random: 0.5)
        == .connect(attempt: 2, address: 1))
    #expect(state.connectivity == .connecting)
    #expect(
      state.failed(attempt: 2, reason: "b refused", random: 0.5)
        == .backOff(wait: 3, delay: .seconds(1), reason: "a refused; b refused"))
    #expect(state.connectivity == .transientFailure)
  }

  @Test("while it backs off, calls fail with the reason unless they wait")
  func transientFailure() {
    var state = state()
    _ = state.call(waitForReady: false)
    _ = state.failed(attempt: 1, reason: "refused", random: 0.5)
    #expect(state.call(waitForReady: false) == .fail(reason: "refused"))
    #expect(state.call(waitForReady: true) == .wait)
  }

  @Test("after the wait it connects for those who wait, else it is idle")
  func afterWait() {
    var waiting = state()
    _ = waiting.call(waitForReady: true)
    _ = waiting.failed(attempt: 1, reason: "refused", random: 0.5)
    #expect(waiting.waited(wait: 2, callsWaiting: true) == .connect(attempt: 3, address: 0))
    #expect(
      waiting.failed(attempt: 3, reason: "refused", random: 0.5)
        == .backOff(wait: 4, delay: .milliseconds(1600), reason: "refused"))
    #expect(waiting.waited(wait: 4, callsWaiting: false) == .ignore)
    #expect(waiting.connectivity == .idle)
    #expect(waiting.call(waitForReady: false) == .connect(attempt: 5, address: 0))
    #expect(waiting.connected(attempt: 5) == .use(connection: 5))
    #expect(lose(&waiting, 5, callsWaiting: true) == .connect(attempt: 6, address: 0))
    // The connection reset the wait.
    #expect(
      waiting.failed(attempt: 6, reason: "gone", random: 0.5)
        == .backOff(wait: 7, delay: .seconds(1), reason: "gone"))
  }

  @Test("events of the past are ignored")
  func late() {
    var state = state()
    _ = state.call(waitForReady: false)
    #expect(state.connected(attempt: 9) == .discard)
    #expect(state.failed(attempt: 9, reason: "", random: 0) == .ignore)
    #expect(state.waited(wait: 1, callsWaiting: true) == .ignore)
    #expect(lose(&state, 1, callsWaiting: true) == .ignore)
    _ = state.connected(attempt: 1)
    #expect(lose(&state, 7, callsWaiting: true) == .ignore)
    #expect(state.connectivity == .ready)
    #expect(lose(&state, 1, callsWaiting: false) == .ignore)
    #expect(state.connectivity == .idle)
  }

  private func lose(
    _ state: inout ChannelState, _ connection: Int, wasUseful: Bool = true, callsWaiting: Bool
  ) -> ChannelState.OnFailure {
    state.lost(
      connection: connection, wasUseful: wasUseful, reason: "gone", callsWaiting: callsWaiting,
      random: 0.5)
  }

  @Test("a server that ends every connection at once is not called in a circle")
  func uselessConnections() {
    var state = state()
    _ = state.call(waitForReady: true)
    _ = state.connected(attempt: 1)
    #expect(
      lose(&state, 1, wasUseful: false, callsWaiting: true)
        == .backOff(wait: 2, delay: .seconds(1), reason: "gone"))
    #expect(state.call(waitForReady: false) == .fail(reason: "gone"))
    #expect(state.waited(wait: 2, callsWaiting: true) == .connect(attempt: 3, address: 0))
    _ = state.connected(attempt: 3)
    #expect(
      lose(&state, 3, wasUseful: false, callsWaiting: true)
        == .backOff(wait: 4, delay: .milliseconds(1600), reason: "gone"))
    #expect(state.waited(wait: 4, callsWaiting: true) == .connect(attempt: 5, address: 0))
    _ = state.connected(attempt: 5)
    #expect(lose(&state, 5, callsWaiting: true) == .connect(attempt: 6, address: 0))
  }

  @Test("a closed channel stays closed")
  func shutdown() {
    var state = state()
    _ = state.call(waitForReady: true)
    #expect(state.close() == true)
    #expect(state.close() == false)
    #expect(state.connected(attempt: 1) == .discard)
    #expect(state.failed(attempt: 1, reason: "", random: 0) == .ignore)
    #expect(state.call(waitForReady: true) == .refuse)
    #expect(state.connectivity == .shutdown)
  }
}
