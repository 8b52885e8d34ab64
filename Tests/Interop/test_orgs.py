"""Two orgs on one server know nothing of each other."""

import grpc
import pytest

from rollcall.v1 import catalog_service_pb2, deployment_service_pb2, device_service_pb2
from rollcall_client import Client, details, policy, unique


@pytest.fixture
def other(client, server):
    with Client(server.address, client.create_org(unique("org")).secret) as other:
        yield other


@pytest.fixture
def mine(org):
    """A model, a device, an active deployment and its rollout in one org."""
    model = org.create_model()
    version = org.push(org.create_variant(model.id).id, "1.0.0", b"artifact")
    device = org.register(unique("device"))
    deployment = org.create_deployment(version, policy(0.5, 1))
    rollout = org.start(deployment).rollout
    return model, version, device, deployment, rollout


def refusals(other, mine):
    model, version, device, deployment, rollout = mine
    catalog, deployments, devices = other.catalog, other.deployments, other.devices
    yield catalog.GetModel, catalog_service_pb2.GetModelRequest(model_id=model.id)
    yield catalog.GetModelVersion, catalog_service_pb2.GetModelVersionRequest(model_version_id=version.id)
    yield catalog.ArchiveModel, catalog_service_pb2.ArchiveModelRequest(model_id=model.id)
    yield devices.GetDevice, device_service_pb2.GetDeviceRequest(device_id=device.id)
    yield devices.Sync, device_service_pb2.SyncRequest(device_id=device.id)
    yield deployments.GetDeployment, deployment_service_pb2.GetDeploymentRequest(deployment_id=deployment.id)
    yield deployments.RollbackDeployment, deployment_service_pb2.RollbackDeploymentRequest(deployment_id=deployment.id)
    yield deployments.GetHealth, deployment_service_pb2.GetHealthRequest(deployment_id=deployment.id)
    yield deployments.ListEvents, deployment_service_pb2.ListEventsRequest(deployment_id=deployment.id)
    yield deployments.GetRollout, deployment_service_pb2.GetRolloutRequest(rollout_id=rollout.id)
    yield deployments.AdvanceRollout, deployment_service_pb2.AdvanceRolloutRequest(rollout_id=rollout.id, etag=rollout.etag)
    yield deployments.PauseRollout, deployment_service_pb2.PauseRolloutRequest(rollout_id=rollout.id)
    yield deployments.PinDevice, deployment_service_pb2.PinDeviceRequest(
        deployment_id=deployment.id, device_id=device.id, model_version_id=version.id
    )


def test_what_belongs_to_another_org_is_not_found(org, other, mine):
    for method, request in refusals(other, mine):
        with pytest.raises(grpc.RpcError) as failure:
            other.call(method, request)
        assert failure.value.code() == grpc.StatusCode.NOT_FOUND, type(request).__name__
        details(failure.value)
    # And nothing happened to it.
    assert org.rollout(mine[4].id) == mine[4]


def test_streams_of_another_orgs_rollout_are_not_found(other, mine):
    for method, request in [
        (other.deployments.WatchRollout, deployment_service_pb2.WatchRolloutRequest(rollout_id=mine[4].id)),
        (other.deployments.WatchHealth, deployment_service_pb2.WatchHealthRequest(deployment_id=mine[3].id)),
        (other.catalog.DownloadArtifact, catalog_service_pb2.DownloadArtifactRequest(model_version_id=mine[1].id)),
    ]:
        with pytest.raises(grpc.RpcError) as failure:
            next(other.call(method, request))
        assert failure.value.code() == grpc.StatusCode.NOT_FOUND, type(request).__name__


def test_lists_and_watches_show_the_own_org_only(org, other, mine):
    assert not other.call(other.catalog.ListModels, catalog_service_pb2.ListModelsRequest()).models
    assert not other.call(other.devices.ListDevices, device_service_pb2.ListDevicesRequest()).devices
    listed = other.call(other.deployments.ListDeployments, deployment_service_pb2.ListDeploymentsRequest())
    assert listed.total_size == 0
    watch = other.call(other.deployments.WatchDeployments, deployment_service_pb2.WatchDeploymentsRequest())
    first = next(watch)
    assert first.snapshot.complete and not first.snapshot.deployments
    # The other org's change is invisible; the own one that follows arrives first.
    org.set_description(mine[3].id, "changed")
    version = other.push(other.create_variant(other.create_model().id).id, "1.0.0", b"theirs")
    own = other.create_deployment(version)
    for message in watch:
        if message.WhichOneof("content") == "event":
            assert message.event.deployment.id == own.id
            break
    watch.cancel()
