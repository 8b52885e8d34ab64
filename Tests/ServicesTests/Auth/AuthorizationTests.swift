import API
import Domain
import Foundation
import RPCCore
import Testing

@testable import Services

/// Who may call what: the other side of the options in the schemas.
@Suite struct AuthorizationTests {
  /// Every method of the API, by the roles of which one is needed.
  static let table: [(Roles, String)] = [
    ([.viewer, .operator, .reviewer, .admin, .device, .enrollment], "AuthService/WhoAmI"),
    (
      [.viewer, .operator, .reviewer, .admin],
      """
      AuthService/GetOrg AuthService/ListOrgs AuthService/GetPrincipal AuthService/ListPrincipals
      AuthService/CreateApiKey AuthService/ListApiKeys AuthService/RevokeApiKey
      CatalogService/GetModel CatalogService/ListModels CatalogService/GetModelVariant
      CatalogService/ListModelVariants CatalogService/GetModelVersion
      CatalogService/ListModelVersions CatalogService/DownloadArtifact
      DeploymentService/GetDeployment DeploymentService/ListDeployments
      DeploymentService/GetRollout DeploymentService/ListRollouts
      DeploymentService/ListAssignments DeploymentService/GetHealth
      DeploymentService/GetDeviceHealth DeploymentService/ListEvents
      DeploymentService/WatchDeployments DeploymentService/WatchRollout
      DeploymentService/WatchHealth DeviceService/GetDevice DeviceService/ListDevices
      DeviceService/GetDeviceGroup DeviceService/ListDeviceGroups
      """
    ),
    (
      [.operator, .admin],
      """
      CatalogService/CreateModel CatalogService/UpdateModel CatalogService/ArchiveModel
      CatalogService/CreateModelVariant CatalogService/UpdateModelVariant
      CatalogService/ArchiveModelVariant CatalogService/CreateModelVersion
      CatalogService/UpdateModelVersion CatalogService/ArchiveModelVersion
      CatalogService/DeleteModelVersion CatalogService/UploadArtifact
      DeploymentService/CreateDeployment DeploymentService/UpdateDeployment
      DeploymentService/StartDeployment DeploymentService/RollbackDeployment
      DeploymentService/AdvanceRollout DeploymentService/PauseRollout
      DeploymentService/ResumeRollout DeploymentService/UpdateRollout
      DeploymentService/PinDevice DeploymentService/UnpinDevice DeploymentService/Materialize
      DeviceService/RevokeDeviceKey DeviceService/UpdateLabels DeviceService/CreateDeviceGroup
      DeviceService/UpdateDeviceGroup DeviceService/DeleteDeviceGroup
      DeviceService/UpdateDeviceGroupMembers
      """
    ),
    (
      [.admin],
      """
      AuthService/CreateOrg AuthService/UpdateOrg AuthService/CreatePrincipal
      AuthService/UpdatePrincipal
      """
    ),
    (
      [.device, .operator, .admin],
      """
      DeviceService/RotateDeviceKey DeviceService/Sync DeviceService/Connect
      DeviceService/ReportEvents
      DeviceService/DownloadArtifact
      """
    ),
    ([.device, .enrollment, .operator, .admin], "DeviceService/Register"),
  ]

  static let methods: [String: AnyMethodDescriptor] = {
    let all =
      AuthServiceMethods.all + CatalogServiceMethods.all + DeviceServiceMethods.all
      + DeploymentServiceMethods.all
    return Dictionary(uniqueKeysWithValues: all.map { ("\($0)", $0) })
  }()

  private static func names(_ text: String) -> [String] {
    text.split { $0 == " " || $0 == "\n" }.map { "rollcall.v1." + $0 }
  }

  @Test(arguments: table.flatMap { roles, text in names(text).map { ($0, roles) } })
  func `a method is for these roles and no others`(name: String, allowed: Roles) throws {
    let method = try #require(Self.methods[name])
    for role in Domain.Role.allCases {
      let refusal = Authorization.refusal(of: Roles([role]), method)
      #expect((refusal == nil) == allowed.contains(Roles([role])), "\(role)")
    }
    #expect(Authorization.refusal(of: [], method) != nil)
  }

  @Test func `the table knows every rpc of the schemas`() throws {
    let folder = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../../proto/rollcall/v1").standardized
    var declared: [String] = []
    for file in try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    where file.hasSuffix(".proto") {
      var service = ""
      let text = try String(contentsOf: folder.appending(path: file), encoding: .utf8)
      for line in text.split(separator: "\n") {
        let words = line.split { !($0.isLetter || $0.isNumber || $0 == "_") }.map(String.init)
        if line.hasPrefix("service "), words.count > 1 { service = words[1] }
        if line.hasPrefix("  rpc "), words.count > 1 {
          declared.append("rollcall.v1.\(service)/\(words[1])")
        }
      }
    }
    #expect(declared.count > 60)
    #expect(declared.sorted() == Self.table.flatMap { Self.names($0.1) }.sorted())
    #expect(declared.sorted() == Self.methods.keys.sorted())
  }

  @Test func `what moves devices is limited, what reads takes small requests only`() throws {
    let limited = Self.methods.values.filter { CallPolicy($0)?.rateClass == .transition }
    #expect(
      limited.map(\.name).sorted() == [
        "AdvanceRollout", "PauseRollout", "ResumeRollout", "RollbackDeployment", "StartDeployment",
        "UpdateDeployment", "UpdateRollout",
      ])
    let enrolling = Self.methods.values.filter { CallPolicy($0)?.rateClass == .enrollment }
    #expect(enrolling.map(\.name).sorted() == ["CreateApiKey", "Register", "RotateDeviceKey"])
    // What devices may call besides changes no log: it is idempotent or reads.
    let devices = Self.methods.values.filter {
      CallPolicy($0)?.roles?.isDisjoint(with: [.device, .enrollment]) == false
        && CallPolicy($0)?.rateClass == .unspecified
    }
    #expect(
      devices.map(\.name).sorted() == [
        "Connect", "DownloadArtifact", "ReportEvents", "Sync", "WhoAmI",
      ])
    #expect(
      CallPolicy(DeploymentServiceMethods.getDeployment.erased)?.maximumRequestBytes == 65_536)
    #expect(CallPolicy(DeviceServiceMethods.sync.erased)?.maximumRequestBytes == nil)
  }

  @Test(arguments: [
    "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
  ])
  func `health and reflection answer everybody`(service: String) async throws {
    let fixture = try await ServiceFixture()
    let authorization = try Authorization([], authentication: fixture.authentication)
    let method = AnyMethodDescriptor(service: service, name: "Check", kind: .unary)
    try authorization.callStarted(ServerContext(method: method))
    #expect(CallPolicy(method)?.maximumRequestBytes == 4_096)
  }

  @Test func `everything else asks for a key, and for a role`() async throws {
    let fixture = try await ServiceFixture()
    let authorization = try Authorization(
      [fixture.auth.registration], authentication: fixture.authentication)
    let device = try await fixture.principal("phone", [.device])
    func call(_ method: AnyMethodDescriptor, _ secret: String?) throws {
      var metadata = Metadata()
      if let secret { try metadata.add("Bearer " + secret, for: "authorization") }
      try authorization.callStarted(ServerContext(method: method, requestMetadata: metadata))
    }
    let (create, ask) = (AuthServiceMethods.createOrg.erased, AuthServiceMethods.whoAmI.erased)
    try call(create, fixture.secret)
    try call(ask, device)
    #expect(await refusal { try call(ask, nil) }?.reason == "API_KEY_MISSING")
    #expect(await refusal { try call(create, device) }?.reason == "ROLE_MISSING")
    let near = AnyMethodDescriptor(service: "grpc.health.v2.Health", name: "Check", kind: .unary)
    #expect(await refusal { try call(near, nil) }?.reason == "API_KEY_MISSING")
    #expect(await refusal { try call(near, fixture.secret) }?.reason == "ROLE_MISSING")
  }

  @Test(
    arguments: [
      ("", "nothing"), ("wvMYAA==", "an empty policy"),
      ("wvMYBQoBARAB", "open and for viewers"), ("wvMYAwoBCQ==", "for a role that is none"),
      ("//////////////8=", "no fields at all"),
    ] as [(StaticString, String)])
  func `a service with a method that nobody decided about is not served`(
    options: StaticString, what: String
  ) async throws {
    let fixture = try await ServiceFixture()
    let method = AnyMethodDescriptor(
      service: "rollcall.v1.Other", name: "Do", kind: .unary, options: options)
    var registration = ServiceRegistration(service: method.service)
    registration.add(RegisteredMethod(method) { _, _ in })
    #expect(throws: UndecidedMethod(method: method)) {
      try Authorization([registration], authentication: fixture.authentication)
    }
    #expect(Authorization.refusal(of: Roles(Domain.Role.allCases), method) != nil)
  }
}
