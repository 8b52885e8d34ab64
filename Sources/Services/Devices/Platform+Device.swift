internal import API

extension Platform {
  /// The number of a device's platform, which must be known.
  func ofDevice(field: String) throws(ServiceError) -> Int32 {
    switch self {
    case .unspecified:
      throw .invalid(field: field, message: "is required")
    case .unrecognized(let number):
      throw .invalid(field: field, message: "there is no platform \(number)")
    case .ios, .android, .macos, .windows, .linux, .browser, .embedded:
      return rawValue
    }
  }
}
