// swift-tools-version:6.2
import PackageDescription

#if canImport(Foundation)
  import Foundation
#endif

/// In CI every warning of this package is an error; a checkout that somebody depends on stays lenient.
let strict = ProcessInfo.processInfo.environment["CI"] != nil

let settings: [SwiftSetting] =
  [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
  ] + (strict ? [.treatAllWarnings(as: .error)] : [])

let nio = [
  Target.Dependency.product(name: "NIOCore", package: "swift-nio"),
  .product(name: "NIOPosix", package: "swift-nio"),
]

func library(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

func tests(
  _ name: String, _ dependencies: [Target.Dependency], exclude: [String] = [],
  resources: [Resource] = []
) -> Target {
  .testTarget(
    name: name, dependencies: dependencies, exclude: exclude, resources: resources,
    swiftSettings: settings)
}

let package = Package(
  name: "Rollcall",
  products: [
    .executable(name: "rollcall", targets: ["rollcall"]),
    .executable(name: "protoc-gen-rollcall", targets: ["protoc-gen-rollcall"]),
    // For those who build their own services on our codegen and runtime. Messages, descriptors and clients
    // against an abstract channel need no network.
    .library(name: "RollcallMessages", targets: ["RPCCore", "ProtoWire"]),
    .library(
      name: "RollcallServer", targets: ["RPCServer", "RPCCore", "ProtoWire", "StandardProtos"]),
    .library(
      name: "RollcallClient", targets: ["RPCClient", "RPCCore", "ProtoWire", "StandardProtos"]),
    // The embedded store, for the benchmarks.
    .library(name: "RollcallStore", targets: ["Store", "SQL"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
  ],
  targets: [
    .systemLibrary(
      name: "CNGHTTP2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),
    .systemLibrary(name: "CLinux"),
    .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
    .systemLibrary(
      name: "CXGBoost", pkgConfig: "xgboost", providers: [.apt(["libxgboost-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),

    library("ProtoWire", []),
    .executableTarget(
      name: "protoc-gen-rollcall", dependencies: ["ProtoWire"],
      path: "codegen/protoc-gen-rollcall", swiftSettings: settings),
    library("RPCCore", ["ProtoWire"]),
    library("StandardProtos", ["RPCCore", "ProtoWire"]),
    library("Framing", ["RPCCore", "CZlib"]),
    library("HTTP2", ["RPCCore", "CNGHTTP2"]),
    library(
      "Transport",
      [
        "HTTP2", "Framing", "RPCCore", .product(name: "NIOSSL", package: "swift-nio-ssl"),
        .product(name: "NIOTLS", package: "swift-nio"),
      ] + nio),
    library(
      "RPCServer",
      [
        "Transport", "Framing", "HTTP2", "RPCCore", "ProtoWire", "StandardProtos",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
      ] + nio),
    library(
      "RPCClient",
      [
        "Transport", "Framing", "HTTP2", "RPCCore", "ProtoWire",
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
      ] + nio),

    library("API", ["RPCCore", "ProtoWire"]),
    library("Domain", []),
    library("SQL", ["CSQLite"]),
    library("Store", ["SQL", "Domain", .product(name: "Crypto", package: "swift-crypto")]),
    library(
      "Services",
      [
        "API", "Domain", "Store", "RPCCore", "ProtoWire",
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "Logging", package: "swift-log"),
      ]),
    library("Automator", ["Domain", "Store", .product(name: "Logging", package: "swift-log")]),
    .executableTarget(
      name: "rollcall",
      dependencies: [
        "API", "Automator", "Services", "Store", "RPCServer", "RPCClient", "RPCCore", "ProtoWire",
        "CLinux", "CXGBoost", "Domain", "Transport",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
      ],
      exclude: ["DemoData/train.py", "DemoData/requirements.txt"],
      resources: [
        .copy("DemoData")
      ], swiftSettings: settings),

    tests("ProtoWireTests", ["ProtoWire"]),
    tests("CodegenTests", ["ProtoWire", "RPCCore", "protoc-gen-rollcall"], exclude: ["Fixtures"]),
    tests("RPCCoreTests", ["RPCCore", "ProtoWire"]),
    tests("FramingTests", ["Framing", "RPCCore"]),
    tests("HTTP2Tests", ["HTTP2", "RPCCore"]),
    tests(
      "RPCServerTests",
      [
        "RPCServer", "RPCCore", "Framing", "HTTP2", "Transport", "ProtoWire", "StandardProtos",
        .product(name: "NIOEmbedded", package: "swift-nio"),
        .product(name: "Logging", package: "swift-log"),
      ] + nio),
    tests(
      "RPCClientTests",
      ["RPCClient", "RPCServer", "RPCCore", "Transport", "ProtoWire", "StandardProtos"] + nio),
    tests("DomainTests", ["Domain"]),
    tests("SQLTests", ["SQL"]),
    tests(
      "StoreTests",
      [
        "Store", "SQL", "Domain", "store-crash-child",
        .product(name: "Crypto", package: "swift-crypto"),
      ]),
    .executableTarget(
      name: "store-crash-child", dependencies: ["Store"], path: "Tests/StoreCrashChild",
      swiftSettings: settings),
    tests(
      "ServicesTests",
      [
        "Services", "API", "Store", "SQL", "Domain", "RPCCore", "ProtoWire",
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "Logging", package: "swift-log"),
      ]),
    tests(
      "AutomatorTests",
      ["Automator", "Store", "Domain", .product(name: "Logging", package: "swift-log")]),
    tests(
      "RollcallTests", ["rollcall", "API", "RPCCore", "ProtoWire", "Transport"],
      resources: [.copy("Fixtures")]),
    tests("ArchitectureTests", []),
  ]
)
