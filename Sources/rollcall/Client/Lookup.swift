import API
import RPCCore

/// Finds resources by what people type: an id, or a name.
///
/// Models are `NAME`, variants `MODEL/VARIANT`, versions `MODEL/VARIANT/VERSION`, deployments `NAME`, devices what they call
/// themselves; every one may be its id instead. A name may look like an id: what has the shape of one is looked for both ways, and
/// when two different things are found that way nobody guesses which is meant.
struct Lookup: Sendable {
  let session: Session

  /// Whether a text has the shape of an id: 8-4-4-4-12 hexadecimal digits.
  static func isID(_ text: String) -> Bool {
    let groups = text.split(separator: "-", omittingEmptySubsequences: false)
    return groups.map(\.count) == [8, 4, 4, 4, 12]
      && groups.allSatisfy { $0.allSatisfy { $0.isHexDigit && $0.isASCII } }
  }

  func model(_ text: String) async throws -> Model {
    try await find(text, "model", next: "rollcall models list", id: \.id) {
      var request = GetModelRequest()
      request.modelId = text
      return try await session.catalog.getModel(request, options: session.options).model.unwrapped()
    } byName: {
      var request = ListModelsRequest()
      request.name = text
      request.includeArchived = true
      return try await session.catalog.listModels(request, options: session.options).models
    }
  }

  func variant(_ text: String) async throws -> ModelVariant {
    if Self.isID(text) {
      var request = GetModelVariantRequest()
      request.modelVariantId = text
      return try await session.catalog.getModelVariant(request, options: session.options)
        .modelVariant.unwrapped()
    }
    let parts = try names(text, 2, "MODEL/VARIANT")
    var request = ListModelVariantsRequest()
    request.modelId = try await model(parts[0]).id
    request.name = parts[1]
    request.includeArchived = true
    let found = try await session.catalog.listModelVariants(request, options: session.options)
      .modelVariants
    return try one(found, "variant", text, next: "rollcall models show \(parts[0])")
  }

  func version(_ text: String) async throws -> ModelVersion {
    // A path has slashes and an id has none.
    if Self.isID(text) { return try await version(id: text) }
    let parts = try names(text, 3, "MODEL/VARIANT/VERSION")
    var request = ListModelVersionsRequest()
    request.variantId = try await variant("\(parts[0])/\(parts[1])").id
    request.name = parts[2]
    request.includeArchived = true
    let found = try await session.catalog.listModelVersions(request, options: session.options)
      .modelVersions
    return try one(found, "version", text, next: "rollcall models show \(parts[0])")
  }

  func version(id: String) async throws -> ModelVersion {
    var request = GetModelVersionRequest()
    request.modelVersionId = id
    return try await session.catalog.getModelVersion(request, options: session.options)
      .modelVersion.unwrapped()
  }

  /// A deployment by its id or name. Of those of one name the one that is not over is meant.
  func deployment(_ text: String) async throws -> Deployment {
    try await find(text, "deployment", next: "rollcall deployments list", id: \.id) {
      var request = GetDeploymentRequest()
      request.deploymentId = text
      return try await session.deployments.getDeployment(request, options: session.options)
        .deployment.unwrapped()
    } byName: {
      var request = ListDeploymentsRequest()
      request.name = text
      let found = try await session.deployments.listDeployments(request, options: session.options)
        .deployments
      let current = found.filter { $0.state != .archived && $0.state != .killed }
      // Of those that are over the list begins with the newest.
      return current.isEmpty ? Array(found.prefix(1)) : current
    }
  }

  /// A rollout by its id, or the newest one of a deployment.
  func rollout(_ text: String) async throws -> Rollout {
    var request = GetRolloutRequest()
    request.rolloutId = text
    if Self.isID(text) {
      do {
        return try await session.deployments.getRollout(request, options: session.options).rollout
          .unwrapped()
      } catch let error as RPCError where error.code == .notFound {
        // It may be the id, or the name, of a deployment.
      }
    }
    let deployment = try await deployment(text)
    guard !deployment.latestRolloutId.isEmpty else {
      throw Complaint(
        "deployment \(deployment.name) has had no rollout yet",
        next: "rollcall deployments set-version \(deployment.name) MODEL/VARIANT/VERSION",
        status: .notFound)
    }
    request.rolloutId = deployment.latestRolloutId
    return try await session.deployments.getRollout(request, options: session.options).rollout
      .unwrapped()
  }

  /// A device by its id or by what it calls itself.
  func device(_ text: String) async throws -> Device {
    try await find(text, "device", next: "rollcall devices list", id: \.id) {
      var request = GetDeviceRequest()
      request.deviceId = text
      return try await session.devices.getDevice(request, options: session.options).device
        .unwrapped()
    } byName: {
      var request = ListDevicesRequest()
      request.hardwareId = text
      return try await session.devices.listDevices(request, options: session.options).devices
    }
  }

  /// The id of a key by its id, by its first characters as `keys list` shows them, as many as tell it from others, or by all of it.
  func apiKey(_ text: String) async throws -> String {
    if Self.isID(text) { return text }
    let hint = text.hasSuffix("…") ? String(text.dropLast()) : text
    let keys = try await session.all { token in
      var request = ListApiKeysRequest()
      request.pageSize = Session.pageSize
      request.pageToken = token
      let page = try await session.auth.listApiKeys(request, options: session.options)
      return (page.apiKeys, page.nextPageToken)
    }
    let found = keys.filter { $0.revokedAt == nil && Self.isKey(hint, $0.hint) }
    let key = try one(found, "key", text, next: "rollcall keys list")
    return key.id
  }

  /// Whether a text stands for the key of a hint: its beginning, the hint, or the whole secret.
  static func isKey(_ text: String, _ hint: String) -> Bool {
    !text.isEmpty && (hint.hasPrefix(text) || text.hasPrefix(hint))
  }

  /// A principal by its id or name.
  func principal(_ text: String) async throws -> Principal {
    try await find(text, "principal", next: "rollcall keys list", id: \.id) {
      var request = GetPrincipalRequest()
      request.principalId = text
      return try await session.auth.getPrincipal(request, options: session.options).principal
        .unwrapped()
    } byName: {
      // Few, and the server has no filter by name.
      try await session.all { token in
        var request = ListPrincipalsRequest()
        request.pageSize = Session.pageSize
        request.pageToken = token
        let page = try await session.auth.listPrincipals(request, options: session.options)
        return (page.principals, page.nextPageToken)
      }.filter { $0.name == text }
    }
  }

  /// What has this id or this name.
  private func find<T>(
    _ text: String, _ kind: String, next: String, id: (T) -> String,
    byID: () async throws -> T, byName: () async throws -> [T]
  ) async throws -> T {
    guard !text.isEmpty else {
      throw Complaint("no \(kind) is named by an empty text", next: next, status: .invalid)
    }
    var found = try await byName()
    if Self.isID(text) {
      do {
        let named = try await byID()
        if !found.contains(where: { id($0) == id(named) }) { found.append(named) }
      } catch let error as RPCError where error.code == .notFound {
        // Then only the name can be meant.
      }
    }
    return try one(found, kind, text, next: next)
  }

  private func names(_ text: String, _ count: Int, _ shape: String) throws -> [String] {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard parts.count == count, parts.allSatisfy({ !$0.isEmpty }) else {
      throw Complaint("\"\(text)\" is neither an id nor \(shape)", status: .invalid)
    }
    return parts
  }

  private func one<T>(_ found: [T], _ kind: String, _ text: String, next: String) throws -> T {
    guard let first = found.first else {
      if kind == "model", let slash = text.firstIndex(of: "/") {
        throw Complaint(
          "\"\(text)\" is no model: its variants and versions are shown with it",
          next: "rollcall models show \(text[..<slash])", status: .notFound)
      }
      throw Complaint("there is no \(kind) \"\(text)\"", next: next, status: .notFound)
    }
    guard found.count == 1 else {
      throw Complaint(
        "\(found.count) \(kind)s are meant by \"\(text)\"",
        next: "use the id: \(next) --output json", status: .invalid)
    }
    return first
  }
}

extension Optional {
  /// What an answer must hold; a server that leaves it out is broken.
  func unwrapped() throws -> Wrapped {
    guard let self else {
      throw Complaint("the server's answer lacks its \(Wrapped.self)", status: .failed)
    }
    return self
  }
}
