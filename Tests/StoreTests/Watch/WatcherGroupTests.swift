import Testing

@testable import Store

@Suite struct WatcherGroupTests {
  private func event(
    org: String = "o", type: String = "rollout", id: String = "r1", parent: String = "d1"
  ) -> NewEvent {
    NewEvent(
      org: org, kind: "\(type).changed", resourceType: type, resourceID: id, parentID: parent,
      actor: "a", method: "m")
  }

  @Test(arguments: [
    (WatchFilter(org: "o"), true), (WatchFilter(org: "other"), false),
    (WatchFilter(org: "o", resourceTypes: ["rollout", "device"]), true),
    (WatchFilter(org: "o", resourceTypes: ["device"]), false),
    (WatchFilter(org: "o", resourceIDs: ["r1"]), true),
    (WatchFilter(org: "o", resourceIDs: ["d1"]), true),
    (WatchFilter(org: "o", resourceIDs: ["r1", "d1"]), true),
    (WatchFilter(org: "o", resourceIDs: ["r2"]), false),
    (WatchFilter(org: "o", resourceTypes: ["rollout"], resourceIDs: ["d1"]), true),
    (WatchFilter(org: "o", resourceTypes: ["deployment"], resourceIDs: ["d1"]), false),
    (WatchFilter(org: "other", resourceIDs: ["r1"]), false),
  ])
  func `the index finds exactly the filters that match, each once`(
    filter: WatchFilter, isInterested: Bool
  ) {
    var group = WatcherGroup()
    group.insert(1, filter)
    var found: [Int] = []
    group.forEachInterested(in: event()) { found.append($0) }
    #expect(found == (isInterested ? [1] : []))
    #expect(filter.matches(event()) == isInterested)
    group.remove(1)
    found = []
    group.forEachInterested(in: event()) { found.append($0) }
    #expect(found.isEmpty && group.count == 0)
  }

  @Test func `index and filters agree for random filters, events and removals`() {
    var random = SplitMix(seed: 42)
    let orgs = ["o", "p"]
    let types = ["rollout", "deployment", "device"]
    let ids = ["1", "2", "3", "4"]
    var group = WatcherGroup()
    var filters: [Int: WatchFilter] = [:]
    for round in 0..<5_000 {
      let id = Int.random(in: 0..<60, using: &random)
      if Int.random(in: 0..<4, using: &random) == 0 {
        group.remove(id)
        filters[id] = nil
      } else {
        let filter = WatchFilter(
          org: orgs.randomElement(using: &random)!,
          resourceTypes: Set(types.filter { _ in Int.random(in: 0..<4, using: &random) == 0 }),
          resourceIDs: Set(ids.filter { _ in Int.random(in: 0..<4, using: &random) == 0 }))
        group.insert(id, filter)
        filters[id] = filter
      }
      let event = event(
        org: orgs.randomElement(using: &random)!, type: types.randomElement(using: &random)!,
        id: ids.randomElement(using: &random)!,
        parent: (ids + [""]).randomElement(using: &random)!)
      var found: [Int] = []
      group.forEachInterested(in: event) { found.append($0) }
      let expected = filters.filter { $0.value.matches(event) }.keys.sorted()
      #expect(found.sorted() == expected, "round \(round)")
    }
  }
}
