"""Backups of a server that goes on working, and what is restored from them."""

import hashlib
import os
import random
import resource
import shutil
import stat
import subprocess
import threading
import time

import grpc
import pytest

from rollcall.v1 import catalog_service_pb2, deployment_service_pb2, device_service_pb2
from rollcall_client import Client, eventually, unique
from rollcall_server import Server


@pytest.fixture
def run(own_server):
    """Runs a command that calls no server."""

    def run(*arguments, code=0, **options):
        done = subprocess.run(
            [str(own_server.binary), *map(str, arguments)], capture_output=True, text=True, timeout=120,
            stdin=subprocess.DEVNULL, **options,
        )
        assert done.returncode == code, f"{arguments} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stderr if code else done.stdout

    return run


class Load:
    """Mutations, uploads and reports of devices at once; what each was answered is kept."""

    def __init__(self, server):
        self.server, self.stop, self.failures = server, threading.Event(), []
        with Client(server.address, server.admin_key) as client:
            self.variant = client.create_variant(client.create_model().id)
            version = client.push(self.variant.id, "0.0.0", b"first")
            self.deployment = client.create_deployment(version)
            client.start(self.deployment)
            self.devices = [client.register(unique("device")) for _ in range(8)]
            self.version = version
        self.models, self.artifacts, self.sequences = [], {}, {}
        self.threads = [threading.Thread(target=self.work, args=(job,)) for job in (self.mutate, self.upload, self.report)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()
        assert self.failures == []

    def work(self, job):
        try:
            with Client(self.server.address, self.server.admin_key) as client:
                count = 0
                while not self.stop.is_set():
                    count += 1
                    job(client, count)
        except grpc.RpcError as failure:
            self.failures.append(failure)

    def mutate(self, client, count):
        self.models.append(client.create_model().name)

    def upload(self, client, count):
        artifact = random.randbytes(50_000)
        version = client.push(self.variant.id, f"1.0.{count}", artifact, chunk=20_000)
        self.artifacts[version.id] = hashlib.sha256(artifact).hexdigest()

    def report(self, client, count):
        for device in self.devices:
            event = {
                "sequence": count, "deployment_id": self.deployment.id, "model_version_id": self.version.id,
                "inferences": {"ok": 1},
            }
            answer = client.sync(device.id, events=[event])
            assert answer.acknowledged_sequence == count
            self.sequences[device.id] = count


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_backup_under_load_has_all_that_was_acknowledged_and_a_server_goes_on_with_it(own_server, run, tmp_path):
    own_server.start()
    backup, data = tmp_path / "backup", tmp_path / "restored"
    with Load(own_server) as load:
        eventually(lambda: len(load.models) > 50 and len(load.artifacts) > 5 and len(load.sequences) == 8)
        models, artifacts, sequences = list(load.models), dict(load.artifacts), dict(load.sequences)
        run("backup", "--data", own_server.data, "--to", backup)
        during = len(load.models) - len(models)
    assert during > 0, "mutations went on meanwhile"
    assert stat.S_IMODE(backup.stat().st_mode) == 0o700
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in backup.rglob("*") if path.is_file())
    # No secret that the server ever gave is in it.
    key = own_server.admin_key.encode()
    assert not any(key in path.read_bytes() for path in backup.rglob("*") if path.is_file())
    assert "intact" in run("backup", "verify", backup)

    run("restore", "--from", backup, "--data", data)
    key_file = data / "admin.key"
    assert not key_file.exists()
    with Server(own_server.binary, data) as restored, Client(restored.address, own_server.admin_key) as client:
        assert not key_file.exists(), "no second first start"
        for name in models:
            found = client.call(client.catalog.ListModels, catalog_service_pb2.ListModelsRequest(name=name))
            assert len(found.models) == 1, f"{name} was acknowledged before the backup and is lost"
        for version, digest in artifacts.items():
            request = catalog_service_pb2.DownloadArtifactRequest(model_version_id=version)
            parts = list(client.catalog.DownloadArtifact(request, metadata=client.metadata, timeout=10))
            assert hashlib.sha256(b"".join(part.data for part in parts[1:])).hexdigest() == digest
        for device, sequence in sequences.items():
            acknowledged = client.sync(device).acknowledged_sequence
            assert acknowledged >= sequence, "an event that was acknowledged is lost"
            event = {
                "sequence": acknowledged + 1, "deployment_id": load.deployment.id,
                "model_version_id": load.version.id, "inferences": {"ok": 1},
            }
            assert client.sync(device, events=[event]).acknowledged_sequence == acknowledged + 1
        health = client.call(
            client.deployments.GetHealth, deployment_service_pb2.GetHealthRequest(deployment_id=load.deployment.id)
        )
        counted = sum(version.inferences_ok for version in health.health.versions)
        assert counted >= sum(sequences.values())
        client.push(load.variant.id, "2.0.0", b"later")
    # The log of events follows from that of before.
    again = tmp_path / "again"
    run("backup", "--data", data, "--to", again)
    assert "intact" in run("backup", "verify", again)


def test_a_backup_of_a_killed_server_has_its_log(own_server, run, tmp_path):
    own_server.start()
    with Client(own_server.address, own_server.admin_key) as client:
        names = [client.create_model().name for _ in range(20)]
    key = own_server.admin_key
    own_server.kill()
    assert (own_server.data / "rollcall.db-wal").stat().st_size > 0
    run("backup", "--data", own_server.data, "--to", tmp_path / "backup")
    run("restore", "--from", tmp_path / "backup", "--data", tmp_path / "restored")
    with Server(own_server.binary, tmp_path / "restored") as restored, Client(restored.address, key) as client:
        for name in names:
            found = client.call(client.catalog.ListModels, catalog_service_pb2.ListModelsRequest(name=name))
            assert len(found.models) == 1


def test_what_cannot_be_written_is_an_error_and_leaves_nothing(own_server, run, tmp_path):
    own_server.start()
    with Client(own_server.address, own_server.admin_key) as client:
        variant = client.create_variant(client.create_model().id)
        client.push(variant.id, "1.0.0", bytes(3_000_000), chunk=1_000_000)
    place = tmp_path / "place"
    place.mkdir()

    def limit(size):
        return {
            "preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)), "restore_signals": False,
        }

    # In a database, and in an artifact.
    for size in (20_000, 2_000_000):
        said = run("backup", "--data", own_server.data, "--to", place / "b", code=1, **limit(size))
        assert said.startswith("rollcall: ") and "\n " not in said.strip(), said
        assert files(place) == [], said
    run("backup", "--data", own_server.data, "--to", place / "b")
    before = files(place)
    for size in (20_000, 2_000_000):
        run("restore", "--from", place / "b", "--data", place / "r", code=1, **limit(size))
        assert files(place) == before
    if os.geteuid() != 0:
        place.chmod(0o500)
        assert "Permission denied" in run("backup", "--data", own_server.data, "--to", place / "c", code=1)
        place.chmod(0o700)
    assert "No such file" in run("backup", "--data", own_server.data, "--to", place / "no" / "b", code=1)


def test_refusals_name_the_file_and_have_a_code(own_server, run, tmp_path):
    assert "rollcall.db" in run("backup", "--data", tmp_path, "--to", tmp_path / "b", code=3)
    assert "manifest" in run("backup", "verify", tmp_path, code=3)
    own_server.start()
    backup = tmp_path / "b"
    run("backup", "--data", own_server.data, "--to", backup)
    assert str(backup) in run("backup", "--data", own_server.data, "--to", backup, code=5)
    assert str(own_server.data) in run("restore", "--from", backup, "--data", own_server.data, code=5)
    assert own_server.terminate() == 0
    assert str(own_server.data) in run("restore", "--from", backup, "--data", own_server.data, code=5)
    telemetry = backup / "telemetry.db"
    os.truncate(telemetry, telemetry.stat().st_size - 1)
    for arguments in (("backup", "verify", backup), ("restore", "--from", backup, "--data", tmp_path / "r")):
        assert "telemetry.db" in run(*arguments, code=1)
    assert not (tmp_path / "r").exists()


def test_an_ended_backup_leaves_nothing_behind(own_server, run, tmp_path):
    own_server.start()
    with Client(own_server.address, own_server.admin_key) as client:
        variant = client.create_variant(client.create_model().id)
        for number in range(3):
            client.push(variant.id, f"1.0.{number}", random.randbytes(3_000_000), chunk=1_000_000)
    place = tmp_path / "place"
    place.mkdir()
    ended = 0
    for pause in (0, 0.01, 0.02, 0.04, 0.08, 0.16):
        process = subprocess.Popen(
            [str(own_server.binary), "backup", "--data", str(own_server.data), "--to", str(place / "b")],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        partial = place / "b.partial" / "rollcall.db"
        deadline = time.monotonic() + 30
        while not partial.exists() and process.poll() is None and time.monotonic() < deadline:
            pass
        time.sleep(pause)
        process.terminate()
        if process.wait(60) == 0:
            shutil.rmtree(place / "b")
        else:
            ended += 1
        assert files(place) == []
    assert ended > 0
    # A kill leaves what the next backup to the same place clears.
    process = subprocess.Popen([str(own_server.binary), "backup", "--data", str(own_server.data), "--to", str(place / "b")])
    while not partial.exists() and process.poll() is None:
        pass
    process.kill()
    process.wait(60)
    shutil.rmtree(place / "b", ignore_errors=True)
    run("backup", "--data", own_server.data, "--to", place / "b")
    assert not (place / "b.partial").exists()


def test_a_server_without_its_telemetry_does_not_start_empty(own_server, run, tmp_path):
    own_server.start()
    assert own_server.terminate() == 0
    (own_server.data / "telemetry.db").unlink()
    said = run("serve", "--listen", "127.0.0.1:0", "--data", own_server.data, code=1)
    assert "telemetry.db" in said and "rollcall.db" in said and "--new-telemetry" in said
    assert not (own_server.data / "telemetry.db").exists()
    own_server.start("--new-telemetry")
    assert own_server.terminate() == 0
    own_server.start()
