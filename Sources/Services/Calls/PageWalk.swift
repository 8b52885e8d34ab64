internal import API
internal import Crypto
internal import Domain
internal import ProtoWire
internal import RPCCore
internal import Store

/// One step of a walk through a list: which page is asked for, and the token of the next one.
struct PageWalk: Sendable {
  let page: Page
  /// What the first page of the walk counted, where its tokens say so.
  let total: Int?
  private let query: [String]
  private let tokens: PageTokens

  /// Checks the page's fields. A token is bound to method, org and every filter.
  init<Request: ListRequest>(
    _ request: Request, _ caller: Caller, _ context: ServerContext, _ tokens: PageTokens
  ) throws {
    guard let limit = Page.limit(requested: request.pageSize) else {
      throw ServiceError.invalid(field: "page_size", message: "\(request.pageSize) is below 0")
    }
    guard request.skip >= 0 else {
      throw ServiceError.invalid(field: "skip", message: "\(request.skip) is below 0")
    }
    guard request.skip <= Page.maximumSkip else {
      throw ServiceError.invalid(
        field: "skip",
        message:
          "\(request.skip) exceeds \(Page.maximumSkip): walk by page_token, or narrow the list")
    }
    let order: Page.Order
    switch request.order {
    case .unspecified, .newestFirst: order = .newestFirst
    case .oldestFirst: order = .oldestFirst
    case .unrecognized(let number):
      throw ServiceError.invalid(field: "order", message: "there is no order \(number)")
    }
    var filters = request
    filters.pageSize = 0
    filters.pageToken = ""
    filters.skip = 0
    let digest = SHA256.hash(data: filters.serialized(deterministic: true))
    query = [
      context.method.path, caller.org.rawValue,
      ContentDigest(bytes: digest).hex,
    ]
    self.tokens = tokens
    let cursor = try tokens.cursor(request.pageToken, query: query)
    page = Page(
      limit: limit, after: cursor?.text(0), skip: Int(request.skip), order: order)
    total = cursor?.integer(1).map { Int(clamping: $0) }
  }

  /// Puts what a page says about the list into an answer.
  func finish<Reply: ListResponse, Item>(_ answer: inout Reply, _ listing: Listing<Item>) {
    answer.nextPageToken = token(after: listing.next)
    answer.totalSize = Int32(clamping: listing.total)
  }

  /// The token of the page that begins after `id`; empty when there is none.
  ///
  /// `total` is what this page says about the list, where the next one shall say the same without counting.
  func token(after id: String?, total: Int? = nil) -> String {
    guard let id else { return "" }
    let rest = total.map { [PageCursor.Part.integer(Int64($0))] } ?? []
    return tokens.token(PageCursor([.text(id)] + rest), query: query)
  }
}
