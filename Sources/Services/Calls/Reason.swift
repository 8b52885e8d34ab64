/// What programs branch on: the `reason` of the one ErrorInfo every error carries. Its domain is
/// "rollcall". Reasons are part of the API: they are added to, never renamed.
public enum Reason: String, Sendable, Hashable, CaseIterable {
  // UNAUTHENTICATED
  case apiKeyMissing = "API_KEY_MISSING"
  case apiKeyInvalid = "API_KEY_INVALID"
  // PERMISSION_DENIED
  case roleMissing = "ROLE_MISSING"
  // INVALID_ARGUMENT
  case invalidField = "INVALID_FIELD"
  case invalidPageToken = "INVALID_PAGE_TOKEN"
  case artifactMismatch = "ARTIFACT_MISMATCH"
  // NOT_FOUND
  case notFound = "RESOURCE_NOT_FOUND"
  // ALREADY_EXISTS
  case alreadyExists = "RESOURCE_EXISTS"
  case requestIDReused = "REQUEST_ID_REUSED"
  // ABORTED
  case etagMismatch = "ETAG_MISMATCH"
  case connectionReplaced = "CONNECTION_REPLACED"
  // FAILED_PRECONDITION
  case illegalTransition = "ILLEGAL_TRANSITION"
  case resourceArchived = "RESOURCE_ARCHIVED"
  case resourceDisabled = "RESOURCE_DISABLED"
  case resourceInUse = "RESOURCE_IN_USE"
  case lastAdmin = "LAST_ADMIN"
  case artifactMissing = "ARTIFACT_MISSING"
  case artifactImmutable = "ARTIFACT_IMMUTABLE"
  case groupInUse = "GROUP_IN_USE"
  case rolloutProgressing = "ROLLOUT_PROGRESSING"
  case exposureRegression = "EXPOSURE_REGRESSION"
  case noRollout = "NO_ROLLOUT"
  case noVersion = "NO_VERSION"
  // OUT_OF_RANGE
  case offsetBeyondEnd = "OFFSET_BEYOND_END"
  case revisionCompacted = "REVISION_COMPACTED"
  case revisionInFuture = "REVISION_IN_FUTURE"
  // RESOURCE_EXHAUSTED
  case storageFull = "STORAGE_FULL"
  case overloaded = "OVERLOADED"
  case rateLimited = "RATE_LIMITED"
  case artifactTooLarge = "ARTIFACT_TOO_LARGE"
  // DATA_LOSS
  case artifactLost = "ARTIFACT_LOST"
  // CANCELLED, UNAVAILABLE, INTERNAL
  case cancelled = "CANCELLED"
  case shuttingDown = "SHUTTING_DOWN"
  case storageLocked = "STORAGE_LOCKED"
  case internalError = "INTERNAL"
}

/// The kinds of resources that errors, events and filters name.
public enum ResourceKind: String, Sendable, Hashable, CaseIterable {
  case org
  case principal
  case apiKey = "api_key"
  case model
  case modelVariant = "model_variant"
  case modelVersion = "model_version"
  case device
  case deviceGroup = "device_group"
  case deployment
  case rollout
  case pin

  /// The type of ResourceInfo: the message of the API.
  public var messageName: String {
    switch self {
    case .org: "rollcall.v1.Org"
    case .principal: "rollcall.v1.Principal"
    case .apiKey: "rollcall.v1.ApiKey"
    case .model: "rollcall.v1.Model"
    case .modelVariant: "rollcall.v1.ModelVariant"
    case .modelVersion: "rollcall.v1.ModelVersion"
    case .device: "rollcall.v1.Device"
    case .deviceGroup: "rollcall.v1.DeviceGroup"
    case .deployment: "rollcall.v1.Deployment"
    case .rollout: "rollcall.v1.Rollout"
    case .pin: "rollcall.v1.DevicePin"
    }
  }

  /// For sentences.
  public var noun: String {
    switch self {
    case .apiKey: "API key"
    case .modelVariant: "model variant"
    case .modelVersion: "model version"
    case .deviceGroup: "device group"
    case .org, .principal, .model, .device, .deployment, .rollout, .pin: rawValue
    }
  }
}
