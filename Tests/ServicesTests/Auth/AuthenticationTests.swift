import API
import Domain
import RPCCore
import Store
import Testing

@testable import Services

@Suite struct AuthenticationTests {
  @Test(
    "Only a bearer token is a key",
    arguments: [
      (String?.none, "API_KEY_MISSING"), ("Basic c2s=", "API_KEY_INVALID"),
      ("Bearer", "API_KEY_INVALID"), ("Bearer ", "API_KEY_INVALID"),
      ("Bearer sk-wrong", "API_KEY_INVALID"), ("sk-wrong", "API_KEY_INVALID"),
    ]) func refused(value: String?, reason: String) async throws
  {
    let fixture = try await ServiceFixture()
    var metadata = Metadata()
    if let value { try metadata.add(value, for: "authorization") }
    let context = ServerContext(
      method: AuthServiceMethods.whoAmI.erased, requestMetadata: metadata)
    let error = await refusal { try fixture.authentication.callStarted(context) }
    #expect(error?.code == .unauthenticated)
    #expect(error?.reason == reason)
    #expect(context.caller == nil)
  }

  @Test(
    "Health and reflection answer everybody",
    arguments: [
      "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
      "grpc.reflection.v1alpha.ServerReflection",
    ]) func open(service: String) async throws
  {
    let fixture = try await ServiceFixture()
    let context = ServerContext(
      method: AnyMethodDescriptor(service: service, name: "Check", kind: .unary))
    try fixture.authentication.callStarted(context)
    try Authorization().callStarted(context)
  }

  @Test func `every method of the API is decided about`() {
    let authorization = Authorization()
    let methods =
      AuthServiceMethods.all + CatalogServiceMethods.all + DeviceServiceMethods.all
      + DeploymentServiceMethods.all
    for method in methods {
      #expect(authorization.roles(for: method)?.isEmpty == false, "\(method)")
    }
  }

  @Test(
    "A role opens what it is for and nothing else",
    arguments: [
      (DeploymentServiceMethods.getDeployment.erased, Roles.readers),
      (DeploymentServiceMethods.watchRollout.erased, .readers),
      (DeploymentServiceMethods.advanceRollout.erased, .operators),
      (CatalogServiceMethods.uploadArtifact.erased, .operators),
      (CatalogServiceMethods.downloadArtifact.erased, .readers),
      (DeviceServiceMethods.sync.erased, .devices),
      (DeviceServiceMethods.downloadArtifact.erased, .devices),
      (DeviceServiceMethods.listDevices.erased, .readers),
      (DeviceServiceMethods.updateLabels.erased, .operators),
      (AuthServiceMethods.createPrincipal.erased, .admin),
      (AuthServiceMethods.listApiKeys.erased, .readers),
      (AuthServiceMethods.whoAmI.erased, Roles(Domain.Role.allCases)),
    ]) func roles(method: AnyMethodDescriptor, allowed: Roles) async throws
  {
    let authorization = Authorization()
    for role in Domain.Role.allCases {
      let context = ServerContext(
        method: method,
        caller: Caller(
          principal: PrincipalID("p"), org: OrgID("o"), roles: Roles([role]), key: KeyID("k"),
          isRootOrg: false))
      if allowed.contains(Roles([role])) {
        try authorization.callStarted(context)
      } else {
        let error = await refusal { try authorization.callStarted(context) }
        #expect(error?.code == .permissionDenied)
        #expect(error?.reason == "ROLE_MISSING")
      }
    }
  }

  @Test func `a method that nobody decided about is refused`() async {
    let context = ServerContext(
      method: AnyMethodDescriptor(service: "rollcall.v1.Other", name: "Do", kind: .unary),
      caller: Caller(
        principal: PrincipalID("p"), org: OrgID("o"), roles: .admin, key: KeyID("k"),
        isRootOrg: true))
    let error = await refusal { try Authorization().callStarted(context) }
    #expect(error?.code == .permissionDenied)
  }

  @Test func `what was looked up before a change is not kept after it`() {
    let cache = CredentialCache(limit: 2)
    let digest = CredentialCache.Digest([UInt8](repeating: 1, count: 32))
    let entry = CredentialCache.Entry(
      caller: Caller(
        principal: PrincipalID("p"), org: OrgID("o"), roles: .viewer, key: KeyID("k"),
        isRootOrg: false), expiresAt: nil)
    let before = cache.find(digest).generation
    cache.invalidate()
    cache.insert(digest, entry, generation: before)
    #expect(cache.find(digest).entry == nil)
    cache.insert(digest, entry, generation: cache.find(digest).generation)
    #expect(cache.find(digest).entry?.caller == entry.caller)
    let near = CredentialCache.Digest([UInt8](repeating: 1, count: 31) + [2])
    #expect(cache.find(near).entry == nil)
  }
}
