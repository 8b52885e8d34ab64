import API
import Crypto
import Domain
import Glibc
import ProtoWire
import RPCCore
import Store
import Synchronization
import Testing

@testable import Services

@Suite struct ArtifactTransferTests {
  typealias Methods = CatalogServiceMethods

  static func artifact(_ bytes: [UInt8]) -> API.Artifact {
    .with {
      $0.sha256 = ContentDigest(bytes: SHA256.hash(data: bytes)).hex
      $0.sizeBytes = Int64(bytes.count)
      $0.mediaType = "application/json"
    }
  }

  /// A fixture with a version that waits for its artifact.
  static func fixture(limit: Int64 = 1 << 20) async throws -> (
    ServiceFixture, CatalogService, String
  ) {
    let fixture = try await ServiceFixture(maximumArtifactSize: limit)
    let catalog = CatalogService(rules: fixture.rules, files: fixture.files)
    let model = try await catalog.createModel(
      .with { $0.model = .with { $0.name = "fraud" } },
      context: try fixture.admin(Methods.createModel.erased))
    let variant = try await catalog.createModelVariant(
      .with {
        $0.modelVariant = .with {
          $0.modelId = model.model?.id ?? ""
          $0.name = "phone"
          $0.capability = "fraud-score"
        }
      }, context: try fixture.admin(Methods.createModelVariant.erased))
    let version = try await newVersion(fixture, catalog, variant.modelVariant?.id ?? "", "1")
    return (fixture, catalog, version)
  }

  static func newVersion(
    _ fixture: ServiceFixture, _ catalog: CatalogService, _ variant: String, _ name: String
  ) async throws -> String {
    let response = try await catalog.createModelVersion(
      .with {
        $0.modelVersion = .with {
          $0.variantId = variant
          $0.name = name
        }
      }, context: try fixture.admin(Methods.createModelVersion.erased))
    return response.modelVersion?.id ?? ""
  }

  static func upload(
    _ fixture: ServiceFixture, _ catalog: CatalogService, _ version: String, _ bytes: [UInt8],
    announced: API.Artifact? = nil, validateOnly: Bool = false, chunk: Int = 1_000,
    requestID: String = "", etag: String = ""
  ) async throws -> UploadArtifactResponse {
    var parts: [UploadArtifactRequest] = [
      .with {
        $0.part = .header(
          .with {
            $0.modelVersionId = version
            $0.artifact = announced ?? artifact(bytes)
            $0.validateOnly = validateOnly
            $0.requestId = requestID
            $0.etag = etag
          })
      }
    ]
    for start in stride(from: 0, to: bytes.count, by: chunk) {
      parts.append(
        .with { $0.part = .data(Array(bytes[start..<min(bytes.count, start + chunk)])) })
    }
    return try await catalog.uploadArtifact(
      RequestStream(parts), context: try fixture.admin(Methods.uploadArtifact.erased))
  }

  /// The header, the bytes and the digest of the trailers.
  static func download(
    _ fixture: ServiceFixture, _ catalog: CatalogService, _ version: String, offset: Int64
  ) async throws -> (DownloadArtifactResponse.Header?, [UInt8], String?) {
    let received = Mutex<(header: DownloadArtifactResponse.Header?, bytes: [UInt8])>((nil, []))
    let context = try fixture.admin(Methods.downloadArtifact.erased)
    try await catalog.downloadArtifact(
      .with {
        $0.modelVersionId = version
        $0.offset = offset
      },
      responses: ResponseStream { response in
        received.withLock { received in
          switch response.part {
          case .header(let header)?: received.header = header
          case .data(let bytes)?: received.bytes += bytes
          case nil: Issue.record("a message without a part")
          }
        }
      }, context: context)
    let result = received.withLock { $0 }
    return (result.header, result.bytes, context.trailingMetadata["rollcall-artifact-sha256"])
  }

  @Test(
    "What was uploaded downloads from every offset, with its digest in the trailers",
    arguments: [1, 65_535, 65_536, 65_537, 300_000])
  func roundTrip(size: Int) async throws {
    let (fixture, catalog, version) = try await Self.fixture()
    let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    let uploaded = try await Self.upload(fixture, catalog, version, bytes, chunk: 100_000)
    #expect(uploaded.modelVersion?.state == .ready)
    #expect(uploaded.modelVersion?.artifact == Self.artifact(bytes))
    #expect(!uploaded.deduplicated)
    for offset in Set([0, 1, size / 2, size - 1, size]) {
      let (header, rest, digest) = try await Self.download(
        fixture, catalog, version, offset: Int64(offset))
      #expect(header?.artifact == Self.artifact(bytes))
      #expect(header?.offset == Int64(offset))
      #expect(rest == Array(bytes[offset...]))
      #expect(digest == Self.artifact(bytes).sha256)
    }
    for offset in [Int64(size) + 1, .max] {
      let error = await refusal {
        _ = try await Self.download(fixture, catalog, version, offset: offset)
      }
      #expect(error?.code == .outOfRange)
      #expect(error?.reason == "OFFSET_BEYOND_END")
    }
    let negative = await refusal {
      _ = try await Self.download(fixture, catalog, version, offset: -1)
    }
    #expect(negative?.field == "offset")
  }

  @Test func `bytes that are not what was announced leave nothing behind`() async throws {
    let (fixture, catalog, version) = try await Self.fixture()
    var wrongSize = Self.artifact([1, 2, 3])
    wrongSize.sizeBytes = 4
    for announced in [Self.artifact([1, 2, 4]), wrongSize, Self.artifact([1, 2])] {
      let error = await refusal {
        _ = try await Self.upload(fixture, catalog, version, [1, 2, 3], announced: announced)
      }
      #expect(error?.code == .invalidArgument)
      #expect(error?.reason == "ARTIFACT_MISMATCH")
    }
    let missing = await refusal {
      _ = try await Self.download(fixture, catalog, version, offset: 0)
    }
    #expect(missing?.reason == "ARTIFACT_MISSING")
    #expect(
      try await Self.upload(fixture, catalog, version, [1, 2, 3]).modelVersion?.state == .ready)
  }

  @Test func `an artifact is never replaced; the same one changes nothing`() async throws {
    let (fixture, catalog, version) = try await Self.fixture()
    let first = try await Self.upload(fixture, catalog, version, [1, 2, 3])
    let revision = try fixture.revision()
    let again = try await Self.upload(fixture, catalog, version, [1, 2, 3])
    #expect(again.deduplicated)
    #expect(again.modelVersion == first.modelVersion)
    #expect(try fixture.revision() == revision)
    let other = await refusal {
      _ = try await Self.upload(fixture, catalog, version, [4])
    }
    #expect(other?.code == .failedPrecondition)
    #expect(other?.reason == "ARTIFACT_IMMUTABLE")
    let deleted = await refusal {
      _ = try await catalog.deleteModelVersion(
        .with { $0.modelVersionId = version },
        context: try fixture.admin(Methods.deleteModelVersion.erased))
    }
    #expect(deleted?.reason == "RESOURCE_IN_USE")
  }

  @Test(arguments: [nil, [UInt8](), [1, 2]] as [[UInt8]?])
  func `bytes that were lost are uploaded again`(left: [UInt8]?) async throws {
    let (fixture, catalog, version) = try await Self.fixture()
    let first = try await Self.upload(fixture, catalog, version, [1, 2, 3])
    let digest = try #require(first.modelVersion?.artifact).sha256
    let path = "\(fixture.path)/artifacts/\(digest.prefix(2))/\(digest)"
    func audit() throws -> ArtifactAudit {
      try fixture.store.read { try ArtifactAudit(data: fixture.path, $0) }
    }
    #expect(try audit().missing.isEmpty)
    #expect(try audit().strays.isEmpty)
    if let left {
      #expect(truncate(path, off_t(left.count)) == 0)
    } else {
      #expect(unlink(path) == 0)
      #expect(try audit().missing.map(\.hex) == [digest])
    }
    let lost = await refusal {
      _ = try await Self.download(fixture, catalog, version, offset: 0)
    }
    #expect(lost?.code == .dataLoss)
    let revision = try fixture.revision()
    // A dry run restores nothing.
    _ = try await Self.upload(fixture, catalog, version, [1, 2, 3], validateOnly: true)
    #expect(
      await refusal { _ = try await Self.download(fixture, catalog, version, offset: 0) } != nil)
    let again = try await Self.upload(fixture, catalog, version, [1, 2, 3])
    #expect(!again.deduplicated)
    #expect(again.modelVersion == first.modelVersion)
    #expect(try fixture.revision() == revision)
    #expect(try await Self.download(fixture, catalog, version, offset: 0).1 == [1, 2, 3])
    #expect(try audit().missing.isEmpty)
    #expect(try await Self.upload(fixture, catalog, version, [1, 2, 3]).deduplicated)
  }

  @Test func `a second version of an org with the same bytes shares them`() async throws {
    let (fixture, catalog, version) = try await Self.fixture()
    let first = try await Self.upload(fixture, catalog, version, [1, 2, 3])
    let second = try await Self.newVersion(
      fixture, catalog, first.modelVersion?.variantId ?? "", "2")
    #expect(try await Self.upload(fixture, catalog, second, [1, 2, 3]).deduplicated)
  }

  @Test func `a dry run checks the header and stores nothing`() async throws {
    let (fixture, catalog, version) = try await Self.fixture()
    let dry = try await Self.upload(fixture, catalog, version, [1, 2, 3], validateOnly: true)
    #expect(dry.modelVersion?.state == .ready)
    let read = try await catalog.getModelVersion(
      .with { $0.modelVersionId = version },
      context: try fixture.admin(Methods.getModelVersion.erased))
    #expect(read.modelVersion?.state == .awaitingArtifact)
  }

  @Test(
    "A size beyond the limit is refused before its bytes are received",
    arguments: [(10, true), (11, false)])
  func limit(size: Int, isAccepted: Bool) async throws {
    let (fixture, catalog, version) = try await Self.fixture(limit: 10)
    let bytes = [UInt8](repeating: 1, count: size)
    if isAccepted {
      #expect(try await Self.upload(fixture, catalog, version, bytes).modelVersion?.state == .ready)
    } else {
      let error = await refusal {
        _ = try await Self.upload(fixture, catalog, version, [], announced: Self.artifact(bytes))
      }
      #expect(error?.code == .resourceExhausted)
      #expect(error?.reason == "ARTIFACT_TOO_LARGE")
    }
  }

  @Test(
    "The header comes first, once, and complete",
    arguments: ["none", "data first", "two headers", "no digest", "no size"])
  func headers(shape: String) async throws {
    let (fixture, catalog, version) = try await Self.fixture()
    let header = UploadArtifactRequest.with {
      $0.part = .header(
        .with {
          $0.modelVersionId = version
          $0.artifact = Self.artifact([1])
          if shape == "no digest" { $0.artifact?.sha256 = "" }
          if shape == "no size" { $0.artifact?.sizeBytes = 0 }
        })
    }
    let data = UploadArtifactRequest.with { $0.part = .data([1]) }
    let parts: [UploadArtifactRequest] =
      switch shape {
      case "none": []
      case "data first": [data, header]
      case "two headers": [header, header, data]
      default: [header, data]
      }
    let error = await refusal {
      _ = try await catalog.uploadArtifact(
        RequestStream(parts), context: try fixture.admin(Methods.uploadArtifact.erased))
    }
    #expect(error?.code == .invalidArgument)
    #expect(error?.reason == "INVALID_FIELD")
  }

  @Test func `a repeated upload with its etag is answered with the first response`() async throws {
    let (fixture, catalog, version) = try await Self.fixture()
    let etag = try #require(
      try await catalog.getModelVersion(
        .with { $0.modelVersionId = version },
        context: try fixture.admin(Methods.getModelVersion.erased)
      ).modelVersion
    ).etag
    func upload(_ id: String, _ etag: String) async throws -> UploadArtifactResponse {
      try await Self.upload(fixture, catalog, version, [1, 2], requestID: id, etag: etag)
    }
    let early = await refusal { _ = try await upload("r0", "1") }
    #expect(early?.reason == "ETAG_MISMATCH")
    let first = try await upload("r1", etag)
    #expect(first.modelVersion?.etag != etag)
    #expect(try await upload("r1", etag) == first)
    let stale = await refusal { _ = try await upload("r2", etag) }
    #expect(stale?.code == .aborted)
    #expect(stale?.reason == "ETAG_MISMATCH")
    let current = try await upload("r2", first.modelVersion?.etag ?? "")
    #expect(current.deduplicated)
  }

  @Test func `bytes whose upload is refused in the end are not kept`() async throws {
    let (fixture, catalog, version) = try await Self.fixture()
    let variant = try #require(
      try await catalog.getModelVersion(
        .with { $0.modelVersionId = version },
        context: try fixture.admin(Methods.getModelVersion.erased)
      ).modelVersion
    ).variantId
    let second = try await Self.newVersion(fixture, catalog, variant, "2")
    _ = try await Self.upload(fixture, catalog, version, [1, 2], requestID: "r1")
    func isKept(_ bytes: [UInt8]) async throws -> Bool {
      do {
        _ = try await fixture.files.open(try Domain.Artifact(Self.artifact(bytes), field: ""))
        return true
      } catch ArtifactError.missing {
        return false
      }
    }
    // The request id is looked at in the change alone, after the bytes have come.
    for bytes: [UInt8] in [[3, 4], [1, 2]] {
      let refused = await refusal {
        _ = try await Self.upload(fixture, catalog, second, bytes, requestID: "r1")
      }
      #expect(refused?.reason == "REQUEST_ID_REUSED")
    }
    #expect(try await !isKept([3, 4]))
    #expect(try await isKept([1, 2]))
  }
}
