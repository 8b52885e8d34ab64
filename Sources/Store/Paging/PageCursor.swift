/// Where a page of a list starts: the sort key of the last row of the page before it.
public struct PageCursor: Sendable, Hashable {
  /// The sort key of the last row of the page before, in the order of the ORDER BY.
  public enum Part: Sendable, Hashable {
    case integer(Int64)
    case text(String)
  }
  public var parts: [Part]

  public init(_ parts: [Part]) { self.parts = parts }

  /// The part at `index` as text; "" when the cursor has another shape.
  public func text(_ index: Int) -> String {
    if index < parts.count, case .text(let value) = parts[index] { return value }
    return ""
  }
}
