import HTTP2
import Testing
import Transport

@testable import RPCServer

@Suite struct ServerLimitsTests {
  @Test func `a server's defaults are those of the layers below`() {
    #expect(ServerLimits().session == SessionConfiguration())
    #expect(ServerLimits().connection == ConnectionLimits())
  }
}
