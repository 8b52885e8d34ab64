/// Something that gives what waits in it, one after the other.
protocol Waiting {
  associatedtype Element
  var isEmpty: Bool { get }
  mutating func next() -> Element?
}

/// What waits, in the order it came.
struct Line<Element>: Waiting {
  private var elements: [Element?] = []
  /// Where the first stands; those before it have been given away.
  private var head = 0

  var count: Int { elements.count - head }
  var isEmpty: Bool { count == 0 }

  mutating func append(_ element: Element) { elements.append(element) }

  mutating func next() -> Element? {
    guard !isEmpty else { return nil }
    let element = elements[head]
    elements[head] = nil
    head += 1
    // What was given away is dropped once it is half of all, so that each costs a constant time.
    if head > 32, head * 2 > elements.count {
      elements.removeFirst(head)
      head = 0
    }
    return element
  }

  /// Takes the first element out for which `isWanted`.
  mutating func remove(where isWanted: (Element) -> Bool) -> Element? {
    guard
      let index = elements[head...].firstIndex(where: { $0.map(isWanted) ?? false })
    else { return nil }
    return elements.remove(at: index)
  }
}

/// Parties that take turns, each giving one element at its turn.
struct Turns<Party: Waiting>: Waiting {
  private var parties: [String: Party] = [:]
  /// Every party once; the first is next.
  private var order: [String] = []

  var isEmpty: Bool { order.isEmpty }

  mutating func next() -> Party.Element? {
    guard !order.isEmpty else { return nil }
    let name = order.removeFirst()
    guard var party = parties.removeValue(forKey: name) else { return nil }
    let element = party.next()
    if !party.isEmpty {
      parties[name] = party
      order.append(name)
    }
    return element
  }

  /// Changes a party, which is last in turn when it is new.
  mutating func with(
    _ name: String, orElse make: @autoclosure () -> Party, _ body: (inout Party) -> Void
  ) {
    if parties[name] == nil { order.append(name) }
    body(&parties[name, default: make()])
  }

  /// Changes a party that is there, and drops it when it is empty then.
  mutating func remove<R>(_ name: String, _ body: (inout Party) -> R?) -> R? {
    guard var party = parties.removeValue(forKey: name) else { return nil }
    let removed = body(&party)
    if party.isEmpty {
      order.removeAll { $0 == name }
    } else {
      parties[name] = party
    }
    return removed
  }
}
