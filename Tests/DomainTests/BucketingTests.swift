import Domain
import Testing

@Suite struct BucketingTests {
  /// Small, seeded, and not the system's: the tables must not change from run to run.
  struct Generator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state &+= 0x9e37_79b9_7f4a_7c15
      var z = state
      z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
      z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
      return z ^ (z >> 31)
    }
  }

  @Test(
    arguments: [
      ([], 0x726f_db47_dd0e_0e31), ([0], 0x74f8_39c5_93dc_67fd),
      (Array(0...14), 0xa129_ca61_49be_45e5),
    ] as [([UInt8], UInt64)])
  func `SipHash gives the published values`(message: [UInt8], expected: UInt64) {
    #expect(
      SipHash.hash(message, key0: 0x0706_0504_0302_0100, key1: 0x0f0e_0d0c_0b0a_0908) == expected)
  }

  @Test(arguments: [("", 447_019), ("d1", 358_779), ("d2", 687_547)] as [(String, Int32)])
  func `a device's bucket is the documented one`(device: String, bucket: Int32) {
    #expect(Bucketing.bucket(of: DeviceID(device), salt: Sample.salt) == bucket)
  }

  @Test(
    arguments: [
      (0, 0), (1 << 63, 500_000), (.max, 999_999), (18_446_744_073_709, 0),
      (18_446_744_073_710, 1),
    ] as [(UInt64, Int32)])
  func `a hash is scaled, not divided`(hash: UInt64, bucket: Int32) {
    #expect(Bucketing.reduce(hash) == bucket)
  }

  @Test(
    arguments: [
      (0, 0, false), (49_999, 50_000, true), (50_000, 50_000, false), (999_999, 1_000_000, true),
      (999_999, 999_999, false),
    ] as [(Int32, Int64, Bool)])
  func `a cohort ends below the exposure`(bucket: Int32, exposure: Int64, expected: Bool) {
    #expect(
      Bucketing.contains(bucket: bucket, exposure: Sample.exposure(exposure)) == expected)
  }

  @Test(arguments: [1, 2, 3] as [UInt64])
  func `buckets are uniform by chi-square, also for consecutive ids`(seed: UInt64) {
    var generator = Generator(state: seed)
    let salt = RolloutSalt(using: &generator)
    var cells = [Int](repeating: 0, count: 100)
    let devices = 200_000
    for index in 0..<devices {
      cells[Int(Bucketing.bucket(of: DeviceID("device-\(index)"), salt: salt)) / 10_000] += 1
    }
    let expected = Double(devices) / 100
    let statistic = cells.reduce(0.0) {
      $0 + (Double($1) - expected) * (Double($1) - expected) / expected
    }
    // Chi-square with 99 degrees of freedom: 0.0005 and 0.9995 quantiles, so that neither clumps nor a too even spread pass.
    #expect((56.0...154.0).contains(statistic), "χ² = \(statistic)")
  }

  @Test func `a cohort contains every smaller cohort and grows by the exposure`() {
    let devices = (0..<20_000).map { DeviceID("d\($0)") }
    var previous: Set<DeviceID> = []
    for exposure in [0, 1, 10_000, 50_000, 250_000, 999_999, 1_000_000] as [Int64] {
      let cohort = Set(
        devices.filter {
          Bucketing.contains(
            bucket: Bucketing.bucket(of: $0, salt: Sample.salt),
            exposure: Sample.exposure(exposure))
        })
      #expect(previous.isSubset(of: cohort))
      let share = Double(cohort.count) / Double(devices.count)
      #expect(abs(share - Double(exposure) / 1_000_000) < 0.015)
      previous = cohort
    }
    #expect(previous.count == devices.count)
  }

  @Test func `another salt makes an independent cohort`() {
    var generator = Generator(state: 7)
    let (first, second) = (RolloutSalt(using: &generator), RolloutSalt(using: &generator))
    let both = (0..<20_000).filter {
      let device = DeviceID("d\($0)")
      return Bucketing.bucket(of: device, salt: first) < 250_000
        && Bucketing.bucket(of: device, salt: second) < 250_000
    }.count
    // Independent: 1/16 of 20,000 = 1250, standard deviation 34.
    #expect((1_080...1_420).contains(both), "\(both)")
  }

  @Test func `a salt survives its text and nothing else is one`() {
    let salt = RolloutSalt(low: 1, high: 0xabc)
    #expect(salt.text == "0000000000000abc0000000000000001")
    #expect(RolloutSalt(text: salt.text) == salt)
    for text in ["", "0", salt.text.uppercased(), salt.text + "0", "+" + salt.text.dropFirst()] {
      #expect(RolloutSalt(text: text) == nil)
    }
  }
}
