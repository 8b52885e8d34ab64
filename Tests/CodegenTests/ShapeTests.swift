import ProtoWire
import Testing

private typealias Page = Codegen_Fixtures_Shapes_Page
private typealias Count = Codegen_Fixtures_Shapes_CountPagesRequest
private typealias List = Codegen_Fixtures_Shapes_ListPagesRequest
private typealias ListAnswer = Codegen_Fixtures_Shapes_ListPagesResponse
private typealias Put = Codegen_Fixtures_Shapes_PutPageRequest
private typealias PutAnswer = Codegen_Fixtures_Shapes_PutPageResponse
private typealias Cut = Codegen_Fixtures_Shapes_CutPageRequest

@Suite struct ShapeTests {
  private func halved<R: Paged>(_ request: R) -> R {
    var request = request
    request.pageSize /= 2
    return request
  }

  private func filled<E: Envelope<Page>>(_: E.Type, _ text: String) -> E {
    var envelope = E()
    envelope.content = .with { $0.text = text }
    envelope.content?.text += "!"
    return envelope
  }

  private func appended<E: ListEnvelope<Page>>(_: E.Type, _ text: String) -> E {
    var envelope = E()
    envelope.items.append(.with { $0.text = text })
    return envelope
  }

  @Test func `messages with the fields of a shape conform to it`() {
    #expect(halved(List.with { $0.pageSize = 8 }) == .with { $0.pageSize = 4 })
    #expect(halved(Count.with { $0.pageSize = 8 }) == .with { $0.pageSize = 4 })
    #expect(halved(Put.Options.with { $0.pageSize = 8 }) == .with { $0.pageSize = 4 })
    let types: [any Paged.Type] = [List.self, Count.self, Put.Options.self]
    #expect(types.map { $0 is any Sorted.Type } == [true, false, false])
  }

  @Test func `a oneof's member is no part of a shape`() {
    let cut: any Message.Type = Cut.self
    #expect(!(cut is any Paged.Type))
    #expect(!(cut is any Envelope.Type))
  }

  @Test func `requests and answers carry their content under one name`() {
    #expect(filled(Put.self, "a") == .with { $0.content = .with { $0.text = "a!" } })
    #expect(filled(PutAnswer.self, "b") == .with { $0.page = .with { $0.text = "b!" } })
    #expect(appended(ListAnswer.self, "c") == .with { $0.pages = [.with { $0.text = "c" }] })
  }

  @Test func `only what a method takes or answers is an envelope`() {
    let others: [any Message.Type] = [Page.self, Count.self, Put.Options.self]
    #expect(others.allSatisfy { !($0 is any Envelope.Type) })
  }
}
