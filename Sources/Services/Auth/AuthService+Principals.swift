public import API
internal import Domain
internal import ProtoWire
public import RPCCore
internal import Store

extension AuthService {
  public func createPrincipal(
    _ request: CreatePrincipalRequest, context: ServerContext
  ) async throws -> CreatePrincipalResponse {
    try await rules.create(PrincipalResource(), request, context)
  }

  public func getPrincipal(
    _ request: GetPrincipalRequest, context: ServerContext
  ) async throws -> GetPrincipalResponse {
    try await rules.get(PrincipalResource(), request.principalId, context)
  }

  public func listPrincipals(
    _ request: ListPrincipalsRequest, context: ServerContext
  ) async throws -> ListPrincipalsResponse {
    try await rules.list(PrincipalResource(), request, context) { _, _ in
      var conditions: [Condition<Domain.Principal>] = []
      if request.role != .unspecified {
        conditions.append(.roles(try Roles([request.role], field: "role")))
      }
      if request.kind != .unspecified {
        guard let kind = Domain.Principal.Kind(rawValue: request.kind.rawValue) else {
          throw ServiceError.invalid(
            field: "kind", message: "there is no kind \(request.kind.rawValue)")
        }
        conditions.append(.kind(kind))
      }
      return conditions
    }
  }

  public func updatePrincipal(
    _ request: UpdatePrincipalRequest, context: ServerContext
  ) async throws -> UpdatePrincipalResponse {
    let response: UpdatePrincipalResponse = try await rules.update(
      PrincipalResource(), request, context)
    authentication.invalidate(try context.authenticatedCaller().org)
    return response
  }
}
