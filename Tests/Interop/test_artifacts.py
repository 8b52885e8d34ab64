"""Artifacts go up in pieces and come down from any offset, verified on both sides."""

import hashlib
import random

import grpc
import pytest

from rollcall.v1 import catalog_service_pb2, device_service_pb2, model_pb2
from rollcall_client import details, unique

ARTIFACT = random.Random(7).randbytes(700_001)


@pytest.fixture
def version(org):
    variant = org.create_variant(org.create_model().id)
    return org.push(variant.id, "1.0.0", ARTIFACT, chunk=100_000)


def download(client, version, offset):
    request = catalog_service_pb2.DownloadArtifactRequest(model_version_id=version.id, offset=offset)
    parts = list(client.catalog.DownloadArtifact(request, metadata=client.metadata, timeout=10))
    assert parts[0].header.offset == offset
    assert parts[0].header.artifact.size_bytes == len(ARTIFACT)
    return b"".join(part.data for part in parts[1:])


def test_an_upload_is_verified_and_ready(version):
    assert version.state == model_pb2.ModelVersion.STATE_READY
    assert version.artifact.sha256 == hashlib.sha256(ARTIFACT).hexdigest()
    assert version.artifact.size_bytes == len(ARTIFACT)


@pytest.mark.parametrize("offset", [0, 1, 262_144, 700_000, 700_001])
def test_a_download_starts_anywhere(org, version, offset):
    assert download(org, version, offset) == ARTIFACT[offset:]


def test_a_download_from_beyond_the_end_is_refused(org, version):
    with pytest.raises(grpc.RpcError) as failure:
        download(org, version, 700_002)
    assert failure.value.code() == grpc.StatusCode.OUT_OF_RANGE


def test_a_device_gets_the_digest_in_the_trailers(org, version):
    device = org.register(unique("device"))
    request = device_service_pb2.DeviceServiceDownloadArtifactRequest(device_id=device.id, model_version_id=version.id)
    call = org.devices.DownloadArtifact(request, metadata=org.metadata, timeout=10)
    data = b"".join(part.data for part in call)
    assert data == ARTIFACT
    assert dict(call.trailing_metadata())["rollcall-artifact-sha256"] == hashlib.sha256(ARTIFACT).hexdigest()


def test_bytes_that_do_not_match_their_digest_are_refused(org):
    variant = org.create_variant(org.create_model().id)
    version = model_pb2.ModelVersion(variant_id=variant.id, name="1.0.0")
    created = org.call(
        org.catalog.CreateModelVersion, catalog_service_pb2.CreateModelVersionRequest(model_version=version)
    ).model_version
    with pytest.raises(grpc.RpcError) as failure:
        org.upload(created.id, b"abc", sha256=hashlib.sha256(b"abd").hexdigest())
    assert failure.value.code() in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.DATA_LOSS)
    assert details(failure.value)[1]["ErrorInfo"].reason
    # The version still waits for its artifact, and takes the right one.
    assert org.upload(created.id, b"abc").model_version.state == model_pb2.ModelVersion.STATE_READY
