/// Finds the watchers that want an event, in time proportional to their number: an index from org,
/// resource type and resource id to watchers. Pure.
struct WatcherGroup {
  typealias ID = Int

  private struct OrgIndex {
    /// Watchers that name no resource.
    var all: Set<ID> = []
    /// Watchers that name types and no ids, under each type.
    var byType: [String: Set<ID>] = [:]
    /// Watchers that name ids, under each id.
    var byID: [String: Set<ID>] = [:]
    var isEmpty: Bool { all.isEmpty && byType.isEmpty && byID.isEmpty }
  }
  private var orgs: [String: OrgIndex] = [:]
  private var filters: [ID: WatchFilter] = [:]

  var count: Int { filters.count }

  mutating func insert(_ id: ID, _ filter: WatchFilter) {
    remove(id)
    filters[id] = filter
    var index = orgs[filter.org] ?? OrgIndex()
    if !filter.resourceIDs.isEmpty {
      for resource in filter.resourceIDs { index.byID[resource, default: []].insert(id) }
    } else if !filter.resourceTypes.isEmpty {
      for type in filter.resourceTypes { index.byType[type, default: []].insert(id) }
    } else {
      index.all.insert(id)
    }
    orgs[filter.org] = index
  }

  mutating func remove(_ id: ID) {
    guard let filter = filters.removeValue(forKey: id), var index = orgs[filter.org] else { return }
    // The index is taken out while it is changed, so that its sets are not copied.
    orgs[filter.org] = nil
    index.all.remove(id)
    if filter.resourceIDs.isEmpty {
      for type in filter.resourceTypes { Self.remove(id, type, &index.byType) }
    } else {
      for resource in filter.resourceIDs { Self.remove(id, resource, &index.byID) }
    }
    if !index.isEmpty { orgs[filter.org] = index }
  }

  /// Calls `body` once with each watcher whose filter matches.
  func forEachInterested(in event: NewEvent, _ body: (ID) -> Void) {
    guard let index = orgs[event.org] else { return }
    for id in index.all { body(id) }
    if let named = index.byType[event.resourceType] { for id in named { body(id) } }
    if let named = index.byID[event.resourceID] {
      for id in named where wants(id, event.resourceType) { body(id) }
    }
    guard !event.parentID.isEmpty, event.parentID != event.resourceID,
      let named = index.byID[event.parentID]
    else { return }
    for id in named where wants(id, event.resourceType) && !names(id, event.resourceID) {
      body(id)
    }
  }

  private func wants(_ id: ID, _ type: String) -> Bool {
    guard let filter = filters[id] else { return false }
    return filter.resourceTypes.isEmpty || filter.resourceTypes.contains(type)
  }

  private func names(_ id: ID, _ resource: String) -> Bool {
    filters[id]?.resourceIDs.contains(resource) ?? false
  }

  private static func remove(_ id: ID, _ key: String, _ index: inout [String: Set<ID>]) {
    index[key]?.remove(id)
    if index[key]?.isEmpty == true { index[key] = nil }
  }
}
