public import API
internal import Domain
internal import ProtoWire
public import RPCCore
internal import Store

extension DeviceService {
  public func createDeviceGroup(
    _ request: CreateDeviceGroupRequest, context: ServerContext
  ) async throws -> CreateDeviceGroupResponse {
    try await rules.mutate(request, context) { mutation in
      let wanted = request.deviceGroup ?? API.DeviceGroup()
      let groups = DeviceGroups(mutation.tx)
      let name = try TextRule.name.check(wanted.name, field: "device_group.name")
      try TextRule.description.check(wanted.description, field: "device_group.description")
      guard try groups.find(name: name, org: mutation.caller.org) == nil else {
        throw ServiceError.alreadyExists(.deviceGroup, name: name)
      }
      let group = Domain.DeviceGroup(
        id: mutation.makeID(), org: mutation.caller.org, createdAt: mutation.now, name: name,
        description: wanted.description, updatedAt: mutation.now,
        revision: try mutation.nextRevision())
      try groups.insert(group)
      let after = API.DeviceGroup(group)
      try mutation.record("created", .deviceGroup, id: group.id.rawValue, after: after)
      return CreateDeviceGroupResponse.with { $0.deviceGroup = after }
    }
  }

  public func getDeviceGroup(
    _ request: GetDeviceGroupRequest, context: ServerContext
  ) async throws -> GetDeviceGroupResponse {
    try rules.read(context) { db, caller in
      let group = try Self.group(request.deviceGroupId, caller, db)
      return GetDeviceGroupResponse.with { $0.deviceGroup = API.DeviceGroup(group) }
    }
  }

  public func listDeviceGroups(
    _ request: ListDeviceGroupsRequest, context: ServerContext
  ) async throws -> ListDeviceGroupsResponse {
    try rules.list(request, context) { db, caller, walk in
      let listing = try DeviceGroups(db).list(
        walk.page, org: caller.org, name: request.name.isEmpty ? nil : request.name)
      return ListDeviceGroupsResponse.with {
        $0.deviceGroups = listing.items.map { API.DeviceGroup($0) }
        $0.nextPageToken = walk.token(after: listing.next)
        $0.totalSize = Int32(clamping: listing.total)
      }
    }
  }

  public func updateDeviceGroup(
    _ request: UpdateDeviceGroupRequest, context: ServerContext
  ) async throws -> UpdateDeviceGroupResponse {
    try await rules.mutate(request, context) { mutation in
      let wanted = request.deviceGroup ?? API.DeviceGroup()
      let groups = DeviceGroups(mutation.tx)
      var group = try Self.group(wanted.id, mutation.caller, mutation.tx)
      try Etag.check(request.etag, .deviceGroup, wanted.id, revision: group.revision)
      let update = try FieldMaskUpdate(
        request.updateMask,
        fields: ["name": !wanted.name.isEmpty, "description": !wanted.description.isEmpty])
      let before = API.DeviceGroup(group)
      if update.changes("name") {
        group.name = try TextRule.name.check(wanted.name, field: "device_group.name")
        let namesake = try groups.find(name: group.name, org: group.org)
        guard namesake == nil || namesake?.id == group.id else {
          throw ServiceError.alreadyExists(.deviceGroup, name: group.name)
        }
      }
      if update.changes("description") {
        group.description = try TextRule.description.check(
          wanted.description, field: "device_group.description")
      }
      group.updatedAt = mutation.now
      group.revision = try mutation.nextRevision()
      try groups.update(group)
      let after = API.DeviceGroup(group)
      try mutation.record("updated", .deviceGroup, id: wanted.id, before: before, after: after)
      return UpdateDeviceGroupResponse.with { $0.deviceGroup = after }
    }
  }

  public func deleteDeviceGroup(
    _ request: DeleteDeviceGroupRequest, context: ServerContext
  ) async throws -> DeleteDeviceGroupResponse {
    try await rules.mutate(request, context) { mutation in
      let group = try Self.group(request.deviceGroupId, mutation.caller, mutation.tx)
      try Etag.check(request.etag, .deviceGroup, group.id.rawValue, revision: group.revision)
      if let user = try Deployments(mutation.tx).usingGroup(group.id, org: group.org) {
        throw ServiceError.precondition(
          .groupInUse, .deviceGroup, group.id.rawValue,
          "deployment \(user) targets the group \"\(group.name)\"")
      }
      try DeviceGroups(mutation.tx).delete(group.id, org: group.org)
      try mutation.record(
        "deleted", .deviceGroup, id: group.id.rawValue, before: API.DeviceGroup(group))
      return DeleteDeviceGroupResponse()
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
      var group = try Self.group(request.deviceGroupId, mutation.caller, mutation.tx)
      try Etag.check(request.etag, .deviceGroup, group.id.rawValue, revision: group.revision)
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
        "members_updated", .deviceGroup, id: group.id.rawValue, before: before, after: after,
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

  private static func group(
    _ id: String, _ caller: Caller, _ db: ReadTransaction
  ) throws -> Domain.DeviceGroup {
    guard let group = try DeviceGroups(db).find(GroupID(id), org: caller.org) else {
      throw ServiceError.notFound(.deviceGroup, id: id)
    }
    return group
  }
}

extension CreateDeviceGroupRequest: MutationRequest {}
extension UpdateDeviceGroupRequest: MutationRequest {}
extension DeleteDeviceGroupRequest: MutationRequest {}
extension UpdateDeviceGroupMembersRequest: MutationRequest {}
extension ListDeviceGroupsRequest: ListRequest {}
