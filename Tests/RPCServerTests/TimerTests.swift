import NIOCore
import Testing

@testable import Transport

@Suite struct TimerWheelTests {
  final class Payload {
    let name: Int
    init(_ name: Int) { self.name = name }
  }

  static let slot = TimerWheel.resolution

  /// Everything that is due at `now`, in the order it comes.
  private func due(_ wheel: inout TimerWheel, _ now: Int64) -> [Int] {
    var names: [Int] = []
    while let payload = wheel.expire(now: now) as? Payload { names.append(payload.name) }
    return names
  }

  @Test(arguments: [
    1, slot - 1, slot, slot + 1, 511 * slot, 512 * slot, 512 * slot + 1, 513 * slot,
    5000 * slot + 3,
  ])
  func `a deadline passes at most a slot late and never early`(after: Int64) {
    let start: Int64 = 77 * Self.slot + 5
    var wheel = TimerWheel(now: start)
    let payload = Payload(1)
    _ = wheel.arm(payload, at: start + after)
    var now = start
    while now < start + after {
      #expect(due(&wheel, now).isEmpty)
      guard let look = wheel.nextLook else {
        Issue.record("an armed wheel has a next look")
        return
      }
      #expect(look > now)
      now = look
    }
    #expect(due(&wheel, now) == [1])
    #expect(now - (start + after) < Self.slot)
    #expect(wheel.nextLook == nil)
    #expect(wheel.count == 0)
  }

  @Test func `a deadline that has passed already fires at the next look`() {
    var wheel = TimerWheel(now: 1000 * Self.slot)
    let payload = Payload(1)
    _ = wheel.arm(payload, at: 0)
    #expect(wheel.nextLook == 1001 * Self.slot)
    #expect(due(&wheel, 1001 * Self.slot) == [1])
  }

  @Test func `deadlines that are due are walked over once, and can still be taken back`() {
    var wheel = TimerWheel(now: 0)
    let payloads = (0..<6).map { Payload($0) }
    // Later ones of the same slot lie before those that are due.
    let due = payloads[..<3].map { wheel.arm($0, at: 3 * Self.slot) }
    for payload in payloads[3...] { _ = wheel.arm(payload, at: 515 * Self.slot) }
    var names: [Int] = []
    if let first = wheel.expire(now: 3 * Self.slot) as? Payload { names.append(first.name) }
    #expect(wheel.nextLook == 3 * Self.slot, "more is due")
    let other = names == [0] ? 1 : 0
    wheel.disarm(due[other])
    while let next = wheel.expire(now: 3 * Self.slot) as? Payload { names.append(next.name) }
    #expect(Set(names) == Set([0, 1, 2]).subtracting([other]))
    #expect(wheel.count == 3)
    #expect(Set(self.due(&wheel, 515 * Self.slot)) == [3, 4, 5])
  }

  @Test func `a disarmed deadline does not fire, its neighbours do`() {
    var wheel = TimerWheel(now: 0)
    let payloads = (0..<5).map { Payload($0) }
    var timers = payloads.map { wheel.arm($0, at: 3 * Self.slot) }
    wheel.disarm(timers.remove(at: 2))
    wheel.disarm(timers.remove(at: 0))
    #expect(wheel.count == 3)
    #expect(due(&wheel, 3 * Self.slot).sorted() == [1, 3, 4])
  }

  @Test func `ten thousand deadlines come back at their time after a long silence`() {
    var wheel = TimerWheel(now: 0)
    let payloads = (0..<10_000).map { Payload($0) }
    for payload in payloads { _ = wheel.arm(payload, at: Int64(payload.name) * 1_000_000) }
    let half = due(&wheel, 5_000 * 1_000_000)
    #expect(half.sorted() == Array(0...5000))
    #expect(due(&wheel, 1_000_000 * Self.slot).count == 4999)
  }
}

@Suite struct ConnectionClockTests {
  static let second: Int64 = 1_000_000_000

  private func clock() -> ConnectionClock { ConnectionClock(limits: ConnectionLimits(), now: 0) }

  @Test(arguments: [(9, false), (10, true), (11, true)])
  func `a preface has ten seconds`(seconds: Int64, closes: Bool) {
    var clock = clock()
    let verdict = clock.look(now: seconds * Self.second, openStreams: 0)
    #expect(verdict == (closes ? .close(.preface) : .fine))
  }

  @Test(arguments: [(9, false), (10, true)])
  func `SETTINGS are to be acknowledged in ten seconds`(seconds: Int64, closes: Bool) {
    var clock = clock()
    clock.prefaceCompleted()
    let verdict = clock.look(now: seconds * Self.second, openStreams: 1)
    #expect(verdict == (closes ? .close(.settingsAcknowledgement) : .fine))
  }

  @Test func `a header block has ten seconds, whatever arrives meanwhile`() {
    var clock = clock()
    clock.settingsAcknowledged()
    clock.heard(now: 20 * Self.second, headerBlock: 1)
    clock.heard(now: 29 * Self.second, headerBlock: 1)
    #expect(clock.look(now: 29 * Self.second, openStreams: 1) == .fine)
    #expect(clock.look(now: 30 * Self.second, openStreams: 1) == .close(.headerBlock))
    clock.heard(now: 30 * Self.second, headerBlock: 0)
    #expect(clock.look(now: 40 * Self.second, openStreams: 1) == .fine)
  }

  @Test func `a connection without streams is closed after the idle time`() {
    var limits = ConnectionLimits()
    limits.idle = .seconds(100)
    limits.keepaliveInterval = nil
    var clock = ConnectionClock(limits: limits, now: 0)
    clock.settingsAcknowledged()
    #expect(clock.look(now: 99 * Self.second, openStreams: 0) == .fine)
    #expect(clock.look(now: 100 * Self.second, openStreams: 1) == .fine)
    #expect(clock.look(now: 101 * Self.second, openStreams: 0) == .fine, "idle begins anew")
    #expect(clock.look(now: 201 * Self.second, openStreams: 0) == .close(.idle))
  }

  @Test func `silence is asked about once, and ended when there is no answer`() {
    var clock = clock()
    clock.settingsAcknowledged()
    clock.heard(now: 10 * Self.second, headerBlock: 0)
    #expect(clock.look(now: 69 * Self.second, openStreams: 1) == .fine)
    #expect(clock.look(now: 70 * Self.second, openStreams: 1) == .ping)
    #expect(clock.look(now: 89 * Self.second, openStreams: 1) == .fine)
    #expect(clock.look(now: 90 * Self.second, openStreams: 1) == .close(.keepalive))
  }

  @Test func `any byte answers the question`() {
    var clock = clock()
    clock.settingsAcknowledged()
    #expect(clock.look(now: 60 * Self.second, openStreams: 1) == .ping)
    clock.heard(now: 61 * Self.second, headerBlock: 0)
    #expect(clock.look(now: 119 * Self.second, openStreams: 1) == .fine)
    #expect(clock.look(now: 121 * Self.second, openStreams: 1) == .ping)
  }
}
