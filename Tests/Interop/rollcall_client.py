"""A client as a stranger writes it: grpcio, generated stubs and a key in the metadata."""

import hashlib
import time
import uuid

import grpc
from google.rpc import error_details_pb2, status_pb2

from rollcall.v1 import (
    auth_pb2, auth_service_pb2, auth_service_pb2_grpc, catalog_service_pb2, catalog_service_pb2_grpc, common_pb2,
    deployment_pb2, deployment_service_pb2, deployment_service_pb2_grpc, device_pb2, device_service_pb2,
    device_service_pb2_grpc, model_pb2, rollout_pb2,
)


def unique(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


class Client:
    """The four services over one channel of its own."""

    def __init__(self, address: str, key: str, **options):
        # Each client connects for itself: grpcio otherwise shares connections of equal channels.
        self.channel = grpc.insecure_channel(
            address, options=[("grpc.use_local_subchannel_pool", 1), *options.pop("arguments", [])], **options
        )
        self.metadata = (("authorization", f"Bearer {key}"),)
        self.auth = auth_service_pb2_grpc.AuthServiceStub(self.channel)
        self.catalog = catalog_service_pb2_grpc.CatalogServiceStub(self.channel)
        self.devices = device_service_pb2_grpc.DeviceServiceStub(self.channel)
        self.deployments = deployment_service_pb2_grpc.DeploymentServiceStub(self.channel)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.channel.close()

    def call(self, method, request, timeout=10, **options):
        return method(request, metadata=self.metadata, timeout=timeout, **options)

    def create_org(self, name):
        return self.call(
            self.auth.CreateOrg, auth_service_pb2.CreateOrgRequest(org=auth_pb2.Org(name=name), admin_name="admin")
        )

    def create_key(self, name, *roles) -> str:
        principal = auth_pb2.Principal(name=name, kind=auth_pb2.Principal.KIND_SERVICE_ACCOUNT, roles=roles)
        created = self.call(self.auth.CreatePrincipal, auth_service_pb2.CreatePrincipalRequest(principal=principal))
        key = self.call(
            self.auth.CreateApiKey,
            auth_service_pb2.CreateApiKeyRequest(principal_id=created.principal.id, display_name=name),
        )
        assert key.secret.startswith("sk-")
        return key.secret

    def create_model(self, name=None, **fields):
        model = model_pb2.Model(name=name or unique("model"), **fields)
        return self.call(self.catalog.CreateModel, catalog_service_pb2.CreateModelRequest(model=model)).model

    def create_variant(self, model_id):
        variant = model_pb2.ModelVariant(
            model_id=model_id, name="any", capability="vision", platform=common_pb2.PLATFORM_LINUX
        )
        request = catalog_service_pb2.CreateModelVariantRequest(model_variant=variant)
        return self.call(self.catalog.CreateModelVariant, request).model_variant

    def push(self, variant_id, name, artifact: bytes, chunk=1000):
        """A version with its artifact, uploaded in chunks."""
        version = model_pb2.ModelVersion(variant_id=variant_id, name=name)
        created = self.call(
            self.catalog.CreateModelVersion, catalog_service_pb2.CreateModelVersionRequest(model_version=version)
        ).model_version
        return self.upload(created.id, artifact, chunk).model_version

    def upload(self, version_id, artifact: bytes, chunk=1000, sha256=None):
        def parts():
            yield catalog_service_pb2.UploadArtifactRequest(
                header=catalog_service_pb2.UploadArtifactRequest.Header(
                    model_version_id=version_id,
                    artifact=model_pb2.Artifact(
                        sha256=sha256 or hashlib.sha256(artifact).hexdigest(), size_bytes=len(artifact),
                        media_type="application/octet-stream",
                    ),
                )
            )
            for start in range(0, len(artifact), chunk):
                yield catalog_service_pb2.UploadArtifactRequest(data=artifact[start : start + chunk])

        return self.call(self.catalog.UploadArtifact, parts())

    def register(self, hardware_id):
        device = device_pb2.Device(hardware_id=hardware_id, platform=common_pb2.PLATFORM_LINUX)
        return self.call(self.devices.Register, device_service_pb2.RegisterRequest(device=device)).device

    def sync(self, device_id, installed=(), events=()):
        request = device_service_pb2.SyncRequest(device_id=device_id, installed=installed, events=events)
        return self.call(self.devices.Sync, request)

    def create_deployment(self, version, policy=None, name=None):
        deployment = deployment_pb2.Deployment(
            name=name or unique("deployment"), rollout_policy=policy,
            fleet=deployment_pb2.FleetTarget(model_variant_id=version.variant_id, desired_version_id=version.id),
        )
        request = deployment_service_pb2.CreateDeploymentRequest(deployment=deployment)
        return self.call(self.deployments.CreateDeployment, request).deployment

    def start(self, deployment):
        request = deployment_service_pb2.StartDeploymentRequest(deployment_id=deployment.id, etag=deployment.etag)
        return self.call(self.deployments.StartDeployment, request)

    def set_version(self, deployment, version, policy):
        request = deployment_service_pb2.UpdateDeploymentRequest(
            deployment=deployment_pb2.Deployment(
                id=deployment.id, rollout_policy=policy, fleet=deployment_pb2.FleetTarget(desired_version_id=version.id)
            )
        )
        request.update_mask.paths.extend(["fleet.desired_version_id", "rollout_policy"])
        return self.call(self.deployments.UpdateDeployment, request).rollout

    def set_description(self, deployment_id, text):
        request = deployment_service_pb2.UpdateDeploymentRequest(
            deployment=deployment_pb2.Deployment(id=deployment_id, description=text)
        )
        request.update_mask.paths.append("description")
        return self.call(self.deployments.UpdateDeployment, request).deployment

    def rollout(self, rollout_id):
        request = deployment_service_pb2.GetRolloutRequest(rollout_id=rollout_id)
        return self.call(self.deployments.GetRollout, request).rollout

    def advance(self, rollout):
        request = deployment_service_pb2.AdvanceRolloutRequest(rollout_id=rollout.id, etag=rollout.etag)
        return self.call(self.deployments.AdvanceRollout, request).rollout


def policy(*shares, auto=False, soak=0, gates=()):
    """Steps at these shares of the fleet."""
    policy = rollout_pb2.RolloutPolicy(auto_advance=auto, gates=gates)
    for share in shares:
        step = policy.steps.add(exposure_millionths=round(share * 1_000_000))
        step.soak.FromMilliseconds(round(soak * 1000))
    return policy


def details(error: grpc.RpcError):
    """The status and its details by type name, from `grpc-status-details-bin`."""
    trailers = dict(error.trailing_metadata())
    status = status_pb2.Status.FromString(trailers["grpc-status-details-bin"])
    assert status.code == error.code().value[0]
    assert status.message == error.details()
    found = {}
    for any_ in status.details:
        name = any_.type_url.rsplit("/", 1)[1]
        assert name not in found, f"two details of type {name}"
        message = getattr(error_details_pb2, name.rsplit(".", 1)[1])()
        assert any_.Unpack(message)
        found[name.rsplit(".", 1)[1]] = message
    return status, found


def eventually(check, seconds=20, what="it did not happen"):
    """The first true answer of `check`, which is asked until it gives one."""
    deadline = time.monotonic() + seconds
    while True:
        answer = check()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"{what} within {seconds} s"
        time.sleep(0.05)
