import HTTP2
import ProtoWire
import RPCCore
import StandardProtos
import Testing

@testable import RPCServer
@testable import Transport

@Suite struct StandardServicesTests {
  typealias Status = Grpc_Health_V1_HealthCheckResponse.ServingStatus

  @Test func `health knows the server, its services and nobody else`() async throws {
    let health = HealthService(services: ["a.B"])
    let context = ServerContext(
      method: AnyMethodDescriptor(service: "grpc.health.v1.Health", name: "Check", kind: .unary))
    for name in ["", "a.B"] {
      let answer = try await health.check(.with { $0.service = name }, context: context)
      #expect(answer.status == .serving)
    }
    await #expect(throws: RPCError(.notFound, "there is no service \"x\" here")) {
      try await health.check(.with { $0.service = "x" }, context: context)
    }
    let all = try await health.list(.init(), context: context)
    #expect(all.statuses.mapValues(\.status) == ["": .serving, "a.B": .serving])
  }

  @Test func `a watcher hears of each change, and of draining`() throws {
    let rig = try Rig()
    let request = Grpc_Health_V1_HealthCheckRequest.with { $0.service = "test.Service" }
    let stream = try rig.open("/grpc.health.v1.Health/Watch")
    rig.send(Rig.frame(request.serialized()), on: stream, end: true)
    try rig.exchange()
    rig.core.health.set(.notServing, for: "test.Service")
    rig.core.health.set(.notServing, for: "test.Service")
    rig.core.health.set(.serving, for: "test.Service")
    rig.core.health.drain()
    try rig.exchange()
    let heard = try rig.answer(stream).messages.map {
      try Grpc_Health_V1_HealthCheckResponse(wire: $0).status
    }
    #expect(heard == [.serving, .notServing, .serving, .notServing])
  }

  @Test func `an unknown service is watched until it appears`() throws {
    let rig = try Rig()
    let stream = try rig.open("/grpc.health.v1.Health/Watch")
    rig.send(
      Rig.frame(Grpc_Health_V1_HealthCheckRequest.with { $0.service = "late" }.serialized()),
      on: stream, end: true)
    try rig.exchange()
    rig.core.health.set(.serving, for: "late")
    try rig.exchange()
    let heard = try rig.answer(stream).messages.map {
      try Grpc_Health_V1_HealthCheckResponse(wire: $0).status
    }
    #expect(heard == [.serviceUnknown, .serving])
  }

  @Test func `a reflection stream that waits holds no task, and answers in order`() throws {
    let rig = try Rig(services: try ReflectionIndex.services(for: []))
    for version in ["v1", "v1alpha"] {
      let stream = try rig.open("/grpc.reflection.\(version).ServerReflection/ServerReflectionInfo")
      try rig.exchange()
      var waiting = 0
      rig.connection.session.forEachStream { stream in
        guard let call = stream.pointee.owner?.takeUnretainedValue() as? Call else { return }
        waiting += 1
        #expect(call.handlerReturned)
        #expect(call.task == nil)
        #expect(call.awaitsRequest)
      }
      #expect(waiting == 1)
      for name in ["a", "b"] {
        let request = Grpc_Reflection_V1_ServerReflectionRequest.with {
          $0.messageRequest = .fileByFilename(name)
        }
        rig.send(Rig.frame(request.serialized()), on: stream)
      }
      rig.send([], on: stream, end: true)
      try rig.exchange()
      let answer = rig.answer(stream)
      #expect(answer.status == 0)
      let errors = try answer.messages.map { bytes -> String? in
        let response = try Grpc_Reflection_V1_ServerReflectionResponse(wire: bytes)
        guard case .errorResponse(let error)? = response.messageResponse else { return nil }
        return error.errorMessage
      }
      #expect(errors == ["there is no file a here", "there is no file b here"])
    }
  }

  private let index: ReflectionIndex

  init() throws {
    index = try ReflectionIndex([
      ServiceRegistration(
        service: Grpc_Health_V1_HealthMethods.serviceName, file: grpcHealthV1HealthProto)
    ])
  }

  @Test func `a server whose descriptors do not read is not made, unless it serves no reflection`()
    throws
  {
    let broken = ServiceRegistration(
      service: "test.Broken", file: FileDescriptor(name: "broken.proto", bytes: [0x0a, 0xff]))
    #expect(throws: DecodingError.self) {
      try RPCServer(configuration: .init(), services: [broken])
    }
    _ = try RPCServer(configuration: .init(reflection: false), services: [broken])
  }

  @Test(arguments: [
    "grpc.health.v1.Health", "grpc.health.v1.Health.Check",
    "grpc.health.v1.HealthCheckRequest", "grpc.health.v1.HealthCheckRequest.service",
    "grpc.health.v1.HealthCheckResponse.ServingStatus",
    "grpc.health.v1.HealthCheckResponse.SERVING",
  ])
  func `reflection finds the file of a symbol`(symbol: String) throws {
    let answer = index.answer(.with { $0.messageRequest = .fileContainingSymbol(symbol) })
    guard case .fileDescriptorResponse(let files)? = answer.messageResponse else {
      Issue.record("no file for \(symbol): \(answer)")
      return
    }
    #expect(files.fileDescriptorProto == [grpcHealthV1HealthProto.bytes])
    #expect(answer.originalRequest?.messageRequest == .fileContainingSymbol(symbol))
  }

  @Test func `reflection lists services and finds files by name`() {
    let list = index.answer(.with { $0.messageRequest = .listServices("*") })
    #expect(
      list.messageResponse
        == .listServicesResponse(
          .with { $0.service = [.with { $0.name = "grpc.health.v1.Health" }] }))
    let file = index.answer(
      .with { $0.messageRequest = .fileByFilename("grpc/health/v1/health.proto") })
    #expect(
      file.messageResponse
        == .fileDescriptorResponse(
          .with { $0.fileDescriptorProto = [grpcHealthV1HealthProto.bytes] }))
  }

  @Test func `what is not there is NOT_FOUND, what was not asked INVALID_ARGUMENT`() {
    let requests: [(Grpc_Reflection_V1_ServerReflectionRequest.MessageRequest?, Int32)] = [
      (.fileByFilename("x.proto"), 5), (.fileContainingSymbol("x.Y"), 5),
      (.fileContainingExtension(.init()), 5), (.allExtensionNumbersOfType("x"), 5), (nil, 3),
    ]
    for (request, code) in requests {
      let answer = index.answer(.with { $0.messageRequest = request })
      guard case .errorResponse(let error)? = answer.messageResponse else {
        Issue.record("no error for \(String(describing: request))")
        continue
      }
      #expect(error.errorCode == code)
    }
  }
}
