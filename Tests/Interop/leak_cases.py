"""What a good and a refused call of every method looks like, over a small world that such calls leave as large as it is.

Creating calls are rehearsed (`validate_only`), changing ones go to and fro; each is worked through to its end.
"""

import hashlib
import uuid
from dataclasses import dataclass
from typing import Callable

from google.protobuf import duration_pb2, field_mask_pb2
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from rollcall.v1 import (
    auth_pb2, auth_service_pb2 as auth, catalog_service_pb2 as catalog, common_pb2, deployment_pb2,
    deployment_service_pb2 as deployments, device_pb2, device_service_pb2 as devices, model_pb2, rollout_pb2,
)
from rollcall_client import Client, policy, unique

OK, INVALID_ARGUMENT, NOT_FOUND, ALREADY_EXISTS, INTERNAL = 0, 3, 5, 6, 13
# What no method decodes.
GARBAGE = b"\xff\xff"
# A field that no schema knows: what is kept of a refused request is kept with it.
BULK = b"\xfa\x7f\x80\x10" + b"x" * 2048


@dataclass
class Case:
    """One method's calls; a function of a call's number gives the messages of its request."""
    good: Callable[[int], list[bytes]]
    refused: Callable[[int], list[bytes]]
    code: int
    key: str = ""
    # The call ends only when its client does.
    is_endless: bool = False
    # Calls at once; None: as many as the driver likes. What scans has a share of the scan threads.
    width: int | None = None


def mask(*paths):
    return field_mask_pb2.FieldMask(paths=paths)


class World:
    """An org with one of everything."""

    def __init__(self, address, admin_key):
        self.admin_key = admin_key
        with Client(address, admin_key) as admin:
            created = admin.create_org(unique("org"))
        self.org, self.principal, self.key = created.org, created.admin, created.secret
        with Client(address, self.key) as client:
            self.build(client)

    def build(self, client):
        self.model = client.create_model()
        self.shelf = client.create_model()
        self.variant = client.create_variant(self.model.id)
        self.old_variant = client.create_variant(self.shelf.id)
        self.bytes = b"an artifact"
        self.old = client.push(self.variant.id, "1.0.0", self.bytes)
        self.new = client.push(self.variant.id, "2.0.0", b"another")
        self.spare = self.version(client, "3.0.0")
        self.unused = self.version(client, "4.0.0")
        self.bare = self.version(client, "5.0.0")
        self.device = client.register(unique("device"))
        self.other = client.register(unique("device"))
        client.sync(self.device.id)
        group = device_pb2.DeviceGroup(name=unique("group"))
        self.group = client.call(
            client.devices.CreateDeviceGroup, devices.CreateDeviceGroupRequest(device_group=group)).device_group
        members = devices.UpdateDeviceGroupMembersRequest(device_group_id=self.group.id, add_device_ids=[self.device.id])
        client.call(client.devices.UpdateDeviceGroupMembers, members)
        self.draft = client.create_deployment(self.old)
        self.active, self.rollout = self.rolling(client)
        self.held, self.paused = self.rolling(client)
        self.paused = client.call(
            client.deployments.PauseRollout,
            deployments.PauseRolloutRequest(rollout_id=self.paused.id, etag=self.paused.etag)).rollout
        pin = deployments.PinDeviceRequest(
            deployment_id=self.active.id, device_id=self.other.id, arm=deployment_pb2.ARM_CANARY)
        client.call(client.deployments.PinDevice, pin)
        self.api_key = client.call(
            client.auth.CreateApiKey,
            auth.CreateApiKeyRequest(principal_id=self.principal.id, display_name="spare")).api_key

    def version(self, client, name):
        version = model_pb2.ModelVersion(variant_id=self.variant.id, name=name)
        request = catalog.CreateModelVersionRequest(model_version=version)
        return client.call(client.catalog.CreateModelVersion, request).model_version

    def rolling(self, client):
        """A deployment in the middle of a rollout."""
        deployment = client.create_deployment(self.old)
        started = client.start(deployment).deployment
        return started, client.set_version(started, self.new, policy(0.1, 0.5, 1))

    def cases(self):
        """The case of every method, by service and name."""
        return {**self.standard(), **self.auth(), **self.catalog(), **self.deployments(), **self.devices()}

    # How requests are written down.

    def case(self, good, refused, code=NOT_FOUND, key=None, is_endless=False):
        """Of messages: requests that are always the same, or lists of them that are used in turn."""
        return Case(self.turns(good), self.turns(refused, BULK), code, key or self.key, is_endless)

    @staticmethod
    def turns(requests, bulk=b""):
        requests = requests if isinstance(requests, list) else [requests]
        calls = [
            [part if isinstance(part, bytes) else part.SerializeToString() + bulk for part in
             (request if isinstance(request, tuple) else (request,))] for request in requests]
        return lambda number: calls[number % len(calls)]

    def standard(self):
        name = "grpc.health.v1.Health/"
        check = health_pb2.HealthCheckRequest
        cases = {
            name + "Check": self.case(check(), check(service="nope")),
            name + "Watch": self.case(check(), check(service="x" * 1025), INVALID_ARGUMENT, is_endless=True),
            name + "List": self.case(b"", GARBAGE, INTERNAL),
        }
        request = reflection_pb2.ServerReflectionRequest
        for version in ("v1", "v1alpha"):
            cases[f"grpc.reflection.{version}.ServerReflection/ServerReflectionInfo"] = self.case(
                (request(list_services=""), request(file_containing_symbol="grpc.health.v1.Health")), GARBAGE, INTERNAL)
        return cases

    def auth(self):
        missing = str(uuid.uuid4())
        principal = auth_pb2.Principal(
            name=unique("robot"), kind=auth_pb2.Principal.KIND_SERVICE_ACCOUNT, roles=[auth_pb2.ROLE_VIEWER])
        return {"rollcall.v1.AuthService/" + name: case for name, case in {
            "WhoAmI": self.case(b"", GARBAGE, INTERNAL),
            "CreateOrg": self.case(
                auth.CreateOrgRequest(org=auth_pb2.Org(name=unique("org")), admin_name="admin", validate_only=True),
                auth.CreateOrgRequest(), INVALID_ARGUMENT, key=self.admin_key),
            "GetOrg": self.case(auth.GetOrgRequest(org_id=self.org.id), auth.GetOrgRequest(org_id=missing)),
            "ListOrgs": self.case(
                auth.ListOrgsRequest(), auth.ListOrgsRequest(page_size=-1), INVALID_ARGUMENT, key=self.admin_key),
            "UpdateOrg": self.case(
                [auth.UpdateOrgRequest(
                    org=auth_pb2.Org(id=self.org.id, display_name=text), update_mask=mask("display_name"))
                 for text in ("to", "fro")],
                auth.UpdateOrgRequest(org=auth_pb2.Org(id=missing), update_mask=mask("display_name"))),
            "CreatePrincipal": self.case(
                auth.CreatePrincipalRequest(principal=principal, validate_only=True),
                auth.CreatePrincipalRequest(), INVALID_ARGUMENT),
            "GetPrincipal": self.case(
                auth.GetPrincipalRequest(principal_id=self.principal.id), auth.GetPrincipalRequest(principal_id=missing)),
            "ListPrincipals": self.case(
                auth.ListPrincipalsRequest(), auth.ListPrincipalsRequest(page_token="x"), INVALID_ARGUMENT),
            "UpdatePrincipal": self.case(
                [auth.UpdatePrincipalRequest(
                    principal=auth_pb2.Principal(id=self.principal.id, display_name=text), update_mask=mask("display_name"))
                 for text in ("to", "fro")],
                auth.UpdatePrincipalRequest(principal=auth_pb2.Principal(id=missing), update_mask=mask("display_name"))),
            "CreateApiKey": self.case(
                auth.CreateApiKeyRequest(principal_id=self.principal.id, display_name="x", validate_only=True),
                auth.CreateApiKeyRequest(principal_id=missing, display_name="x")),
            "ListApiKeys": self.case(
                auth.ListApiKeysRequest(), auth.ListApiKeysRequest(page_size=-1), INVALID_ARGUMENT),
            "RevokeApiKey": self.case(
                auth.RevokeApiKeyRequest(api_key_id=self.api_key.id, validate_only=True),
                auth.RevokeApiKeyRequest(api_key_id=missing)),
        }.items()}

    def catalog(self):
        missing = str(uuid.uuid4())
        variant = model_pb2.ModelVariant(
            model_id=self.model.id, name="other", capability="vision", platform=common_pb2.PLATFORM_IOS)
        artifact = model_pb2.Artifact(
            sha256=hashlib.sha256(self.bytes).hexdigest(), size_bytes=len(self.bytes),
            media_type="application/octet-stream")
        header = catalog.UploadArtifactRequest.Header(model_version_id=self.spare.id, artifact=artifact)
        part = catalog.UploadArtifactRequest

        def archived(request, **ids):
            return [request(**ids), request(**ids, restore=True)]

        return {"rollcall.v1.CatalogService/" + name: case for name, case in {
            "CreateModel": self.case(
                catalog.CreateModelRequest(model=model_pb2.Model(name=unique("model")), validate_only=True),
                catalog.CreateModelRequest(model=self.model), ALREADY_EXISTS),
            "GetModel": self.case(
                catalog.GetModelRequest(model_id=self.model.id), catalog.GetModelRequest(model_id=missing)),
            "ListModels": self.case(
                catalog.ListModelsRequest(), catalog.ListModelsRequest(skip=-1), INVALID_ARGUMENT),
            "UpdateModel": self.case(
                [catalog.UpdateModelRequest(
                    model=model_pb2.Model(id=self.model.id, description=text), update_mask=mask("description"))
                 for text in ("to", "fro")],
                catalog.UpdateModelRequest(model=model_pb2.Model(id=missing), update_mask=mask("description"))),
            "ArchiveModel": self.case(
                archived(catalog.ArchiveModelRequest, model_id=self.shelf.id),
                catalog.ArchiveModelRequest(model_id=missing)),
            "CreateModelVariant": self.case(
                catalog.CreateModelVariantRequest(model_variant=variant, validate_only=True),
                catalog.CreateModelVariantRequest(model_variant=model_pb2.ModelVariant()), INVALID_ARGUMENT),
            "GetModelVariant": self.case(
                catalog.GetModelVariantRequest(model_variant_id=self.variant.id),
                catalog.GetModelVariantRequest(model_variant_id=missing)),
            "ListModelVariants": self.case(
                catalog.ListModelVariantsRequest(), catalog.ListModelVariantsRequest(skip=-1), INVALID_ARGUMENT),
            "UpdateModelVariant": self.case(
                [catalog.UpdateModelVariantRequest(
                    model_variant=model_pb2.ModelVariant(id=self.variant.id, description=text),
                    update_mask=mask("description")) for text in ("to", "fro")],
                catalog.UpdateModelVariantRequest(
                    model_variant=model_pb2.ModelVariant(id=missing), update_mask=mask("description"))),
            "ArchiveModelVariant": self.case(
                archived(catalog.ArchiveModelVariantRequest, model_variant_id=self.old_variant.id),
                catalog.ArchiveModelVariantRequest(model_variant_id=missing)),
            "CreateModelVersion": self.case(
                catalog.CreateModelVersionRequest(
                    model_version=model_pb2.ModelVersion(variant_id=self.variant.id, name="9"), validate_only=True),
                catalog.CreateModelVersionRequest(
                    model_version=model_pb2.ModelVersion(variant_id=self.variant.id, name="1.0.0")), ALREADY_EXISTS),
            "GetModelVersion": self.case(
                catalog.GetModelVersionRequest(model_version_id=self.old.id),
                catalog.GetModelVersionRequest(model_version_id=missing)),
            "ListModelVersions": self.case(
                catalog.ListModelVersionsRequest(), catalog.ListModelVersionsRequest(skip=-1), INVALID_ARGUMENT),
            "UpdateModelVersion": self.case(
                [catalog.UpdateModelVersionRequest(
                    model_version=model_pb2.ModelVersion(id=self.spare.id, description=text),
                    update_mask=mask("description")) for text in ("to", "fro")],
                catalog.UpdateModelVersionRequest(
                    model_version=model_pb2.ModelVersion(id=missing), update_mask=mask("description"))),
            "ArchiveModelVersion": self.case(
                archived(catalog.ArchiveModelVersionRequest, model_version_id=self.unused.id),
                catalog.ArchiveModelVersionRequest(model_version_id=missing)),
            "DeleteModelVersion": self.case(
                catalog.DeleteModelVersionRequest(model_version_id=self.unused.id, validate_only=True),
                catalog.DeleteModelVersionRequest(model_version_id=missing)),
            # A good one takes its bytes in at the first call; the refused ones do each time.
            "UploadArtifact": self.case(
                (part(header=header), part(data=self.bytes[:4]), part(data=self.bytes[4:])),
                (part(header=catalog.UploadArtifactRequest.Header(model_version_id=self.bare.id, artifact=artifact)),
                 part(data=self.bytes[::-1])), INVALID_ARGUMENT),
            "DownloadArtifact": self.case(
                catalog.DownloadArtifactRequest(model_version_id=self.old.id),
                catalog.DownloadArtifactRequest(model_version_id=missing)),
        }.items()}

    def deployments(self):
        missing = str(uuid.uuid4())
        active, rollout = self.active.id, self.rollout.id
        fresh = deployment_pb2.Deployment(
            name=unique("deployment"),
            fleet=deployment_pb2.FleetTarget(model_variant_id=self.variant.id, desired_version_id=self.old.id))

        def of_deployment(request, **fields):
            return self.case(request(deployment_id=active, **fields), request(deployment_id=missing, **fields))

        def of_rollout(request, id, **fields):
            return self.case(request(rollout_id=id, **fields), request(rollout_id=missing, **fields))

        steps = rollout_pb2.Rollout(id=self.paused.id, policy=policy(0.1, 0.6, 1))
        return {"rollcall.v1.DeploymentService/" + name: case for name, case in {
            "CreateDeployment": self.case(
                deployments.CreateDeploymentRequest(deployment=fresh, validate_only=True),
                deployments.CreateDeploymentRequest(), INVALID_ARGUMENT),
            "GetDeployment": of_deployment(deployments.GetDeploymentRequest),
            "ListDeployments": self.case(
                deployments.ListDeploymentsRequest(), deployments.ListDeploymentsRequest(skip=-1), INVALID_ARGUMENT),
            "UpdateDeployment": self.case(
                [deployments.UpdateDeploymentRequest(
                    deployment=deployment_pb2.Deployment(id=active, description=text), update_mask=mask("description"))
                 for text in ("to", "fro")],
                deployments.UpdateDeploymentRequest(
                    deployment=deployment_pb2.Deployment(id=missing), update_mask=mask("description"))),
            "StartDeployment": self.case(
                deployments.StartDeploymentRequest(deployment_id=self.draft.id, validate_only=True),
                deployments.StartDeploymentRequest(deployment_id=missing)),
            "RollbackDeployment": of_deployment(deployments.RollbackDeploymentRequest, reason="x", validate_only=True),
            "GetRollout": of_rollout(deployments.GetRolloutRequest, rollout),
            "ListRollouts": of_deployment(deployments.ListRolloutsRequest),
            "AdvanceRollout": of_rollout(
                deployments.AdvanceRolloutRequest, rollout, etag=self.rollout.etag, validate_only=True),
            "PauseRollout": of_rollout(deployments.PauseRolloutRequest, rollout, validate_only=True),
            "ResumeRollout": of_rollout(deployments.ResumeRolloutRequest, self.paused.id, validate_only=True),
            "UpdateRollout": self.case(
                deployments.UpdateRolloutRequest(rollout=steps, update_mask=mask("policy"), validate_only=True),
                deployments.UpdateRolloutRequest(rollout=rollout_pb2.Rollout(id=missing), update_mask=mask("policy"))),
            "PinDevice": self.case(
                [deployments.PinDeviceRequest(deployment_id=active, device_id=self.device.id, arm=arm)
                 for arm in (deployment_pb2.ARM_CANARY, deployment_pb2.ARM_CONTROL)],
                deployments.PinDeviceRequest(
                    deployment_id=active, device_id=missing, arm=deployment_pb2.ARM_CANARY)),
            "UnpinDevice": self.case(
                deployments.UnpinDeviceRequest(deployment_id=active, device_id=self.other.id, validate_only=True),
                deployments.UnpinDeviceRequest(deployment_id=missing, device_id=self.other.id)),
            "ListAssignments": self.scanning(of_deployment(deployments.ListAssignmentsRequest)),
            "Materialize": self.scanning(of_deployment(deployments.MaterializeRequest)),
            "GetHealth": of_deployment(deployments.GetHealthRequest),
            "GetDeviceHealth": self.scanning(of_deployment(deployments.GetDeviceHealthRequest)),
            "ListEvents": self.scanning(of_deployment(deployments.ListEventsRequest)),
            "WatchDeployments": self.scanning(self.case(
                deployments.WatchDeploymentsRequest(), deployments.WatchDeploymentsRequest(from_revision=-1),
                INVALID_ARGUMENT, is_endless=True)),
            "WatchRollout": self.endless(of_rollout(deployments.WatchRolloutRequest, rollout)),
            "WatchHealth": self.endless(of_deployment(deployments.WatchHealthRequest)),
        }.items()}

    @staticmethod
    def endless(case):
        case.is_endless = True
        return case

    @staticmethod
    def scanning(case):
        case.width = 8
        return case

    @staticmethod
    def alone(case):
        case.width = 1
        return case

    def devices(self):
        missing = str(uuid.uuid4())
        device = self.device.id

        def event(number):
            return device_pb2.DeviceEvent(
                sequence=number + 1, deployment_id=self.active.id, model_version_id=self.old.id,
                inferences=device_pb2.InferenceBatch(ok=1, failed=1))

        def reporting(make, refused):
            """Each call brings an event that was not there before."""
            case = self.case(refused, refused)
            case.good = lambda number: [part.SerializeToString() for part in make(event(number))]
            return case

        hello = devices.ConnectRequest(hello=devices.ConnectRequest.Hello(device_id=device))
        installed = device_pb2.InstalledVersion(
            deployment_id=self.active.id, model_version_id=self.old.id, state=device_pb2.InstalledVersion.STATE_INSTALLED)
        return {"rollcall.v1.DeviceService/" + name: case for name, case in {
            "Register": self.case(
                devices.RegisterRequest(
                    device=device_pb2.Device(hardware_id=unique("new"), platform=common_pb2.PLATFORM_LINUX),
                    validate_only=True),
                devices.RegisterRequest(), INVALID_ARGUMENT),
            "RotateDeviceKey": self.case(
                devices.RotateDeviceKeyRequest(device_id=device, validate_only=True),
                devices.RotateDeviceKeyRequest(device_id=missing)),
            "RevokeDeviceKey": self.case(
                devices.RevokeDeviceKeyRequest(device_id=device, validate_only=True),
                devices.RevokeDeviceKeyRequest(device_id=missing)),
            "Sync": reporting(
                lambda event: [devices.SyncRequest(device_id=device, installed=[installed], events=[event])],
                devices.SyncRequest(device_id=missing)),
            # One after the other: a device has one connection, its newest.
            "Connect": self.alone(reporting(
                lambda event: [hello, devices.ConnectRequest(report=devices.ConnectRequest.Report(events=[event]))],
                devices.ConnectRequest(hello=devices.ConnectRequest.Hello(device_id=missing)))),
            "ReportEvents": reporting(
                lambda event: [devices.ReportEventsRequest(device_id=device, events=[event])],
                devices.ReportEventsRequest(device_id=missing, events=[event(0)])),
            "DownloadArtifact": self.case(
                devices.DeviceServiceDownloadArtifactRequest(device_id=device, model_version_id=self.old.id),
                devices.DeviceServiceDownloadArtifactRequest(device_id=device, model_version_id=missing)),
            "GetDevice": self.case(devices.GetDeviceRequest(device_id=device), devices.GetDeviceRequest(device_id=missing)),
            "ListDevices": self.scanning(self.case(
                devices.ListDevicesRequest(), devices.ListDevicesRequest(skip=-1), INVALID_ARGUMENT)),
            "UpdateLabels": self.case(
                [devices.UpdateLabelsRequest(device_id=device, set={"way": text}) for text in ("to", "fro")],
                devices.UpdateLabelsRequest(device_id=missing, set={"way": "to"})),
            "CreateDeviceGroup": self.case(
                devices.CreateDeviceGroupRequest(
                    device_group=device_pb2.DeviceGroup(name=unique("group")), validate_only=True),
                devices.CreateDeviceGroupRequest(), INVALID_ARGUMENT),
            "GetDeviceGroup": self.case(
                devices.GetDeviceGroupRequest(device_group_id=self.group.id),
                devices.GetDeviceGroupRequest(device_group_id=missing)),
            "ListDeviceGroups": self.case(
                devices.ListDeviceGroupsRequest(), devices.ListDeviceGroupsRequest(skip=-1), INVALID_ARGUMENT),
            "UpdateDeviceGroup": self.case(
                [devices.UpdateDeviceGroupRequest(
                    device_group=device_pb2.DeviceGroup(id=self.group.id, description=text),
                    update_mask=mask("description")) for text in ("to", "fro")],
                devices.UpdateDeviceGroupRequest(
                    device_group=device_pb2.DeviceGroup(id=missing), update_mask=mask("description"))),
            "DeleteDeviceGroup": self.scanning(self.case(
                devices.DeleteDeviceGroupRequest(device_group_id=self.group.id, validate_only=True),
                devices.DeleteDeviceGroupRequest(device_group_id=missing))),
            "UpdateDeviceGroupMembers": self.case(
                [devices.UpdateDeviceGroupMembersRequest(device_group_id=self.group.id, **change)
                 for change in ({"add_device_ids": [self.other.id]}, {"remove_device_ids": [self.other.id]})],
                devices.UpdateDeviceGroupMembersRequest(device_group_id=missing, add_device_ids=[device])),
        }.items()}
