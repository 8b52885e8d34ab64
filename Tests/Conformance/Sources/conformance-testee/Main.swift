import ProtoWire

/// The protobuf conformance testee: answers the requests of the suite's runner on standard output until its
/// standard input ends.
///
/// Each way a message is a little-endian `UInt32` length and that many bytes.
@main
enum Main {
  static func main() throws(PipeError) {
    let pipe = StandardPipe()
    while let request = try pipe.readMessage() {
      try pipe.write(Testee.answer(request).serialized())
    }
  }
}
