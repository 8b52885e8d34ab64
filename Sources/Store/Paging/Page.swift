/// Which part of a list is wanted. Lists are ordered by id, which for UUIDv7 is by time of creation.
public struct Page: Sendable, Hashable {
  /// The order of a list.
  public enum Order: Int32, Sendable, Hashable {
    case newestFirst = 1
    case oldestFirst = 2
  }

  /// At least 1.
  public var limit: Int
  /// The id after which the page begins; nil is the start of the list.
  public var after: String?
  /// Rows to leave out from there.
  public var skip: Int
  public var order: Order

  public init(
    limit: Int, after: String? = nil, skip: Int = 0, order: Order = .newestFirst
  ) {
    self.limit = limit
    self.after = after
    self.skip = skip
    self.order = order
  }
}

/// One page of a list.
public struct Listing<Item> {
  public var items: [Item]
  /// The id after which the next page begins; nil when this is the last one.
  public var next: String?
  /// How many rows match, over all pages.
  public var total: Int

  public init(items: [Item], next: String?, total: Int) {
    self.items = items
    self.next = next
    self.total = total
  }
}

extension Listing: Sendable where Item: Sendable {}
