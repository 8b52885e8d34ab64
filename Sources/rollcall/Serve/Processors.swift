import CLinux
import Glibc

/// What the process may run on.
enum Processors {
  /// How many processors there are for this process: those that it is pinned to (`taskset`, a container's cpuset), else all. At
  /// least 1.
  static var usable: Int {
    // Room for 8,192; the kernel refuses a set that is smaller than its own.
    var set = [UInt8](repeating: 0, count: 1024)
    let written = set.withUnsafeMutableBytes { clinux_getaffinity($0.baseAddress, UInt(1024)) }
    guard written > 0 else { return max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }
    return max(1, set.prefix(written).reduce(0) { $0 + $1.nonzeroBitCount })
  }
}
