/// Which part of a list is wanted. Lists are ordered by id, which for UUIDv7 is by time of creation.
public struct Page: Sendable, Hashable {
  /// The order of a list.
  public enum Order: Int32, Sendable, Hashable {
    case newestFirst = 1
    case oldestFirst = 2
  }

  /// Entries of a page: 50 by default, at most 200.
  public static let standardLimit = 50
  public static let maximumLimit = 200
  /// The most rows that may be left out; a walk goes by tokens.
  public static let maximumSkip = 10_000

  /// At least 1.
  public var limit: Int
  /// The id after which the page begins; nil is the start of the list.
  public var after: String?
  /// Rows to leave out from there.
  public var skip: Int
  public var order: Order
  /// Bytes of its entries together, the first apart, where these have a size.
  public var byteLimit = 1 << 20

  public init(
    limit: Int, after: String? = nil, skip: Int = 0, order: Order = .newestFirst
  ) {
    self.limit = limit
    self.after = after
    self.skip = skip
    self.order = order
  }

  /// The limit to use for a requested one; nil when it is negative (INVALID_ARGUMENT).
  ///
  /// 0 → 50, 1 → 1, 200 → 200, 201 → 200, −1 → nil.
  public static func limit(requested: Int32) -> Int? {
    if requested < 0 { return nil }
    return requested == 0 ? standardLimit : min(Int(requested), maximumLimit)
  }
}

/// One page of a list.
public struct Listing<Item> {
  /// What ``total`` counts at most: a count costs this many steps through an index, however long the list.
  public static var countLimit: Int { 10_000 }

  public var items: [Item]
  /// The id after which the next page begins; nil when this is the last one.
  public var next: String?
  /// How many rows match, over all pages; ``countLimit`` stands for that many or more.
  public var total: Int

  public init(items: [Item], next: String?, total: Int) {
    self.items = items
    self.next = next
    self.total = total
  }
}

extension Listing: Sendable where Item: Sendable {}
