internal import SQL

extension ReadTransaction {
  /// What is stored for a request, nil when nothing is; `.requestIDReused` when it is for another body.
  func storedResponse(
    _ key: IdempotencyKey, bodyDigest: [UInt8]
  ) throws -> IdempotentResponse? {
    let stored = try connection.first(
      """
      SELECT body_digest, response, is_refusal FROM idempotent_requests
      WHERE org = $1 AND principal = $2 AND method = $3 AND request_id = $4
      """, key.org, key.principal, key.method, key.requestID
    ) { row in
      (
        digest: try row.get(0, as: [UInt8].self), response: try row.get(1, as: [UInt8].self),
        isRefusal: try row.get(2, as: Bool.self)
      )
    }
    guard let stored else { return nil }
    guard stored.digest == bodyDigest else {
      throw StoreError.requestIDReused(requestID: key.requestID)
    }
    return IdempotentResponse(bytes: stored.response, isRefusal: stored.isRefusal, isReplay: true)
  }
}

extension Store {
  /// What is stored for a request that is repeated, nil for one that comes for the first time; `.requestIDReused` when it is for
  /// another body. A bounded read, as ``read(_:)``.
  public func response(
    to key: IdempotencyKey, bodyDigest: [UInt8]
  ) throws -> IdempotentResponse? {
    try read { try $0.storedResponse(key, bodyDigest: bodyDigest) }
  }
}

extension WriteTransaction {
  /// Carries `body` out once: a repeated request gets the stored response, the same id with another
  /// body fails with `.requestIDReused`.
  ///
  /// A refusal that `body` returns is stored and repeated like any answer; an error that it throws is not.
  /// `bodyDigest` is the SHA-256 of the request without its request id. The response is stored in
  /// the same transaction as the mutation, so an acknowledged one is never repeated. Responses are
  /// kept at least for the configured retention (24 hours): as long as one is stored it answers, and a sweep removes it. A nil key, or
  /// an empty request id, runs `body`.
  public func idempotent(
    _ key: IdempotencyKey?, bodyDigest: [UInt8], _ body: () throws -> IdempotentResponse
  ) throws -> IdempotentResponse {
    guard let key, !key.requestID.isEmpty else { return try body() }
    if let stored = try storedResponse(key, bodyDigest: bodyDigest) {
      return stored
    }
    let response = try body()
    try connection.execute(
      """
      INSERT INTO idempotent_requests
        (org, principal, method, request_id, body_digest, response, revision, created_at_ms,
          is_refusal)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
      """, key.org, key.principal, key.method, key.requestID, bodyDigest, response.bytes, head,
      clocks.stamp(nowMilliseconds), response.isRefusal)
    return response
  }

  /// Replaces what is stored for a request that was carried out; how long it is kept does not change.
  public func replaceResponse(_ key: IdempotencyKey, _ response: [UInt8]) throws {
    try connection.execute(
      """
      UPDATE idempotent_requests SET response = $5
      WHERE org = $1 AND principal = $2 AND method = $3 AND request_id = $4
      """, key.org, key.principal, key.method, key.requestID, response)
  }

  /// Forgets responses of before `cutoff` (milliseconds since 1970), at most `limit`; returns how many.
  func purgeIdempotentRequests(before cutoff: Int64, limit: Int) throws -> Int {
    try connection.execute(
      """
      DELETE FROM idempotent_requests WHERE (org, principal, method, request_id) IN
        (SELECT org, principal, method, request_id FROM idempotent_requests
         WHERE created_at_ms <= $1 ORDER BY created_at_ms LIMIT $2)
      """, cutoff, limit)
  }
}
