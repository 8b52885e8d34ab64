// swift-tools-version:6.2
import PackageDescription

// Programs that suites written by others drive. A package of its own, because their schemas are not part of
// this repository: conformance.sh and interop.sh generate them into folders that git ignores.

let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
  name: "Conformance",
  dependencies: [.package(name: "Rollcall", path: "../..")],
  targets: [
    .executableTarget(
      name: "conformance-testee",
      dependencies: [.product(name: "RollcallMessages", package: "Rollcall")],
      swiftSettings: settings),
    .executableTarget(
      name: "interop-server",
      dependencies: [.product(name: "RollcallServer", package: "Rollcall")],
      swiftSettings: settings),
    .executableTarget(
      name: "interop-client",
      dependencies: [.product(name: "RollcallClient", package: "Rollcall")],
      swiftSettings: settings),
  ]
)
