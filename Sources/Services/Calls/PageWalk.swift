internal import API
internal import Crypto
internal import Domain
internal import ProtoWire
internal import RPCCore
internal import Store

/// A request for a page: the fields that all listings have in common.
protocol ListRequest: Message {
  var pageSize: Int32 { get set }
  var pageToken: String { get set }
  var skip: Int32 { get set }
  var order: SortOrder { get }
}

/// One step of a walk through a list: which page is asked for, and the token of the next one.
struct PageWalk: Sendable {
  let page: Page
  private let query: [String]
  private let tokens: PageTokens

  /// Checks the page's fields. A token is bound to method, org and every filter.
  init<Request: ListRequest>(
    _ request: Request, _ caller: Caller, _ context: ServerContext, _ tokens: PageTokens
  ) throws {
    guard let limit = PageSize.effective(request.pageSize) else {
      throw ServiceError.invalid(field: "page_size", message: "\(request.pageSize) is below 0")
    }
    guard request.skip >= 0 else {
      throw ServiceError.invalid(field: "skip", message: "\(request.skip) is below 0")
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
      digest.map { String($0, radix: 16) }.joined(separator: "."),
    ]
    self.tokens = tokens
    let cursor = try tokens.cursor(request.pageToken, query: query)
    page = Page(
      limit: limit, after: cursor?.text(0), skip: Int(request.skip), order: order)
  }

  /// The token of the page that begins after `id`; empty when there is none.
  func token(after id: String?) -> String {
    guard let id else { return "" }
    return tokens.token(PageCursor([.text(id)]), query: query)
  }
}
