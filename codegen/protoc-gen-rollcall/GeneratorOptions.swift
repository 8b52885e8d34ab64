/// The plugin's parameter: `--rollcall_opt=Visibility=package,Module=google/type=GoogleTypes`.
struct GeneratorOptions {
  enum Visibility: String, CaseIterable {
    case `public`, package, `internal`

    /// Before a declaration.
    var modifier: String { self == .internal ? "" : rawValue + " " }
  }

  var visibility = Visibility.public
  /// Path prefixes of schema files and the Swift modules that hold their code; the longest prefix wins.
  /// A file without one belongs to the module that is being generated.
  var modules: [String: String] = [
    "google/protobuf": "ProtoWire", "google/rpc": "RPCCore", "grpc": "StandardProtos",
  ]

  /// Emits nothing but the embedded descriptors, and does so for any syntax: for schemas that are only
  /// imported for their options.
  var descriptorsOnly = false

  /// The full name of an option that every method must have: `rollcall.v1.policy`.
  var requiredMethodOption: String?

  /// Fields that several messages have in common: each gets a protocol, which all that have them conform to.
  var shapes: [(name: String, fields: [String])] = []

  /// Requests and answers that carry one message, or a list of messages, in their first field say so:
  /// protocols `Envelope` and `ListEnvelope`.
  var envelopes = false

  init(parameter: String) throws(GeneratorError) {
    for option in parameter.split(separator: ",") {
      let parts = option.split(separator: "=", maxSplits: 1).map(String.init)
      guard parts.count == 2 else { throw .badOption(String(option)) }
      switch parts[0] {
      case "Visibility":
        guard let visibility = Visibility(rawValue: parts[1].lowercased()) else {
          throw .badOption(String(option))
        }
        self.visibility = visibility
      case "Module":
        let mapping = parts[1].split(separator: "=").map(String.init)
        guard mapping.count == 2 else { throw .badOption(String(option)) }
        modules[mapping[0]] = mapping[1]
      case "Descriptors":
        guard parts[1] == "only" else { throw .badOption(String(option)) }
        descriptorsOnly = true
      case "RequireMethodOption":
        requiredMethodOption = parts[1]
      case "Shape":
        let names = parts[1].split(separator: ":").map(String.init)
        guard let name = names.first, names.count > 1, Naming.isFreeType(name) else {
          throw .badOption(String(option))
        }
        if shapes.contains(where: { $0.name == name }) { throw .sameShape(name) }
        shapes.append((name, Array(names.dropFirst())))
      case "Envelopes":
        guard parts[1] == "on" else { throw .badOption(String(option)) }
        envelopes = true
      default:
        throw .badOption(String(option))
      }
    }
  }

  func module(ofFile path: String) -> String? {
    modules.filter { path == $0.key || path.hasPrefix($0.key + "/") }
      .max { $0.key.count < $1.key.count }?.value
  }
}
