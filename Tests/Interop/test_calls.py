"""What every call is made of: deadlines, cancellation, metadata, compression, limits, errors."""

import sqlite3
import threading
import time

import grpc
import pytest

from rollcall.v1 import (
    auth_service_pb2, catalog_service_pb2, deployment_service_pb2, model_pb2,
)
from rollcall_client import Client, details, unique

LIMIT = 4 * 1024 * 1024


def watch(client, timeout=None):
    request = deployment_service_pb2.WatchDeploymentsRequest()
    return client.deployments.WatchDeployments(request, metadata=client.metadata, timeout=timeout)


def create_model_request(size):
    """A request of exactly `size` bytes on the wire."""
    request = catalog_service_pb2.CreateModelRequest(model=model_pb2.Model(name="big", description="x" * (size - 100)))
    request.model.description = "x" * (size - 100 + size - request.ByteSize())
    assert request.ByteSize() == size
    return request


def test_a_deadline_ends_a_stream(client):
    started = time.monotonic()
    with pytest.raises(grpc.RpcError) as failure:
        for _ in watch(client, timeout=0.5):
            pass
    assert failure.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert 0.3 < time.monotonic() - started < 5


def test_a_deadline_that_is_over_is_exceeded(client):
    with pytest.raises(grpc.RpcError) as failure:
        client.call(client.auth.WhoAmI, auth_service_pb2.WhoAmIRequest(), timeout=1e-9)
    assert failure.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED


def test_a_cancelled_stream_ends_and_the_connection_lives(client):
    call = watch(client, timeout=10)
    next(call)
    call.cancel()
    with pytest.raises(grpc.RpcError) as failure:
        next(call)
    assert failure.value.code() == grpc.StatusCode.CANCELLED
    assert client.call(client.auth.WhoAmI, auth_service_pb2.WhoAmIRequest()).principal.name == "admin"


def test_hundreds_of_cancelled_streams_leave_no_trace(client):
    """More than the 100 streams a connection may have open: cancelled ones must make room."""
    for _ in range(300):
        call = watch(client, timeout=10)
        next(call)
        call.cancel()
    assert client.call(client.auth.WhoAmI, auth_service_pb2.WhoAmIRequest()).principal.name == "admin"


@pytest.mark.parametrize(
    "metadata",
    [(), (("authorization", "Bearer sk-wrong"),), (("authorization", "Basic YTpi"),), (("authorization", ""),)],
)
def test_without_a_key_nothing_is_told(client, metadata):
    with pytest.raises(grpc.RpcError) as failure:
        client.auth.WhoAmI(auth_service_pb2.WhoAmIRequest(), metadata=metadata, timeout=10)
    assert failure.value.code() == grpc.StatusCode.UNAUTHENTICATED
    _, found = details(failure.value)
    assert found["ErrorInfo"].domain == "rollcall"


def test_unknown_metadata_is_no_harm(client):
    metadata = (*client.metadata, ("x-trace-bin", b"\x00\xff\x01"), ("x-note", "hello"), ("x-note", "again"))
    client.auth.WhoAmI(auth_service_pb2.WhoAmIRequest(), metadata=metadata, timeout=10)


def test_the_role_of_a_key_counts(org, server):
    from rollcall.v1 import auth_pb2

    with Client(server.address, org.create_key("reader", auth_pb2.ROLE_VIEWER)) as viewer:
        viewer.call(viewer.catalog.ListModels, catalog_service_pb2.ListModelsRequest())
        with pytest.raises(grpc.RpcError) as failure:
            viewer.create_model()
    assert failure.value.code() == grpc.StatusCode.PERMISSION_DENIED


def test_compressed_requests_are_understood(server):
    with Client(server.address, server.admin_key, compression=grpc.Compression.Gzip) as client:
        description = "compressible " * 300
        model = client.create_model(description=description)
        assert model.description == description


def test_a_compressed_bomb_is_refused_by_its_inflated_size(server):
    with Client(server.address, server.admin_key, compression=grpc.Compression.Gzip) as client:
        with pytest.raises(grpc.RpcError) as failure:
            client.call(client.catalog.CreateModel, create_model_request(16 * LIMIT))
        assert failure.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        client.call(client.auth.WhoAmI, auth_service_pb2.WhoAmIRequest())


@pytest.mark.parametrize("size, code", [
    # Taken in, and refused for what it says: a description has at most 4096 bytes.
    (LIMIT - 1, grpc.StatusCode.INVALID_ARGUMENT),
    (LIMIT, grpc.StatusCode.INVALID_ARGUMENT),
    (LIMIT + 1, grpc.StatusCode.RESOURCE_EXHAUSTED),
])
def test_a_message_may_have_four_mebibytes(client, size, code):
    with pytest.raises(grpc.RpcError) as failure:
        client.call(client.catalog.CreateModel, create_model_request(size))
    assert failure.value.code() == code
    client.call(client.auth.WhoAmI, auth_service_pb2.WhoAmIRequest())


def test_a_wrong_field_is_named(client):
    with pytest.raises(grpc.RpcError) as failure:
        client.create_model(name="Not A Name")
    assert failure.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    _, found = details(failure.value)
    assert found["ErrorInfo"].domain == "rollcall"
    assert [violation.field for violation in found["BadRequest"].field_violations] == ["model.name"]


def test_a_missing_resource_is_named(client):
    missing = "01890000-0000-7000-8000-000000000000"
    with pytest.raises(grpc.RpcError) as failure:
        client.call(client.catalog.GetModel, catalog_service_pb2.GetModelRequest(model_id=missing))
    assert failure.value.code() == grpc.StatusCode.NOT_FOUND
    _, found = details(failure.value)
    assert found["ErrorInfo"].reason
    assert found["ResourceInfo"].resource_name == missing


def test_an_etag_that_is_old_is_refused(org):
    model = org.create_model()

    def update(text, etag):
        request = catalog_service_pb2.UpdateModelRequest(model=model_pb2.Model(id=model.id, description=text), etag=etag)
        return org.call(org.catalog.UpdateModel, request).model

    changed = update("one", model.etag)
    assert changed.etag != model.etag
    with pytest.raises(grpc.RpcError) as failure:
        update("two", model.etag)
    assert failure.value.code() == grpc.StatusCode.ABORTED
    assert details(failure.value)[1]["ErrorInfo"].reason == "ETAG_MISMATCH"
    assert update("two", changed.etag).description == "two"


def test_a_repeated_request_is_done_once(org):
    request = catalog_service_pb2.CreateModelRequest(model=model_pb2.Model(name=unique("once")), request_id=unique("id"))
    first = org.call(org.catalog.CreateModel, request)
    assert org.call(org.catalog.CreateModel, request) == first
    request.model.name = unique("other")
    with pytest.raises(grpc.RpcError) as failure:
        org.call(org.catalog.CreateModel, request)
    assert failure.value.code() == grpc.StatusCode.ALREADY_EXISTS
    assert details(failure.value)[1]["ErrorInfo"].reason == "REQUEST_ID_REUSED"


def test_validate_only_changes_nothing(org):
    name = unique("dry")
    request = catalog_service_pb2.CreateModelRequest(model=model_pb2.Model(name=name), validate_only=True)
    assert org.call(org.catalog.CreateModel, request).model.name == name
    assert not org.call(org.catalog.ListModels, catalog_service_pb2.ListModelsRequest(name=name)).models


def test_pages_hold_every_entry_once(org):
    names = {org.create_model().name for _ in range(7)}
    seen, token = [], ""
    while True:
        request = catalog_service_pb2.ListModelsRequest(page_size=3, page_token=token)
        page = org.call(org.catalog.ListModels, request)
        assert page.total_size == 7
        seen += [model.name for model in page.models]
        token = page.next_page_token
        if not token:
            break
    assert len(seen) == 7 and set(seen) == names


def test_an_unknown_method_is_unimplemented(server):
    with grpc.insecure_channel(server.address) as channel:
        call = channel.unary_unary("/rollcall.v1.AuthService/Nothing")
        with pytest.raises(grpc.RpcError) as failure:
            call(b"", timeout=10)
        assert failure.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_many_threads_share_a_connection(client):
    failures = []

    def work():
        try:
            for _ in range(25):
                client.call(client.auth.WhoAmI, auth_service_pb2.WhoAmIRequest())
        except grpc.RpcError as failure:
            failures.append(failure)

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_a_change_whose_deadline_passes_in_the_queue_is_not_made(own_server):
    own_server.start()
    with Client(own_server.address, own_server.admin_key) as client:
        client.create_model("first")
        foreign = sqlite3.connect(own_server.data / "rollcall.db", isolation_level=None)
        foreign.execute("BEGIN IMMEDIATE")
        try:
            with pytest.raises(grpc.RpcError) as refused:
                request = catalog_service_pb2.CreateModelRequest(model=model_pb2.Model(name="late"))
                client.call(client.catalog.CreateModel, request, timeout=0.5)
            assert refused.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        finally:
            foreign.execute("ROLLBACK")
            foreign.close()
        client.create_model("second")
        listed = client.call(client.catalog.ListModels, catalog_service_pb2.ListModelsRequest())
        assert sorted(model.name for model in listed.models) == ["first", "second"]
