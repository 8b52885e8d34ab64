"""A watch resumed after a dropped connection neither loses nor repeats an event."""

import random

import grpc
import pytest

from rollcall.v1 import deployment_service_pb2
from rollcall_client import Client, details, eventually, policy

COUNT = 60


@pytest.fixture
def deployment(org):
    version = org.push(org.create_variant(org.create_model().id).id, "1.0.0", b"artifact")
    return org.create_deployment(version, policy(0.5, 1))


def watch(client, deployment, revision):
    request = deployment_service_pb2.WatchDeploymentsRequest(from_revision=revision, deployment_ids=[deployment.id])
    return client.deployments.WatchDeployments(request, metadata=client.metadata, timeout=30)


def snapshot(stream):
    """Reads the snapshot and returns its revision."""
    for message in stream:
        if message.WhichOneof("content") == "snapshot" and message.snapshot.complete:
            return message.revision


def logged(client, deployment):
    """All revisions of the deployment's events, oldest first."""
    revisions, token = [], ""
    while True:
        request = deployment_service_pb2.ListEventsRequest(deployment_id=deployment.id, page_size=200, page_token=token)
        page = client.call(client.deployments.ListEvents, request)
        revisions += [event.revision for event in page.events]
        token = page.next_page_token
        if not token:
            return revisions[::-1]


def test_a_dropped_connection_costs_nothing(org, server, deployment):
    key = org.metadata[0][1].removeprefix("Bearer ")
    with Client(server.address, key) as first:
        stream = watch(first, deployment, 0)
        base = revision = snapshot(stream)
        for number in range(COUNT // 3):
            org.set_description(deployment.id, f"text {number}")
        seen = []
        for message in stream:
            if message.WhichOneof("content") == "event":
                seen.append(message.event.event.revision)
                revision = message.revision
            if len(seen) == COUNT // 6:
                break
    # The first connection is gone with half of its events unread; more happens meanwhile.
    for number in range(COUNT // 3):
        org.set_description(deployment.id, f"more {number}")
    with Client(server.address, key) as second:
        stream = watch(second, deployment, revision)
        for number in range(COUNT // 3):
            org.set_description(deployment.id, f"last {number}")
        for message in stream:
            assert message.WhichOneof("content") != "snapshot", "a resumed watch has no snapshot"
            if message.WhichOneof("content") == "event":
                seen.append(message.event.event.revision)
            if len(seen) == COUNT:
                break
    assert seen == sorted(set(seen))
    assert seen == [number for number in logged(org, deployment) if number > base]


def test_a_server_that_was_killed_and_came_back_is_resumed(own_server):
    own_server.start()
    with Client(own_server.address, own_server.admin_key) as client:
        version = client.push(client.create_variant(client.create_model().id).id, "1.0.0", b"artifact")
        deployment = client.create_deployment(version)
        stream = watch(client, deployment, 0)
        base = revision = snapshot(stream)
        for number in range(10):
            client.set_description(deployment.id, f"text {number}")
        seen = []
        for message in stream:
            if message.WhichOneof("content") == "event":
                seen.append(message.event.event.revision)
                revision = message.revision
            if len(seen) == 5:
                break
        own_server.kill()
        with pytest.raises(grpc.RpcError) as failure:
            while True:
                next(stream)
        assert failure.value.code() == grpc.StatusCode.UNAVAILABLE
    own_server.start()
    with Client(own_server.address, own_server.admin_key) as client:
        client.set_description(deployment.id, "after")
        for message in watch(client, deployment, revision):
            if message.WhichOneof("content") == "event":
                seen.append(message.event.event.revision)
            if len(seen) == 11:
                break
        assert seen == [number for number in logged(client, deployment) if number > base]


def test_a_rollouts_watch_ends_with_the_rollout(org, deployment):
    rollout = org.start(deployment).rollout
    request = deployment_service_pb2.WatchRolloutRequest(rollout_id=rollout.id)
    stream = org.deployments.WatchRollout(request, metadata=org.metadata, timeout=30)
    first = next(stream)
    assert first.snapshot.id == rollout.id
    while rollout.ended_at.seconds == 0:
        rollout = org.advance(rollout)
    changes = [m for m in stream if m.WhichOneof("content") == "event"]
    assert changes[-1].event.rollout.ended_at.seconds > 0
    revisions = [change.revision for change in changes]
    assert revisions == sorted(set(revisions)) and revisions[0] > first.revision
    assert stream.code() == grpc.StatusCode.OK


def test_a_revision_from_the_future_is_refused_or_waits(org, deployment):
    """A revision nobody has seen cannot be resumed from: silence until it exists would look like health."""
    stream = watch(org, deployment, 2**62)
    with pytest.raises(grpc.RpcError) as failure:
        next(stream)
    assert failure.value.code() in (grpc.StatusCode.OUT_OF_RANGE, grpc.StatusCode.INVALID_ARGUMENT)
    details(failure.value)


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
def test_a_client_that_reads_late_gets_every_event_and_goes_on(org, server, deployment, compression):
    """More is logged than windows and buffers hold: the rest waits in the log, and nobody waits for ever."""
    key = org.metadata[0][1].removeprefix("Bearer ")
    arguments = [("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 65_535)]
    count = 250
    with Client(server.address, key, arguments=arguments, compression=compression) as slow:
        stream = watch(slow, deployment, 0)
        base = snapshot(stream)
        for number in range(count):
            # Text that compression cannot make small.
            org.set_description(deployment.id, random.Random(number).randbytes(2000).hex())
        seen = []
        for message in stream:
            if message.WhichOneof("content") == "event":
                seen.append(message.event.event.revision)
            if len(seen) == count:
                break
        assert seen == [number for number in logged(org, deployment) if number > base]
        org.set_description(deployment.id, "one more")
        assert next(m for m in stream if m.WhichOneof("content") == "event").event.deployment.description == "one more"
        assert next(stream).WhichOneof("content") == "bookmark"


def test_events_are_forgotten_when_they_are_old_enough_and_watches_told_so(own_server):
    own_server.start()
    with Client(own_server.address, own_server.admin_key) as client:
        version = client.push(client.create_variant(client.create_model().id).id, "1.0.0", b"artifact")
        deployment = client.create_deployment(version)
        first = snapshot(watch(client, deployment, 0))
        client.set_description(deployment.id, "later")
    own_server.terminate()
    own_server.start("--event-retention", "1ms")
    with Client(own_server.address, own_server.admin_key) as client:

        def refusal():
            try:
                next(watch(client, deployment, first))
                return None
            except grpc.RpcError as failure:
                return failure

        failure = eventually(refusal, what="the events were not forgotten")
        assert failure.code() == grpc.StatusCode.OUT_OF_RANGE
        info = details(failure)[1]["ErrorInfo"]
        assert info.reason == "REVISION_COMPACTED"
        oldest = int(info.metadata["oldestRevision"])
        assert next(watch(client, deployment, oldest)).WhichOneof("content") == "bookmark"
