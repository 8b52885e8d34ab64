import API
import RPCCore

/// Finds resources by what people type: an id, or a name.
///
/// Models are `NAME`, variants `MODEL/VARIANT`, versions `MODEL/VARIANT/VERSION`, deployments `NAME`; every one may be
/// its id instead.
struct Lookup: Sendable {
  let session: Session

  /// Whether a text has the shape of an id: 8-4-4-4-12 hexadecimal digits.
  static func isID(_ text: String) -> Bool {
    let groups = text.split(separator: "-", omittingEmptySubsequences: false)
    return groups.map(\.count) == [8, 4, 4, 4, 12]
      && groups.allSatisfy { $0.allSatisfy { $0.isHexDigit && $0.isASCII } }
  }

  func model(_ text: String) async throws -> Model {
    if Self.isID(text) {
      var request = GetModelRequest()
      request.modelId = text
      return try await session.catalog.getModel(request, options: session.options).model.unwrapped()
    }
    var request = ListModelsRequest()
    request.name = text
    request.includeArchived = true
    let found = try await session.catalog.listModels(request, options: session.options).models
    return try one(found, "model", text, next: "rollcall models list")
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
    if Self.isID(text) {
      var request = GetModelVersionRequest()
      request.modelVersionId = text
      return try await session.catalog.getModelVersion(request, options: session.options)
        .modelVersion.unwrapped()
    }
    let parts = try names(text, 3, "MODEL/VARIANT/VERSION")
    var request = ListModelVersionsRequest()
    request.variantId = try await variant("\(parts[0])/\(parts[1])").id
    request.name = parts[2]
    request.includeArchived = true
    let found = try await session.catalog.listModelVersions(request, options: session.options)
      .modelVersions
    return try one(found, "version", text, next: "rollcall models show \(parts[0])")
  }

  func deployment(_ text: String) async throws -> Deployment {
    if Self.isID(text) {
      var request = GetDeploymentRequest()
      request.deploymentId = text
      return try await session.deployments.getDeployment(request, options: session.options)
        .deployment.unwrapped()
    }
    var found: [Deployment] = []
    var request = ListDeploymentsRequest()
    request.pageSize = 200
    repeat {
      let page = try await session.deployments.listDeployments(request, options: session.options)
      found += page.deployments.filter { $0.name == text }
      request.pageToken = page.nextPageToken
    } while !request.pageToken.isEmpty
    return try one(found, "deployment", text, next: "rollcall deployments list")
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
        // It may be the id of a deployment.
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
    if Self.isID(text) {
      var request = GetDeviceRequest()
      request.deviceId = text
      return try await session.devices.getDevice(request, options: session.options).device
        .unwrapped()
    }
    var request = ListDevicesRequest()
    request.hardwareId = text
    let found = try await session.devices.listDevices(request, options: session.options).devices
    return try one(found, "device", text, next: "rollcall devices list")
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
      throw Complaint("there is no \(kind) \"\(text)\"", next: next, status: .notFound)
    }
    guard found.count == 1 else {
      throw Complaint(
        "\(found.count) \(kind)s are called \"\(text)\"", next: "use the id: \(next)",
        status: .invalid)
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
