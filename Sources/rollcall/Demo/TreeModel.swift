import CXGBoost

/// An XGBoost model as a device of the demo runs it: loaded from an artifact's bytes, asked row by row.
///
/// Not `Sendable`: a booster is used by one device at a time, as the library demands.
final class TreeModel {
  /// What the library said, in its words without its stack trace.
  struct Failure: Error, Equatable, CustomStringConvertible {
    let description: String
  }

  private let booster: BoosterHandle

  /// Loads an artifact. Throws when the library does not take it.
  init(artifact: [UInt8]) throws(Failure) {
    var handle: BoosterHandle?
    try Self.check(XGBoosterCreate(nil, 0, &handle))
    guard let handle else { throw Failure(description: "the library gave no booster") }
    // From here on `deinit` frees it, also when what follows throws.
    booster = handle
    // A device has one core to spare, and predictions of one row gain nothing from more.
    try Self.check(XGBoosterSetParam(handle, "nthread", "1"))
    try Self.check(XGBoosterSetParam(handle, "verbosity", "0"))
    try Self.check(
      artifact.withUnsafeBytes {
        XGBoosterLoadModelFromBuffer(handle, $0.baseAddress, bst_ulong($0.count))
      })
  }

  deinit { XGBoosterFree(booster) }

  /// The probability of label 1 for one row of measurements. Throws when the model was not made for such a row.
  func predict(_ row: [Float]) throws(Failure) -> Float {
    let settings =
      #"{"type":0,"training":false,"iteration_begin":0,"iteration_end":0,"strict_shape":false,"#
      + #""missing":NaN,"cache_id":0}"#
    var result: Float?
    let code = row.withUnsafeBufferPointer { values -> Int32 in
      let address = UInt(bitPattern: values.baseAddress)
      let matrix =
        #"{"data":[\#(address),true],"shape":[1,\#(values.count)],"typestr":"<f4","version":3}"#
      var shape: UnsafePointer<bst_ulong>?
      var dimensions: bst_ulong = 0
      var output: UnsafePointer<Float>?
      let code = XGBoosterPredictFromDense(
        booster, matrix, settings, nil, &shape, &dimensions, &output)
      // The library keeps the buffer until the next call: copied here.
      if code == 0 { result = output?.pointee }
      return code
    }
    try Self.check(code)
    guard let result else { throw Failure(description: "the model answered with nothing") }
    return result
  }

  private static func check(_ code: Int32) throws(Failure) {
    guard code != 0 else { return }
    throw Failure(description: firstSentence(of: String(cString: XGBGetLastError())))
  }

  /// "[12:00:00] ./src/x.cc:12: Check failed: a == b (1 vs. 2) : Why.\nStack trace: …" → "Check failed: … Why."
  static func firstSentence(of message: String) -> String {
    let line = message.split(separator: "\n").first.map(String.init) ?? message
    let parts = line.split(separator: ": ", maxSplits: 1)
    guard line.hasPrefix("["), parts.count == 2 else { return line }
    return String(parts[1])
  }
}
