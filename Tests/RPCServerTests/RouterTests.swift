import RPCCore
import Testing

@testable import RPCServer

@Suite struct RouterTests {
  private func method(_ service: String, _ name: String) -> ServedMethod {
    ServedMethod(
      RegisteredMethod(AnyMethodDescriptor(service: service, name: name, kind: .unary)) { _, _ in },
      MethodLimits(), ServerLimits())
  }

  private func find(_ router: Router, _ path: String) -> String? {
    Array(path.utf8).withUnsafeBytes { router.find($0)?.descriptor.path }
  }

  @Test func `every method of many services is found, and nothing near it`() throws {
    let methods = (0..<40).flatMap { service in
      (0..<25).map { method("package.v1.Service\(service)", "Method\($0)") }
    }
    let router = try Router(methods)
    for method in methods {
      let path = method.descriptor.path
      #expect(find(router, path) == path)
      #expect(find(router, path + "x") == nil)
      #expect(find(router, String(path.dropLast())) != path)
      #expect(find(router, String(path.dropFirst())) == nil)
    }
    #expect(find(router, "") == nil)
    #expect(find(router, String(repeating: "/", count: 10_000)) == nil)
  }

  @Test func `a method registered twice is refused by its path`() {
    #expect(throws: Router.Problem.duplicate(path: "/a.B/C")) {
      try Router([method("a.B", "C"), method("a.B", "D"), method("a.B", "C")])
    }
  }

  @Test func `a router without methods finds nothing`() throws {
    #expect(find(try Router([]), "/a/b") == nil)
  }
}
