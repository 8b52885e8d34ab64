import ArgumentParser
import Glibc
import Store
import Synchronization

/// `rollcall backup`: on the server's machine, beside the server or without one.
struct BackupCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "backup",
    abstract: "Copy the data folder while the server goes on, and check copies.",
    subcommands: [Make.self, Verify.self], defaultSubcommand: Make.self)

  struct Make: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "make", abstract: "Make a backup; the command when none is named.",
      usage: "rollcall backup [make] [<options>] --to <to>",
      discussion: """
        Run it on the server's machine, as the server's user. The server may go on: whatever it had acknowledged before is in the \
        backup. Databases and artifacts are copied, read back and verified, and the folder appears when all is on disk, or not at all; \
        it is closed to other users. Keys that clients hold stay valid after a restoration; admin.key is not in the backup.

        While a database is copied its log grows by what is written meanwhile; the log is begun anew afterwards.
        """)

    @Option(help: "The server's data folder.", completion: .directory)
    var data = "./data"

    @Option(help: "Folder of the backup: not there yet, or empty.", completion: .directory)
    var to: String

    @Option(help: "MiB by which a database's log may grow before the backup gives up.")
    var logLimit = 1_024

    @Flag(help: "Go on without artifacts that the data folder has lost; the manifest names them.")
    var withoutLost = false

    func validate() throws {
      guard (1...1 << 20).contains(logLimit) else {
        throw ValidationError("--log-limit \(logLimit) is not between 1 and 1048576 MiB")
      }
    }

    func run() throws {
      var options = Backup.Options()
      options.logLimit = Int64(logLimit) << 20
      options.leavesOutLost = withoutLost
      options.program = Rollcall.version
      // Commits come first.
      _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 10)
      let manifest = try Interruption.whileWatched { onStep in
        try Backup.make(of: data, to: to, options, onStep: onStep)
      }
      try Terminal.shared.line("\(to) \(BackupCommand.sentence(manifest))")
    }
  }

  struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "verify",
      abstract: "Read a backup and say whether all of it is as it was written.",
      discussion: """
        Sizes and digests of all files, the structure of the databases, the chains of the event log, and that no artifact of a version \
        is missing. Nothing is changed.
        """)

    @Argument(help: "Folder of the backup.", completion: .directory)
    var backup: String

    func run() throws {
      let manifest = try Interruption.whileWatched { onStep in
        try Backup.verify(backup, onStep: onStep)
      }
      try Terminal.shared.line("\(backup) \(BackupCommand.sentence(manifest)), intact")
    }
  }

  /// "has revision 12, 3 artifacts, 4.1 MB".
  static func sentence(_ manifest: BackupManifest) -> String {
    let count = manifest.artifacts.count
    let artifacts = count == 1 ? "1 artifact" : "\(Figures.grouped(Int64(count))) artifacts"
    let lost = manifest.lost.isEmpty ? "" : ", without \(manifest.lost.count) that are lost"
    return "has everything up to revision \(manifest.revision), \(artifacts)\(lost), "
      + Figures.bytes(manifest.bytes)
  }
}

/// `rollcall restore`.
struct RestoreCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "restore", abstract: "Make a data folder of a backup.",
    discussion: """
      The data folder must not be there, or be empty. The backup is verified first; the data appears when all of it is on disk, and a \
      restoration that fails leaves nothing behind. Start the server on the folder afterwards, as the same user.
      """)

  @Option(name: .customLong("from"), help: "Folder of the backup.", completion: .directory)
  var backup: String

  @Option(help: "The data folder to make.", completion: .directory)
  var data = "./data"

  func run() throws {
    umask(0o077)
    let manifest = try Interruption.whileWatched { onStep in
      try Backup.restore(backup, to: data, onStep: onStep)
    }
    try Terminal.shared.line("\(data) \(BackupCommand.sentence(manifest))")
  }
}

/// SIGINT and SIGTERM end what is being written in order: nothing of it is left.
private enum Interruption {
  private static let isAsked = Atomic<Bool>(false)

  /// Runs `body`; the closure it gets shows a step and throws once a signal came.
  static func whileWatched<R>(_ body: (@escaping (Backup.Step) throws -> Void) throws -> R) throws
    -> R
  {
    for number in [SIGINT, SIGTERM] {
      signal(number) { _ in Interruption.isAsked.store(true, ordering: .relaxed) }
    }
    let result = try body { step in
      guard !isAsked.load(ordering: .relaxed) else { throw CancellationError() }
      if Terminal.shared.isInteractive { try Terminal.shared.liveLine(step.line) }
    }
    if Terminal.shared.isInteractive { try Terminal.shared.endLiveLine() }
    return result
  }
}

extension Backup.Step {
  fileprivate var line: String {
    switch self {
    case .begun: "copying"
    case .database(let name, let copied, let total):
      "copying \(name)" + (total > 0 ? " \(copied * 100 / total) %" : "")
    case .artifact(let index, let total): "copying artifact \(index + 1) of \(total)"
    case .checking(let file): "checking \(file)"
    }
  }
}

extension Complaint {
  /// What a backup's failure means to the person who asked for it.
  init(_ error: BackupError) {
    let (next, status): (String?, ProgramExit) =
      switch error {
      case .noDatabase: ("name the server's folder with --data", .notFound)
      case .olderDatabase: ("start and stop the server of this version on it once", .refused)
      case .newerDatabase: ("use the program that wrote it, or a newer one", .refused)
      case .notEmpty: ("name a folder that is not there yet", .refused)
      case .nested: ("name a folder beside it", .invalid)
      case .inUse: ("wait for it to end, or stop it", .refused)
      case .notABackup: ("name the folder that `rollcall backup --to` made", .notFound)
      case .badManifest, .missing, .damaged: ("take another backup", .failed)
      case .artifactLost:
        ("put it back from an older backup, or go on without it: --without-lost", .failed)
      case .logTooLong:
        (
          "repeat it when less is written, copy to a faster disk, or allow more with --log-limit",
          .failed
        )
      case .system, .database: (nil, .failed)
      }
    self.init("\(error)", next: next, status: status)
  }
}
