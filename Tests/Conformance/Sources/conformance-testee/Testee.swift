import ProtoWire

/// One request of the suite: decode in one format, encode in another.
enum Testee {
  static func answer(_ bytes: [UInt8]) -> Conformance_ConformanceResponse {
    do {
      return respond(try Conformance_ConformanceRequest(wire: bytes))
    } catch {
      return .with { $0.result = .runtimeError("the request is no ConformanceRequest: \(error)") }
    }
  }

  private static func respond(_ request: Conformance_ConformanceRequest)
    -> Conformance_ConformanceResponse
  {
    .with { response in
      switch request.messageType {
      case ProtobufTestMessages_Proto3_TestAllTypesProto3.fullName:
        response.result = convert(ProtobufTestMessages_Proto3_TestAllTypesProto3.self, request)
      case Conformance_FailureSet.fullName:
        // The runner's first question: which failures are known. None.
        response.result = .protobufPayload(Conformance_FailureSet().serialized())
      default:
        response.result = .skipped("no messages of \(request.messageType): proto3 only")
      }
    }
  }

  private static func convert<M: Message>(_ type: M.Type, _ request: Conformance_ConformanceRequest)
    -> Conformance_ConformanceResponse.Result
  {
    let types = TypeRegistry([type])
    let message: M
    switch request.payload {
    case .protobufPayload(let bytes):
      do {
        message = try M(wire: bytes)
      } catch {
        return .parseError("\(error)")
      }
    case .jsonPayload(let text):
      let options = JSONDecodingOptions(
        ignoreUnknownFields: request.testCategory == .jsonIgnoreUnknownParsingTest, types: types)
      do {
        message = try M(json: text, options: options)
      } catch {
        return .parseError("\(error)")
      }
    case .textPayload: return .skipped("no text format")
    case .jspbPayload: return .skipped("no JSPB")
    case nil: return .runtimeError("the request has no payload")
    }
    switch request.requestedOutputFormat {
    case .protobuf: return .protobufPayload(message.serialized())
    case .json:
      do {
        return .jsonPayload(try message.json(options: .init(types: types)))
      } catch {
        return .serializeError("\(error)")
      }
    case .textFormat: return .skipped("no text format")
    case .jspb: return .skipped("no JSPB")
    case .unspecified, .unrecognized:
      return .runtimeError("output format \(request.requestedOutputFormat.rawValue)")
    }
  }
}
