internal import Domain
internal import SQL

/// For each org a number that grows whenever something that decides what its devices get changes: a deployment, a rollout, a pin. Each
/// deployment has the number of its last change.
///
/// Written in the transaction of the change, read in the transaction of the reader: an index built at the number that a reader
/// sees is exactly as new as that reader's view, on whatever thread or server, and one of an older number lacks the deployments that
/// have a newer one.
struct DeploymentEpochs {
  private let db: Connection

  init(connection: Connection) { db = connection }

  /// The number of an org; 0 before the first deployment.
  func current(org: OrgID) throws -> Int64 {
    try db.first("SELECT epoch FROM deployment_epochs WHERE org = $1", org.rawValue) { row in
      try row.get(0, as: Int64.self)
    } ?? 0
  }

  /// What a deployment means for devices has changed.
  func advance(org: OrgID, _ deployment: DeploymentID) throws {
    try db.execute(
      """
      INSERT INTO deployment_epochs (org, epoch) VALUES ($1, 1)
      ON CONFLICT (org) DO UPDATE SET epoch = deployment_epochs.epoch + 1
      """, org.rawValue)
    try db.execute(
      """
      UPDATE deployments SET epoch = (SELECT epoch FROM deployment_epochs WHERE org = $1)
      WHERE id = $2
      """, org.rawValue, deployment.rawValue)
  }
}
