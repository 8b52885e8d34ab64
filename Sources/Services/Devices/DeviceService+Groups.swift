public import API
internal import Domain
internal import ProtoWire
public import RPCCore
internal import Store

extension DeviceService {
  public func createDeviceGroup(
    _ request: CreateDeviceGroupRequest, context: ServerContext
  ) async throws -> CreateDeviceGroupResponse {
    try await rules.create(DeviceGroupResource(), request, context)
  }

  public func getDeviceGroup(
    _ request: GetDeviceGroupRequest, context: ServerContext
  ) async throws -> GetDeviceGroupResponse {
    try await rules.get(DeviceGroupResource(), request.deviceGroupId, context)
  }

  public func listDeviceGroups(
    _ request: ListDeviceGroupsRequest, context: ServerContext
  ) async throws -> ListDeviceGroupsResponse {
    try await rules.list(DeviceGroupResource(), request, context) { _, _ in
      request.name.isEmpty ? [] : [.name(request.name)]
    }
  }

  public func updateDeviceGroup(
    _ request: UpdateDeviceGroupRequest, context: ServerContext
  ) async throws -> UpdateDeviceGroupResponse {
    try await rules.update(DeviceGroupResource(), request, context)
  }

  public func deleteDeviceGroup(
    _ request: DeleteDeviceGroupRequest, context: ServerContext
  ) async throws -> DeleteDeviceGroupResponse {
    let groups = DeviceGroupResource()
    let id = GroupID(request.deviceGroupId)
    // Beside the writer, which looks at what has changed since.
    let known = try await rules.perform(context) { caller in
      try await fleet.store.scan(for: caller.share) { db in
        try Deployments(db).usingGroup(id, org: caller.org)
      }
    }
    return try await rules.delete(groups, request, request.deviceGroupId, context) {
      group, mutation in
      let user = try Deployments(mutation.tx).usingGroup(id, org: group.org, known: known)
      guard let user else { return }
      throw ServiceError.precondition(
        .groupInUse, groups.kind, id.rawValue,
        "deployment \(user) targets the group \"\(group.name)\"")
    }
  }

  public func updateDeviceGroupMembers(
    _ request: UpdateDeviceGroupMembersRequest, context: ServerContext
  ) async throws -> UpdateDeviceGroupMembersResponse {
    try await rules.mutate(request, context) { mutation in
      for (field, ids) in [
        ("add_device_ids", request.addDeviceIds), ("remove_device_ids", request.removeDeviceIds),
      ] where ids.count > 1_000 {
        throw ServiceError.invalid(field: field, message: "\(ids.count) devices exceed 1000")
      }
      let groups = DeviceGroups(mutation.tx)
      var group = try mutation.require(
        DeviceGroupResource(), request.deviceGroupId, etag: request.etag)
      let before = API.DeviceGroup(group)
      var (added, removed) = (0, 0)
      for id in request.removeDeviceIds
      where try groups.remove(DeviceID(id), from: group.id) {
        removed += 1
      }
      for id in request.addDeviceIds {
        let device = try Self.device(id, mutation.caller, mutation.tx)
        if try groups.add(device.id, to: group.id) { added += 1 }
      }
      group.deviceCount += added - removed
      group.updatedAt = mutation.now
      try groups.update(group)
      let after = API.DeviceGroup(group)
      try mutation.record(
        "members_updated", .deviceGroup, id: group.id.rawValue, before: Mutation.digest(before),
        after: Mutation.digest(after),
        payload: EventDetail(
          attributes: ["added": "\(added)", "removed": "\(removed)"],
          message: "\(added) devices joined \(group.name), \(removed) left"
        ).payload)
      return UpdateDeviceGroupMembersResponse.with {
        $0.deviceGroup = after
        $0.added = Int32(clamping: added)
        $0.removed = Int32(clamping: removed)
      }
    }
  }
}
