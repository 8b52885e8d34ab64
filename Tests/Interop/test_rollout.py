"""A model version rolled out step by step to a fleet, and a bad one caught, seen from Python."""

import pytest

from rollcall.v1 import deployment_service_pb2, device_pb2, rollout_pb2
from rollcall_client import eventually, policy, unique

DEVICES = 60
Rollout = rollout_pb2.Rollout


class Device:
    """A device that installs what it is told to and reports how that went."""

    def __init__(self, client):
        self.client = client
        self.id = client.register(unique("device")).id
        self.sequence = 0
        self.runs = ""

    def desired(self):
        entries = self.client.sync(self.id).desired_state.entries
        return entries[0].model_version_id if entries else ""

    def obey(self, deployment, broken=()):
        """Takes the desired version; one that is `broken` fails its inferences."""
        version = self.desired()
        installed = device_pb2.InstalledVersion(
            deployment_id=deployment.id, model_version_id=version, state=device_pb2.InstalledVersion.STATE_INSTALLED
        )
        self.sequence += 1
        event = device_pb2.DeviceEvent(sequence=self.sequence, deployment_id=deployment.id, model_version_id=version)
        event.occurred_at.GetCurrentTime()
        failed = 20 if version in broken else 0
        event.inferences.ok, event.inferences.failed = 20 - failed, failed
        answer = self.client.sync(self.id, [installed], [event])
        assert answer.acknowledged_sequence == self.sequence
        self.runs = version


@pytest.fixture
def fleet(org):
    return [Device(org) for _ in range(DEVICES)]


@pytest.fixture
def versions(org):
    variant = org.create_variant(org.create_model().id)
    return [org.push(variant.id, name, name.encode() * 100) for name in ("1.0.0", "2.0.0", "3.0.0")]


@pytest.fixture
def deployment(org, fleet, versions):
    """The first version, completely rolled out."""
    deployment = org.create_deployment(versions[0], policy(1, auto=True))
    rollout = org.start(deployment).rollout
    eventually(lambda: org.rollout(rollout.id).state == Rollout.STATE_COMPLETED, what="the first rollout to complete")
    for device in fleet:
        device.obey(deployment)
        assert device.runs == versions[0].id
    return deployment


def assignments(client, deployment):
    request = deployment_service_pb2.ListAssignmentsRequest(deployment_id=deployment.id, page_size=200)
    return client.call(client.deployments.ListAssignments, request).assignments


def test_step_by_step_by_hand(org, fleet, versions, deployment):
    rollout = org.set_version(deployment, versions[1], policy(0.05, 0.25, 1, soak=3600))
    cohort = set()
    seen = []
    while rollout.state == Rollout.STATE_PROGRESSING:
        exposure = rollout.exposure_millionths
        seen.append(exposure)
        inside = {device.id for device in fleet if device.desired() == versions[1].id}
        listed = assignments(org, deployment)
        assert len(listed) == DEVICES
        assert inside == {entry.device_id for entry in listed if entry.bucket < exposure}
        assert inside == {entry.device_id for entry in listed if entry.desired_version_id == versions[1].id}
        assert cohort <= inside, "a device left the cohort while the exposure grew"
        cohort = inside
        for device in fleet:
            device.obey(deployment)
        rollout = org.advance(rollout)
    assert seen[-3:] == [50_000, 250_000, 1_000_000]
    assert rollout.state == Rollout.STATE_COMPLETED
    for device in fleet:
        device.obey(deployment)
        assert device.runs == versions[1].id
    health = org.call(
        org.deployments.GetHealth, deployment_service_pb2.GetHealthRequest(deployment_id=deployment.id)
    ).health
    assert health.versions[0].model_version_id == versions[1].id
    assert health.versions[0].installed_devices == DEVICES


def test_soaks_advance_by_themselves(org, fleet, versions, deployment):
    rollout = org.set_version(deployment, versions[1], policy(0.05, 0.25, 1, auto=True, soak=0.3))
    eventually(lambda: org.rollout(rollout.id).state == Rollout.STATE_COMPLETED, what="the rollout to complete")
    request = deployment_service_pb2.ListEventsRequest(deployment_id=deployment.id, types=["rollout.advanced"])
    events = org.call(org.deployments.ListEvents, request).events
    assert all(event.actor_id == "" for event in events if event.rollout_id == rollout.id), "the server acted, nobody else"


@pytest.mark.parametrize("action", [rollout_pb2.GateRule.ACTION_PAUSE, rollout_pb2.GateRule.ACTION_ROLLBACK])
def test_a_gate_catches_a_bad_version(org, fleet, versions, deployment, action):
    gate = rollout_pb2.GateRule(
        id="errors", metric=rollout_pb2.GateRule.METRIC_ERROR_RATE, threshold_millionths=50_000, minimum_devices=3,
        action=action,
    )
    rollout = org.set_version(deployment, versions[2], policy(0.3, 1, auto=True, soak=60, gates=[gate]))
    for device in fleet:
        device.obey(deployment, broken={versions[2].id})
    harmed = [device for device in fleet if device.runs == versions[2].id]
    assert 3 <= len(harmed) < DEVICES, "about a third of the devices has the bad version"
    expected = Rollout.STATE_PAUSED if action == rollout_pb2.GateRule.ACTION_PAUSE else Rollout.STATE_ROLLED_BACK
    caught = eventually(
        lambda: (found := org.rollout(rollout.id)).state == expected and found, what="the gate to catch it"
    )
    verdict = caught.gate_verdicts[0]
    assert verdict.outcome == rollout_pb2.GateVerdict.OUTCOME_FAIL
    # The gate may have decided before the last of them had reported.
    assert 3 <= verdict.canary.failing_devices == verdict.canary.reporting_devices <= len(harmed)
    assert verdict.estimate_millionths == 1_000_000 and verdict.boundary_millionths == 50_000
    assert verdict.summary and caught.state_reason
    if action == rollout_pb2.GateRule.ACTION_PAUSE:
        request = deployment_service_pb2.RollbackDeploymentRequest(deployment_id=deployment.id, reason="bad")
        assert org.call(org.deployments.RollbackDeployment, request).rollout.state == Rollout.STATE_ROLLED_BACK
    for device in fleet:
        device.obey(deployment)
        assert device.runs == versions[0].id, "every device is back"


def test_a_pin_wins_over_the_bucket(org, fleet, versions, deployment):
    pinned = fleet[0]
    request = deployment_service_pb2.PinDeviceRequest(
        deployment_id=deployment.id, device_id=pinned.id, model_version_id=versions[1].id
    )
    org.call(org.deployments.PinDevice, request)
    assert pinned.desired() == versions[1].id
    request = deployment_service_pb2.UnpinDeviceRequest(deployment_id=deployment.id, device_id=pinned.id)
    org.call(org.deployments.UnpinDevice, request)
    assert pinned.desired() == versions[0].id


def test_a_paused_rollout_hands_out_nothing_new(org, fleet, versions, deployment):
    rollout = org.set_version(deployment, versions[1], policy(0.3, 1))
    if rollout.exposure_millionths == 0:
        rollout = org.advance(rollout)
    request = deployment_service_pb2.PauseRolloutRequest(rollout_id=rollout.id, reason="lunch")
    paused = org.call(org.deployments.PauseRollout, request).rollout
    assert paused.state == Rollout.STATE_PAUSED and paused.state_reason
    assert {device.desired() for device in fleet} == {versions[0].id}, "nobody had installed it yet"
    request = deployment_service_pb2.ResumeRolloutRequest(rollout_id=rollout.id)
    assert org.call(org.deployments.ResumeRollout, request).rollout.state == Rollout.STATE_PROGRESSING
    assert {device.desired() for device in fleet} == {versions[0].id, versions[1].id}


def test_a_connected_device_hears_of_the_rollout_at_once(org, versions):
    """Connect: the desired state comes down when it changes, without being asked for."""
    import queue

    from rollcall.v1 import device_service_pb2

    device = org.register(unique("device"))
    requests = queue.Queue()
    hello = device_service_pb2.ConnectRequest.Hello(device_id=device.id)
    requests.put(device_service_pb2.ConnectRequest(hello=hello))
    stream = org.devices.Connect(iter(requests.get, None), metadata=org.metadata, timeout=30)
    assert not next(stream).desired_state.entries
    deployment = org.create_deployment(versions[0])
    org.start(deployment)
    told = next(message for message in stream if message.WhichOneof("content") == "desired_state")
    assert [entry.model_version_id for entry in told.desired_state.entries] == [versions[0].id]
    report = device_service_pb2.ConnectRequest.Report()
    event = report.events.add(sequence=1, deployment_id=deployment.id, model_version_id=versions[0].id)
    event.inferences.ok = 3
    requests.put(device_service_pb2.ConnectRequest(report=report))
    told = next(message for message in stream if message.WhichOneof("content") == "acknowledgement")
    assert told.acknowledgement.acknowledged_sequence == 1
    requests.put(None)
    assert list(stream) == [] and stream.code().name == "OK"
