import Testing

@Suite struct ImportMatrixTests {
  let house: House
  let manifest: Manifest

  init() throws {
    house = House(markdown: try SourceTree.text("ARCHITECTURE.md"))
    manifest = Manifest(text: try SourceTree.text("Package.swift"))
  }

  @Test func `every target with code has a row in the house`() {
    let modules = Set(SourceTree.product.map(\.module))
    #expect(modules.count > 12)
    for module in modules.sorted() {
      #expect(
        house.allowed[module] != nil, "\(module) has no row in ARCHITECTURE.md, \"The house\"")
    }
  }

  @Test(arguments: SourceTree.product)
  func `a file imports only what its row allows`(file: SourceTree.File) {
    guard case .modules(let allowed)? = house.allowed[file.module] else { return }
    for name in file.imports {
      #expect(
        allowed.contains(name),
        "\(file.path) imports \(name); \(file.module) may import \(allowed.sorted().joined(separator: ", "))"
      )
    }
  }

  @Test func `the manifest links only what the house allows`() {
    #expect(manifest.dependencies.count > 12)
    for (target, dependencies) in manifest.dependencies.sorted(by: { $0.key < $1.key }) {
      guard case .modules(let allowed)? = house.allowed[target] else { continue }
      let extra = dependencies.subtracting(allowed)
      #expect(extra.isEmpty, "Package.swift gives \(target) \(extra.sorted()) beyond its row")
    }
  }

  @Test func `each C library is imported by exactly one target`() {
    let cLibraries: Set = ["CNGHTTP2", "CSQLite", "CZlib", "CXGBoost", "CLinux"]
    var importers: [String: Set<String>] = [:]
    for file in SourceTree.product {
      for name in file.imports where cLibraries.contains(name) {
        importers[name, default: []].insert(file.module)
      }
    }
    for (library, modules) in importers.sorted(by: { $0.key < $1.key }) {
      #expect(modules.count == 1, "\(library) is imported by \(modules.sorted())")
    }
  }
}

@Suite struct HouseReadingTests {
  @Test func `a row may name several targets, NIO and everything`() {
    let house = House(
      markdown: """
        ## The house
        | folder | holds | imports |
        |---|---|---|
        | `proto/` | schemas | |
        | `Sources/A`, `B` | two | `C`, NIO |
        | `Sources/D` | pure | stdlib only |
        | `Sources/E` | program | everything |
        ## Seams
        | `Sources/F` | not in the house | |
        """)
    #expect(house.allowed.keys.sorted() == ["A", "B", "D", "E"])
    #expect(house.allowed["B"] == house.allowed["A"])
    #expect(house.allowed["D"] == .modules([]))
    #expect(house.allowed["E"] == .everything)
    let both = House.platformModules.union(House.eventLoopModules).union(["C"])
    #expect(house.allowed["A"] == .modules(both))
  }

  @Test func `a manifest's targets are read with their products`() {
    let manifest = Manifest(
      text: """
        library("A", []),
        library(
          "B",
          ["A", .product(name: "Crypto", package: "swift-crypto")] + nio),
        .executableTarget(
          name: "C", dependencies: ["B", .product(name: "Logging", package: "swift-log")],
          path: "codegen/C", swiftSettings: settings),
        """)
    #expect(manifest.dependencies == ["A": [], "B": ["A", "Crypto"], "C": ["B", "Logging"]])
  }

  @Test(arguments: [
    ("import NIOCore", ["NIOCore"]),
    ("public import RPCCore", ["RPCCore"]),
    ("@testable import rollcall", ["rollcall"]),
    ("@_spi(Codegen) internal import ProtoWire", ["ProtoWire"]),
    ("import struct Foundation.Date", ["Foundation"]),
    ("// an import in a comment", []),
    ("  let text = \"import nothing\"", []),
  ])
  func `an import line is understood`(line: String, expected: [String]) {
    #expect(SourceTree.File(path: "Sources/A/A.swift", lines: [line]).imports == expected)
  }
}
