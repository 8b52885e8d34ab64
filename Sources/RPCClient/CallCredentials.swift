public import RPCCore

/// Who a channel's calls say they are.
public struct CallCredentials: Sendable {
  private let make: @Sendable () async throws -> Metadata
  /// The metadata when it is the same for every call: nothing has to be awaited.
  let fixed: Metadata?

  /// Metadata that is made anew for every call, for tokens that expire.
  ///
  /// An `RPCError` that `make` throws is the call's; any other error is UNAUTHENTICATED. The call's
  /// deadline covers `make`; a call that ends cancels it.
  public init(_ make: @escaping @Sendable () async throws -> Metadata) {
    self.make = make
    fixed = nil
  }

  /// `authorization: Bearer TOKEN`.
  /// - Throws: `Metadata.Problem` when the token is not printable ASCII.
  public static func bearer(_ token: String) throws(Metadata.Problem) -> CallCredentials {
    var metadata = Metadata()
    try metadata.add("Bearer \(token)", for: "authorization")
    return CallCredentials(fixed: metadata)
  }

  private init(fixed: Metadata) {
    self.fixed = fixed
    make = { fixed }
  }

  /// The metadata of one call.
  func metadata() async throws(RPCError) -> Metadata {
    do {
      return try await make()
    } catch let error as RPCError {
      throw error
    } catch {
      throw RPCError(.unauthenticated, "the call's credentials could not be made: \(error)")
    }
  }
}
