import API
import ArgumentParser

/// A platform by its name: "ios", "android", "linux" …
struct PlatformArgument: ExpressibleByArgument, Equatable, Sendable {
  let platform: Platform

  init?(argument: String) {
    guard let platform = Platform(protoName: "PLATFORM_" + argument.uppercased()),
      platform != .unspecified
    else { return nil }
    self.platform = platform
  }

  static let allValueStrings = [
    "ios", "android", "macos", "windows", "linux", "browser", "embedded",
  ]
}
