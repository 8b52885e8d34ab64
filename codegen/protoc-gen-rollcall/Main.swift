import ProtoWire

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The plugin: a `CodeGeneratorRequest` on standard input, a `CodeGeneratorResponse` on standard output.
@main
enum Main {
  static func main() {
    var response = CodeGeneratorResponse()
    response.supportedFeatures = CodeGeneratorResponse.featureProto3Optional
    do throws(GeneratorError) {
      response.files = try generate(from: readAll())
    } catch {
      response.error = error.description
    }
    writeAll(response.serialized())
  }

  private static func generate(from bytes: [UInt8]) throws(GeneratorError)
    -> [CodeGeneratorResponse.File]
  {
    let request: CodeGeneratorRequest
    do throws(DecodingError) {
      request = try CodeGeneratorRequest(wire: bytes)
    } catch {
      throw .badRequest(error.description)
    }
    let options = try GeneratorOptions(parameter: request.parameter)
    let (files, shapes) = try ModelBuilder.build(request, options: options)
    var result = files.map { file in
      CodeGeneratorResponse.File.with {
        $0.name = file.outputName
        $0.content = FileEmitter(file: file, options: options).emit()
      }
    }
    if !shapes.isEmpty {
      result.append(
        .with {
          $0.name = "shapes.pb.swift"
          $0.content = ShapeEmitter(shapes: shapes, visibility: options.visibility).emit()
        })
    }
    return result
  }

  private static func readAll() -> [UInt8] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(STDIN_FILENO, &chunk, chunk.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return bytes }
      bytes += chunk[..<count]
    }
  }

  private static func writeAll(_ bytes: [UInt8]) {
    var start = 0
    while start < bytes.count {
      let count = bytes[start...].withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { exit(1) }  // protoc has gone away and knows why
      start += count
    }
  }
}
