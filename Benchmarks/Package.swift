// swift-tools-version:6.2
import PackageDescription

// A package of its own: nothing that a benchmark needs enters the graph of those who use Rollcall.

let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
  name: "Benchmarks",
  dependencies: [
    .package(name: "Rollcall", path: ".."),
    .package(url: "https://github.com/apple/swift-protobuf", exact: "1.39.0"),
  ],
  targets: [
    .target(
      name: "BenchAPI",
      dependencies: [.product(name: "RollcallMessages", package: "Rollcall")],
      swiftSettings: settings),
    .executableTarget(
      name: "bench-server",
      dependencies: ["BenchAPI", .product(name: "RollcallServer", package: "Rollcall")],
      swiftSettings: settings),
    .target(
      name: "SwiftProtobufPeer",
      dependencies: [.product(name: "SwiftProtobuf", package: "swift-protobuf")]),
    .executableTarget(
      name: "codec-benchmark", dependencies: ["BenchAPI", "SwiftProtobufPeer"],
      swiftSettings: settings),
    .executableTarget(
      name: "store-bench",
      dependencies: [.product(name: "RollcallStore", package: "Rollcall")],
      swiftSettings: settings),
  ]
)
