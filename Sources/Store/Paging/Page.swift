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
  /// Bytes of its entries together, the first apart.
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

/// The entries of a page as they are found, as far as they fit: by their number, and by their bytes together, whatever makes them.
public struct PageItems<Item> {
  public private(set) var items: [Item] = []
  /// Whether an entry was left for the next page: no further one is taken.
  public private(set) var isFull = false
  private var bytes = 0
  private let page: Page

  public init(_ page: Page) { self.page = page }

  /// Takes the next entry, which has so many bytes; false: it belongs to the next page. The first always fits.
  public mutating func add(_ item: Item, bytes: Int) -> Bool {
    self.bytes += bytes
    if items.count >= page.limit || (self.bytes > page.byteLimit && !items.isEmpty) {
      isFull = true
    }
    if !isFull { items.append(item) }
    return !isFull
  }
}

extension PageItems: Sendable where Item: Sendable {}

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
