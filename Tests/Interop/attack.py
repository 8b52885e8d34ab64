"""Strangers, one tenant's device key and one viewer against a server that an operator goes on using: bounded, on loopback only.

    attack.py BINARY [--scale 0.1]

Prints for each attack what the server held, what the operator's GetDeployment took, and how many streams were refused. Ends with 1
when the server's memory exceeds its bound, does not come back, or the operator was refused anything. Times are printed and judged by
people.
"""

import argparse
import contextlib
import pathlib
import subprocess
import sys
import tempfile
import threading
import time

from rollcall_server import Server, generate_stubs
import raw_http2

HEALTH = "/grpc.health.v1.Health/"
REFLECTION = "/grpc.reflection.{}.ServerReflection/ServerReflectionInfo"
CONNECT = "/rollcall.v1.DeviceService/Connect"
MEMORY_BOUND = 300 << 20


def resident(pid):
    """Bytes of resident memory."""
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) << 10


class Watch(threading.Thread):
    """Looks at a server's memory ten times a second."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.most, self.ended = pid, 0, threading.Event()

    def run(self):
        while not self.ended.wait(0.1):
            self.most = max(self.most, resident(self.pid))


def varint(number):
    encoded = b""
    while number >= 128:
        encoded += bytes([number % 128 + 128])
        number //= 128
    return encoded + bytes([number])


def text(field, value):
    """A length-delimited field."""
    data = value if isinstance(value, bytes) else value.encode()
    return bytes([field << 3 | 2]) + varint(len(data)) + data


class Attack:
    """A server, an operator's deployment on it, and the keys of those who misbehave."""

    def __init__(self, server, scale):
        from rollcall.v1 import auth_pb2, common_pb2, device_pb2, device_service_pb2
        from rollcall_client import Client, unique
        self.server, self.scale = server, scale
        with Client(server.address, server.admin_key) as admin:
            org = admin.create_org(unique("victim"))
            tenant = admin.create_org(unique("tenant"))
        with Client(server.address, org.secret) as client:
            model = client.create_model()
            version = client.push(client.create_variant(model.id).id, "v1", b"x")
            self.deployment = client.create_deployment(version).id
        self.operator_key = org.secret
        with Client(server.address, tenant.secret) as client:
            self.device = client.register("attacker").id
            self.viewer_key = client.create_key(unique("viewer"), auth_pb2.ROLE_VIEWER)
            self.device_key = client.create_key(unique("device"), auth_pb2.ROLE_DEVICE)
            own = device_pb2.Device(hardware_id=unique("own"), platform=common_pb2.PLATFORM_LINUX)
            self.own_key = client.call(client.devices.Register, device_service_pb2.RegisterRequest(device=own)).secret
            version = client.push(client.create_variant(client.create_model().id).id, "v1", b"x")
            self.scanned = client.create_deployment(version).id

    def run(self, name, attack, most=None, seconds=4):
        """One attack with an operator beside it; `most` is how many streams may be left of it. Returns what is wrong."""
        pid = self.server.process.pid
        before = resident(pid)
        watch = Watch(pid)
        watch.start()
        operator = subprocess.Popen(
            [sys.executable, __file__, "--operator", self.server.address, self.operator_key, self.deployment],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        with contextlib.closing(attack()) as crowd:
            crowd.serve(seconds)
            held = crowd.open_streams
            ended = sum(connection.ended for connection in crowd.connections)
            operator.stdin.close()
            calls, refused, median, slowest = operator.stdout.readline().split()
            operator.wait(30)
        watch.ended.set()
        watch.join()
        after = self.settled(before)
        print(f"{name:<28} RSS {before >> 20} → {watch.most >> 20} → {after >> 20} MiB; {held} streams held, "
              f"{ended} ended; GetDeployment {calls} calls, {refused} refused, p50 {median} ms, p99 {slowest} ms", flush=True)
        wrong = []
        if watch.most > MEMORY_BOUND:
            wrong.append(f"{name}: {watch.most >> 20} MiB resident")
        if most is not None and held > most:
            wrong.append(f"{name}: {held} streams are left, more than {most}")
        if int(refused) or not int(calls):
            wrong.append(f"{name}: {refused} of the operator's {calls} calls were refused")
        return wrong

    def settled(self, before):
        """What is resident once the server has had time to let go."""
        pid, end = self.server.process.pid, time.monotonic() + 10
        while resident(pid) > before * 1.2 and time.monotonic() < end:
            time.sleep(0.2)
        return resident(pid)

    def crowd(self, each, connections=100):
        """So many connections, with what `each` does on one."""
        crowd = raw_http2.Crowd(self.server.port, max(2, int(connections * self.scale)))
        for connection in crowd.connections:
            each(connection)
        return crowd

    # What they do.

    def idle_streams(self, path, body=b""):
        return lambda: self.crowd(lambda c: [c.open(path, body=body) for _ in range(100)])

    def watches(self):
        return self.crowd(lambda c: [c.open(HEALTH + "Watch", body=raw_http2.message(), ends=True) for _ in range(100)])

    def stalled_bodies(self):
        body = raw_http2.message(b"\0" * 4_000_000, length=4_190_000)
        path = "/rollcall.v1.CatalogService/CreateModel"
        return self.crowd(lambda c: [c.open(path, self.viewer_operator, body) for _ in range(100)], connections=4)

    def stalled_open_bodies(self):
        body = raw_http2.message(b"\0" * 4_000, length=4_096)
        return self.crowd(lambda c: [c.open(HEALTH + "Check", body=body) for _ in range(100)])

    def long_names(self):
        name = raw_http2.message(text(1, b"x" * 4_000_000))
        path = "/rollcall.v1.DeploymentService/GetDeployment"
        return self.crowd(
            lambda c: [c.open(HEALTH + "Check", body=name, ends=True), c.open(HEALTH + "Watch", body=name, ends=True)]
            + [c.open(path, self.viewer_key, name, ends=True) for _ in range(4)], connections=20)

    def device_streams(self):
        hello = raw_http2.message(text(1, text(1, self.device)))
        return self.crowd(lambda c: [c.open(CONNECT, self.device_key, hello) for _ in range(100)])

    def silent_connects(self, key):
        return lambda: self.crowd(lambda c: [c.open(CONNECT, key) for _ in range(100)])

    def scans(self):
        request = raw_http2.message(text(1, self.scanned))
        path = "/rollcall.v1.DeploymentService/"
        return self.crowd(
            lambda c: [c.open(path + method, self.viewer_key, request, ends=True)
                       for method in ("ListAssignments", "GetDeviceHealth") for _ in range(50)], connections=4)

    def wrong_keys(self):
        path = "/rollcall.v1.AuthService/WhoAmI"
        return self.crowd(
            lambda c: [c.open(path, "sk-wrong", raw_http2.message(), ends=True) for _ in range(100)], connections=50)

    def all(self):
        self.viewer_operator = self.device_key
        start = resident(self.server.process.pid)
        wrong = []
        for name, attack, *most in [
            ("idle health watches", self.watches),
            ("idle reflection streams", self.idle_streams(REFLECTION.format("v1"))),
            ("idle v1alpha streams", self.idle_streams(REFLECTION.format("v1alpha"))),
            ("stalled bodies of strangers", self.stalled_open_bodies),
            ("stalled bodies of a tenant", self.stalled_bodies),
            ("names of 4 MB", self.long_names),
            ("a device's connections", self.device_streams, 1),
            ("a device that says nothing", self.silent_connects(self.own_key), 1),
            ("a shared key's silence", self.silent_connects(self.device_key), 1000),
            ("a viewer's scans", self.scans),
            ("wrong keys", self.wrong_keys),
        ]:
            wrong += self.run(name, attack, *most)
        return wrong, start


def operate(address, key, deployment):
    """Reads one deployment again and again until the input ends; prints calls, refusals, p50 and p99 in milliseconds."""
    import grpc
    from rollcall.v1 import deployment_service_pb2
    from rollcall_client import Client
    request = deployment_service_pb2.GetDeploymentRequest(deployment_id=deployment)
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    times, refused = [], 0
    with Client(address, key) as client:
        while not ended.is_set():
            begin = time.perf_counter()
            try:
                client.call(client.deployments.GetDeployment, request, timeout=5)
            except grpc.RpcError as error:
                print(error.code(), error.details(), file=sys.stderr)
                refused += 1
            times.append(time.perf_counter() - begin)
            time.sleep(0.002)
    times.sort()
    print(len(times), refused, *(f"{times[int(len(times) * q)] * 1000:.2f}" for q in (0.5, 0.99)))


def with_stubs(body):
    """Runs `body` with the generated stubs importable, here and in children."""
    import os
    root = pathlib.Path(__file__).resolve().parents[2]
    with tempfile.TemporaryDirectory(prefix="rollcall-attack-") as folder:
        generate_stubs(root / "proto", pathlib.Path(folder))
        sys.path.insert(0, folder)
        os.environ["PYTHONPATH"] = os.pathsep.join([folder, os.environ.get("PYTHONPATH", "")])
        return body()


def main():
    if sys.argv[1:2] == ["--operator"]:
        return operate(*sys.argv[2:])
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary", type=pathlib.Path)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full number of connections")
    options = parser.parse_args()

    def attack():
        with tempfile.TemporaryDirectory(prefix="rollcall-attack-") as folder:
            with Server(options.binary.resolve(), pathlib.Path(folder) / "data") as server:
                wrong, start = Attack(server, options.scale).all()
                last = resident(server.process.pid)
                print(f"from {start >> 20} MiB at the start to {last >> 20} MiB at the end")
                return wrong

    wrong = with_stubs(attack)
    for line in wrong:
        print(f"WRONG  {line}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
