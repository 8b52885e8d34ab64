/// Which events a watcher wants: always of one org, further narrowed by resource.
public struct WatchFilter: Sendable, Hashable {
  public var org: String
  /// Resource types ("rollout"); empty means all.
  public var resourceTypes: Set<String>
  /// Ids that the event's resource or its parent must be among; empty means all.
  public var resourceIDs: Set<String>

  public init(org: String, resourceTypes: Set<String> = [], resourceIDs: Set<String> = []) {
    self.org = org
    self.resourceTypes = resourceTypes
    self.resourceIDs = resourceIDs
  }

  public func matches(_ event: NewEvent) -> Bool {
    event.org == org
      && (resourceTypes.isEmpty || resourceTypes.contains(event.resourceType))
      && (resourceIDs.isEmpty || resourceIDs.contains(event.resourceID)
        || (!event.parentID.isEmpty && resourceIDs.contains(event.parentID)))
  }
}
