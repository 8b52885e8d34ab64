"""Devices that stay connected, and what ends their streams."""

import queue
import time

import grpc
import pytest

import raw_calls
from rollcall.v1 import auth_pb2, auth_service_pb2, common_pb2, device_pb2, device_service_pb2
from rollcall_client import Client, details, policy, unique


class Connection:
    """One device's stream: reports go into a queue, answers come one at a time."""

    def __init__(self, client, device_id, timeout=60):
        self.reports = queue.Queue()
        self.say(hello={"device_id": device_id})
        self.stream = client.devices.Connect(iter(self.reports.get, None), metadata=client.metadata, timeout=timeout)

    def say(self, **content):
        self.reports.put(device_service_pb2.ConnectRequest(**content))

    def state(self):
        """The next desired state, as version ids."""
        message = next(self.stream)
        assert message.WhichOneof("content") == "desired_state", message
        return [entry.model_version_id for entry in message.desired_state.entries]

    def failure(self):
        """What the stream ends with."""
        with pytest.raises(grpc.RpcError) as failure:
            while True:
                next(self.stream)
        return failure.value

    def close(self):
        self.reports.put(None)


def versions(client):
    variant = client.create_variant(client.create_model().id)
    return [client.push(variant.id, name, b"artifact " + name.encode()) for name in ("1.0.0", "2.0.0")]


def test_a_connected_device_is_told_of_every_change_and_heard(org):
    old, new = versions(org)
    device = org.register(unique("device"))
    connection = Connection(org, device.id)
    assert connection.state() == []
    deployment = org.create_deployment(old)
    org.start(deployment)
    assert connection.state() == [old.id]
    org.set_version(deployment, new, policy(1))
    assert connection.state() == [new.id]
    event = {
        "sequence": 7, "deployment_id": deployment.id, "model_version_id": new.id,
        "inferences": {"ok": 1},
    }
    connection.say(report={"events": [event]})
    assert next(connection.stream).acknowledgement.acknowledged_sequence == 7
    connection.close()
    with pytest.raises(StopIteration):
        next(connection.stream)
    assert org.sync(device.id).acknowledged_sequence == 7


def test_a_stopping_server_tells_devices_and_watchers_why(own_server):
    own_server.start()
    with Client(own_server.address, own_server.admin_key) as client:
        connection = Connection(client, client.register(unique("device")).id)
        assert connection.state() == []
        assert own_server.terminate() == 0
        failure = connection.failure()
        assert failure.code() == grpc.StatusCode.UNAVAILABLE
        assert details(failure)[1]["ErrorInfo"].reason == "SHUTTING_DOWN"


def test_a_stopping_server_sends_goaway_and_ends_connected_devices_which_come_back(own_server):
    own_server.start()
    with Client(own_server.address, own_server.admin_key) as client:
        devices = [client.register(unique("device")).id for _ in range(3)]
    hellos = [device_service_pb2.ConnectRequest(hello={"device_id": device}) for device in devices]
    calls = [(raw_calls.head("/rollcall.v1.DeviceService/Connect", own_server.admin_key), raw_calls.body([hello.SerializeToString()]))
             for hello in hellos]
    for _ in range(2):
        lines = [raw_calls.Line(own_server.port) for _ in calls]
        streams = [line.open(*call, ends=False) for line, call in zip(lines, calls)]
        for line, stream in zip(lines, streams):
            line.read(lambda: stream in line.answered)
        started = time.monotonic()
        assert own_server.terminate() == 0
        assert time.monotonic() - started < 4, "nothing waits for the end of the grace, which is 5 s"
        for line, stream in zip(lines, streams):
            assert line.ended([stream]) == [grpc.StatusCode.UNAVAILABLE.value[0]]
            assert line.goaway == 0
            line.close()
        own_server.start()


def test_a_revoked_key_ends_its_streams_and_no_others(org, server):
    secret = org.create_key(unique("phone"), auth_pb2.ROLE_DEVICE)
    keys = org.call(org.auth.ListApiKeys, auth_service_pb2.ListApiKeysRequest()).api_keys
    newest = max(keys, key=lambda key: key.id)
    with Client(server.address, secret) as phone:
        doomed = Connection(phone, org.register(unique("device")).id)
        other = Connection(org, org.register(unique("device")).id)
        assert doomed.state() == [] and other.state() == []
        org.call(org.auth.RevokeApiKey, auth_service_pb2.RevokeApiKeyRequest(api_key_id=newest.id))
        failure = doomed.failure()
        assert failure.code() == grpc.StatusCode.UNAUTHENTICATED
        assert details(failure)[1]["ErrorInfo"].reason == "API_KEY_INVALID"
        version = versions(org)[0]
        org.start(org.create_deployment(version))
        assert other.state() == [version.id]
        other.close()


def test_a_revoked_device_is_not_spoken_for_by_the_fleets_key(org, server):
    with Client(server.address, org.create_key(unique("phone"), auth_pb2.ROLE_DEVICE)) as phone:
        device = org.register(unique("device"))
        connection = Connection(phone, device.id)
        assert connection.state() == []
        org.call(org.devices.RevokeDeviceKey, device_service_pb2.RevokeDeviceKeyRequest(device_id=device.id))
        assert connection.failure().code() == grpc.StatusCode.PERMISSION_DENIED
        for again in (lambda: phone.sync(device.id), lambda: phone.register(device.hardware_id)):
            with pytest.raises(grpc.RpcError) as refused:
                again()
            assert refused.value.code() == grpc.StatusCode.PERMISSION_DENIED


def test_a_device_that_asks_for_keys_without_end_is_refused_and_nobody_else(org, server):
    first, second = (register_itself(org, unique("device")) for _ in range(2))
    request = device_service_pb2.RotateDeviceKeyRequest(device_id=first.device.id)
    with Client(server.address, first.secret) as device:
        granted = 0
        with pytest.raises(grpc.RpcError) as refused:
            while granted < 100:
                device.call(device.devices.RotateDeviceKey, request)
                granted += 1
        assert 20 <= granted < 30
        assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        found = details(refused.value)[1]
        assert found["ErrorInfo"].reason == "RATE_LIMITED"
        assert first.device.id in found["QuotaFailure"].violations[0].subject
        assert found["RetryInfo"].retry_delay.seconds <= 15
        # It may do everything else, others may rotate, and operators as often as they like.
        device.sync(first.device.id)
    with Client(server.address, second.secret) as other:
        other.call(other.devices.RotateDeviceKey, device_service_pb2.RotateDeviceKeyRequest(device_id=second.device.id))
    for _ in range(50):
        org.call(org.devices.RotateDeviceKey, request)


def register_itself(org, hardware_id):
    device = device_pb2.Device(hardware_id=hardware_id, platform=common_pb2.PLATFORM_LINUX)
    return org.call(org.devices.Register, device_service_pb2.RegisterRequest(device=device))


def test_a_download_goes_on_where_it_stopped_and_only_for_the_orgs_devices(org, client):
    version = versions(org)[0]
    device = org.register(unique("device"))

    def download(device_id, offset):
        request = device_service_pb2.DeviceServiceDownloadArtifactRequest(
            device_id=device_id, model_version_id=version.id, offset=offset
        )
        return list(org.devices.DownloadArtifact(request, metadata=org.metadata, timeout=10))

    parts = download(device.id, 9)
    assert parts[0].header.offset == 9
    assert parts[0].header.size_bytes == len(b"artifact 1.0.0")
    assert b"".join(part.data for part in parts[1:]) == b"1.0.0"
    foreign = client.register(unique("device"))
    for device_id, offset, code in [
        (foreign.id, 0, grpc.StatusCode.NOT_FOUND), (device.id, 15, grpc.StatusCode.OUT_OF_RANGE),
    ]:
        with pytest.raises(grpc.RpcError) as failure:
            download(device_id, offset)
        assert failure.value.code() == code


def test_a_device_that_does_not_read_its_answers_makes_its_own_reports_wait(org):
    """Acknowledgements are bounded: a device that only talks is not answered without end, and hears everything once it reads."""
    old, _ = versions(org)
    deployment = org.create_deployment(old)
    org.start(deployment)
    # Each report is on disk before its answer: so many take a while on a busy machine.
    connection = Connection(org, org.register(unique("device")).id, timeout=600)
    assert connection.state() == [old.id]
    count = 20_000
    for number in range(1, count + 1):
        event = {
            "sequence": number, "deployment_id": deployment.id, "model_version_id": old.id,
            "inferences": {"ok": 1},
        }
        connection.say(report={"events": [event]})
    heard = [next(connection.stream).acknowledgement.acknowledged_sequence for _ in range(count)]
    assert heard == list(range(1, count + 1))
    connection.close()


def test_what_was_acknowledged_to_a_device_survives_a_kill(own_server):
    """The device drops what was acknowledged: sums and numbers must agree after the server was killed at once."""
    own_server.start()
    with Client(own_server.address, own_server.admin_key) as client:
        old, _ = versions(client)
        deployment = client.create_deployment(old)
        client.start(deployment)
        devices = [client.register(unique("device")).id for _ in range(8)]
        for round_ in range(1, 6):
            for device in devices:
                event = {
                    "sequence": round_, "deployment_id": deployment.id, "model_version_id": old.id,
                    "inferences": {"ok": 10, "failed": 1},
                }
                assert client.sync(device, events=[event]).acknowledged_sequence == round_
        own_server.kill()
    own_server.start()
    with Client(own_server.address, own_server.admin_key) as client:
        for device in devices:
            assert client.sync(device).acknowledged_sequence == 5
            found = client.call(client.devices.GetDevice, device_service_pb2.GetDeviceRequest(device_id=device)).device
            assert (found.counters.inferences_ok, found.counters.inferences_failed) == (50, 5)


def test_a_device_key_is_that_device(org, server):
    enrollment = org.create_key(unique("enrol"), auth_pb2.ROLE_ENROLLMENT)
    with Client(server.address, enrollment) as stranger:
        def register(name):
            request = device_service_pb2.RegisterRequest(request_id=unique("request"))
            request.device.hardware_id = name
            request.device.platform = 5
            return stranger.call(stranger.devices.Register, request)

        name = unique("device")
        mine, other = register(name), register(unique("device"))
        for attempt, code in [
            (lambda: register(name), grpc.StatusCode.ALREADY_EXISTS),
            (lambda: stranger.sync(mine.device.id), grpc.StatusCode.PERMISSION_DENIED),
        ]:
            with pytest.raises(grpc.RpcError) as failure:
                attempt()
            assert failure.value.code() == code
    with Client(server.address, mine.secret) as device:
        assert device.sync(mine.device.id).acknowledged_sequence == 0
        with pytest.raises(grpc.RpcError) as failure:
            device.sync(other.device.id)
        assert failure.value.code() == grpc.StatusCode.NOT_FOUND
