extension Message {
  /// Reads a message from its proto3 JSON form.
  /// - Throws: for anything that is not exactly the JSON form of this type; nothing is guessed.
  public init(json text: String, options: JSONDecodingOptions = .init()) throws(JSONDecodingError) {
    var text = text
    self = try text.withUTF8 { bytes in
      Self.read(bytes, options, isValidUTF8: true)
    }.get()
  }

  /// Reads a message from its proto3 JSON form in UTF-8.
  public init(jsonUTF8 bytes: [UInt8], options: JSONDecodingOptions = .init())
    throws(JSONDecodingError)
  {
    self = try bytes.withUnsafeBufferPointer { bytes in
      Self.read(bytes, options, isValidUTF8: false)
    }.get()
  }

  /// Reads a message from its proto3 JSON form in UTF-8, without a copy of the text.
  public init(jsonUTF8 bytes: UnsafeRawBufferPointer, options: JSONDecodingOptions = .init())
    throws(JSONDecodingError)
  {
    self = try bytes.withMemoryRebound(to: UInt8.self) { bytes in
      Self.read(bytes, options, isValidUTF8: false)
    }.get()
  }

  private static func read(
    _ text: UnsafeBufferPointer<UInt8>, _ options: JSONDecodingOptions, isValidUTF8: Bool
  ) -> Result<Self, JSONDecodingError> {
    do throws(JSONDecodingError) {
      var reader = try JSONReader(text, options: options, isValidUTF8: isValidUTF8)
      var message = Self()
      try message.mergeJSON(from: &reader)
      try reader.finish()
      try reader.checkBinaryGrant(of: message)
      return .success(message)
    } catch {
      return .failure(error)
    }
  }

  /// The message in its proto3 JSON form. Unknown fields have none and are left out.
  /// - Throws: for a well-known type that holds what its JSON form cannot say, and for excessive
  ///   nesting.
  public func json(options: JSONEncodingOptions = .init()) throws(JSONEncodingError) -> String {
    var writer = JSONWriter(options: options)
    try writeJSON(to: &writer)
    return String(decoding: writer.text, as: UTF8.self)
  }

  /// As `json(options:)`, in UTF-8.
  public func jsonUTF8(options: JSONEncodingOptions = .init()) throws(JSONEncodingError) -> [UInt8]
  {
    var writer = JSONWriter(options: options)
    try writeJSON(to: &writer)
    return Array(writer.text)
  }
}
