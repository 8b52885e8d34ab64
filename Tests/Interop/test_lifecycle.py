"""Stopping, killing and starting again."""

import contextlib
import os
import pathlib
import sqlite3
import stat
import subprocess
import threading
import time

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from rollcall.v1 import auth_service_pb2, catalog_service_pb2, deployment_service_pb2
from rollcall_client import Client, unique


def test_the_first_start_writes_a_key_for_its_owner_only(own_server):
    own_server.start()
    key_file = own_server.data / "admin.key"
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    key = own_server.admin_key
    assert own_server.terminate() == 0
    own_server.start()
    assert own_server.admin_key == key, "the second start leaves the key alone"


def test_a_drain_says_not_serving_and_lets_calls_finish(own_server):
    own_server.start()
    with Client(own_server.address, own_server.admin_key) as client:
        health = health_pb2_grpc.HealthStub(client.channel)
        watch = health.Watch(health_pb2.HealthCheckRequest(), timeout=20)
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        # An upload that has begun finishes although the server has been asked to stop.
        variant = client.create_variant(client.create_model().id)
        stopped = threading.Event()
        version = client.call(
            client.catalog.CreateModelVersion,
            catalog_service_pb2.CreateModelVersionRequest(
                model_version={"variant_id": variant.id, "name": "1.0.0"}
            ),
        ).model_version

        def parts():
            import hashlib

            header = catalog_service_pb2.UploadArtifactRequest.Header(
                model_version_id=version.id,
                artifact={"sha256": hashlib.sha256(b"abcdef").hexdigest(), "size_bytes": 6},
            )
            yield catalog_service_pb2.UploadArtifactRequest(header=header)
            yield catalog_service_pb2.UploadArtifactRequest(data=b"abc")
            assert stopped.wait(10)
            yield catalog_service_pb2.UploadArtifactRequest(data=b"def")

        upload = client.catalog.UploadArtifact.future(parts(), metadata=client.metadata, timeout=20)
        time.sleep(0.2)
        own_server.process.terminate()
        assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING
        stopped.set()
        assert upload.result().model_version.artifact.size_bytes == 6
    assert own_server.wait(20) == 0


def test_a_watch_does_not_hold_the_drain_up(own_server):
    own_server.start()
    with Client(own_server.address, own_server.admin_key) as client:
        request = deployment_service_pb2.WatchDeploymentsRequest()
        watch = client.deployments.WatchDeployments(request, metadata=client.metadata)
        next(watch)
        started = time.monotonic()
        assert own_server.terminate() == 0
        # The grace is 5 s: a stream without an end must not use it up.
        assert time.monotonic() - started < 3
        with pytest.raises(grpc.RpcError) as failure:
            while True:
                next(watch)
        assert failure.value.code() == grpc.StatusCode.UNAVAILABLE


def test_what_was_acknowledged_survives_a_kill(own_server):
    own_server.start()
    acknowledged = []

    def write():
        with Client(own_server.address, own_server.admin_key) as client:
            try:
                while True:
                    acknowledged.append(client.create_model().name)
            except grpc.RpcError as failure:
                assert failure.code() == grpc.StatusCode.UNAVAILABLE, failure

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    own_server.kill()
    for thread in threads:
        thread.join()
    assert len(acknowledged) > 10
    own_server.start()
    with Client(own_server.address, own_server.admin_key) as client:
        for name in acknowledged:
            found = client.call(client.catalog.ListModels, catalog_service_pb2.ListModelsRequest(name=name))
            assert len(found.models) == 1, f"{name} was acknowledged and is lost"


def test_a_data_folder_has_one_server(own_server):
    own_server.start()
    import subprocess

    second = subprocess.run(
        [str(own_server.binary), "serve", "--listen", "127.0.0.1:0", "--data", str(own_server.data)],
        capture_output=True, text=True, timeout=20,
    )
    assert second.returncode == 1
    assert second.stderr.startswith("rollcall: ") and "--data" in second.stderr


def test_an_address_that_is_taken_is_told_in_words(own_server, tmp_path):
    own_server.start()
    import subprocess

    second = subprocess.run(
        [str(own_server.binary), "serve", "--listen", own_server.address, "--data", str(tmp_path / "other")],
        capture_output=True, text=True, timeout=20,
    )
    assert second.returncode == 1
    assert f"rollcall: cannot listen on {own_server.address}: Address already in use\n" in second.stderr


def test_a_new_key_is_made_on_the_machine_and_changes_no_schema(own_server):
    own_server.start()
    assert own_server.terminate() == 0

    def reset():
        return subprocess.run([str(own_server.binary), "admin", "reset-key", "--data", str(own_server.data)],
                              capture_output=True, text=True, timeout=60)

    database = own_server.data / "rollcall.db"
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        newest = connection.execute("SELECT version, name, digest, applied_at_ms FROM schema_migrations"
                                    " ORDER BY version DESC LIMIT 1").fetchone()
        # As an older server left it, as far as anybody can tell before opening it.
        connection.execute("DELETE FROM schema_migrations WHERE version = ?", newest[:1])
    refused = reset()
    assert refused.returncode == 5 and f"{newest[0]} {newest[1]}" in refused.stderr, refused.stderr
    assert not (own_server.data / "admin-2.key").exists()
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("INSERT INTO schema_migrations VALUES (?, ?, ?, ?)", newest)
    done = reset()
    assert done.returncode == 0, done.stderr
    key = (own_server.data / "admin-2.key").read_text().strip()
    own_server.start()
    with Client(own_server.address, key) as client:
        assert client.call(client.auth.WhoAmI, auth_service_pb2.WhoAmIRequest()).principal.name == "admin"


def test_there_is_a_loop_for_each_core_that_the_server_may_use(own_server):
    usable = os.sched_getaffinity(0)
    for cores in ({min(usable)}, usable):
        os.sched_setaffinity(0, cores)
        try:
            own_server.start()
        finally:
            os.sched_setaffinity(0, usable)
        threads = pathlib.Path(f"/proc/{own_server.process.pid}/task").glob("*/comm")
        assert sum("NIO-ELT" in name.read_text() for name in threads) == len(cores)
        assert own_server.terminate() == 0
