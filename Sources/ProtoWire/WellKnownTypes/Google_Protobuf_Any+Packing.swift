extension Google_Protobuf_Any {
  /// Any message with its type: `type.googleapis.com/` and the full name, as every protobuf runtime writes it.
  public init(packing message: some Message) {
    self.init()
    typeUrl = "type.googleapis.com/" + Swift.type(of: message).fullName
    value = message.serialized()
  }

  /// Whether the message inside is of type `M`: what follows the last slash of the type URL is its name.
  public func holds<M: Message>(_ type: M.Type) -> Bool {
    guard let slash = typeUrl.utf8.lastIndex(of: UInt8(ascii: "/")) else { return false }
    return typeUrl[typeUrl.utf8.index(after: slash)...] == M.fullName
  }

  /// The message inside; nil when it is of another type.
  ///
  /// - Throws: when the bytes are no `M`.
  public func unpacked<M: Message>(as type: M.Type) throws(DecodingError) -> M? {
    holds(type) ? try M(wire: value) : nil
  }
}
