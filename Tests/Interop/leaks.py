"""Whether a server's heap stays as large as it is, whatever is called how often: every method that the server registers, on a
loopback port.

    leaks.py BINARY [--calls 10000] [--only NAME]

Each method is called well, with what it refuses, with a deadline that ends in between, by clients that cancel and by clients that
are gone in the middle. Judged by what the server has allocated and not freed (mallinfo2, by a preloaded library), not by resident
memory: a warm-up, then two halves of the calls, each looked at when the server has come to rest. A leak grows in both halves; what
grows in one of them, or stops growing when there are more calls, is a buffer that found its size. Ends with 1 when something leaks.
"""

import argparse
import contextlib
import gzip
import itertools
import os
import pathlib
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time

import grpc
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from rollcall_server import Server, generate_stubs
import raw_calls
import raw_http2

# Calls that are under way at once on the one connection; health and reflection allow it 16.
WIDTH, STANDARD_WIDTH = 50, 16
# Bytes that a call may leave, counted over half of the calls; and what a half may leave in all, whatever it is made of.
BYTES_PER_CALL = 16
SLACK = 8 << 10
UNAUTHENTICATED, DEADLINE_EXCEEDED, CANCELLED = 16, 4, 1


def build_probe(folder):
    """The library that tells how much of the heap is used."""
    library = folder / "heap.so"
    source = pathlib.Path(__file__).with_name("heap.c")
    subprocess.run(
        ["cc", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", library, source, "-lsqlite3", "-lpthread"], check=True)
    return library


class Heap:
    """The heap of a server that was started in `environment`."""

    def __init__(self, folder):
        self.pid, self.files, self.path = None, 0, str(folder / "heap.socket")
        self.environment = {
            **os.environ, "LD_PRELOAD": str(build_probe(folder)), "HEAP_SOCKET": self.path,
            # What a thread keeps for its next allocations would count as used.
            "GLIBC_TUNABLES": "glibc.malloc.tcache_count=0",
        }

    def watch(self, pid):
        """The server runs, and nobody but the driver is connected."""
        self.pid = pid
        # The driver's one connection is closed and opened in between.
        self.files = self.open_files() + 1

    def open_files(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def used(self):
        with socket.socket(socket.AF_UNIX) as probe:
            probe.connect(self.path)
            return int(probe.makefile().readline())

    def settled(self):
        """What is used once connections that were closed are gone, and nothing gives anything back any more: the least of several
        looks, until two agree."""
        end = time.monotonic() + 6
        while self.open_files() > self.files and time.monotonic() < end:
            time.sleep(0.01)
        # What is open still, such as another reader of the database, stays.
        self.files = max(self.files, self.open_files())
        least, last = None, None
        for _ in range(40):
            time.sleep(0.005)
            used = self.used()
            least = used if least is None else min(least, used)
            if used == last == least:
                break
            last = used
        return least


def registered(address):
    """Every method that the server has, by its own word: full name and descriptor."""
    with grpc.insecure_channel(address) as channel:
        database = ProtoReflectionDescriptorDatabase(channel)
        pool = DescriptorPool(database)
        return {f"{service}/{method.name}": method
                for service in database.get_services() for method in pool.FindServiceByName(service).methods}


class Calls:
    """One method's calls, in the ways in which calls end. Each way makes `count` of them and checks how they ended."""

    def __init__(self, port, name, case):
        self.port, self.name, self.case, self.line = port, name, case, None
        self.width = case.width or (STANDARD_WIDTH if name.startswith("grpc.") else WIDTH)
        self.numbers = itertools.count()

    def ways(self):
        return [("good", self.watched if self.case.is_endless else self.good), ("refused", self.refused),
                ("stranger", self.stranger), ("expired", self.expired), ("cancelled", self.cancelled), ("gone", self.gone)]

    def batches(self, count):
        for start in range(0, count, self.width):
            yield min(self.width, count - start)

    def whole(self, count, messages, expected, key, timeouts=None):
        """Calls whose requests are sent to their ends and whose answers are waited for."""
        self.line = self.line or raw_calls.Line(self.port)
        path = "/" + self.name
        heads = [raw_calls.head(path, key, timeout) for timeout in timeouts or [None]]
        for width in self.batches(count):
            numbers = [next(self.numbers) for _ in range(width)]
            streams = [self.line.open(heads[number % len(heads)], raw_calls.body(messages(number))) for number in numbers]
            found = self.line.ended(streams)
            self.line.answered.clear()
            wrong = [status for status in found if status not in expected]
            assert not wrong, f"{self.name}: {len(wrong)} of {width} calls ended with {wrong[0]}, not {expected}"

    def good(self, count):
        self.whole(count, self.case.good, (0,), self.case.key)

    def refused(self, count):
        self.whole(count, self.case.refused, (self.case.code,), self.case.key)

    def stranger(self, count):
        """Without a key. What is open to everybody answers, and what never ends is left to the others."""
        if self.name.startswith("grpc."):
            return
        self.whole(count, self.case.good, (UNAUTHENTICATED,), None)

    def expired(self, count):
        """With deadlines from 1 µs to 4 ms; what never ends has none longer."""
        timeouts = [f"{time}u" for time in (1, 50, 200, 500, 1000, 1500, 2500, 4000)]
        self.whole(count, self.case.good, (0, DEADLINE_EXCEEDED), self.case.key, timeouts)

    def watched(self, count):
        """Calls that go on until their client ends them, after the first answer."""
        self.line = self.line or raw_calls.Line(self.port)
        head = raw_calls.head("/" + self.name, self.case.key)
        for width in self.batches(count):
            streams = [self.line.open(head, raw_calls.body(self.case.good(next(self.numbers)))) for _ in range(width)]
            self.line.read(lambda: self.line.answered.issuperset(streams))
            for stream in streams:
                self.line.reset(stream)
            self.line.round_trip()
            self.line.answered.clear()

    def cancelled(self, count):
        """Reset before the request is complete, and at once after it is. A connection bears 100 such resets at once."""
        head = raw_calls.head("/" + self.name, self.case.key)
        for width in self.batches(count):
            line = raw_calls.Line(self.port)
            for index in range(width):
                body = raw_calls.body(self.case.good(next(self.numbers)))
                is_whole = index % 2 == 0
                line.reset(line.open(head, body if is_whole else body[: len(body) // 2 + 1], ends=is_whole))
            line.round_trip()
            line.close()

    def gone(self, count):
        """Clients whose connection ends while the server works, in good and in bad order."""
        head = raw_calls.head("/" + self.name, self.case.key)
        for number, width in enumerate(self.batches(count)):
            line = raw_calls.Line(self.port)
            for _ in range(width):
                line.open(head, raw_calls.body(self.case.good(next(self.numbers))), ends=number % 3 != 2)
            line.flush()
            if number % 2:
                line.round_trip()
            line.close(abruptly=number % 4 == 3)

    def close(self):
        if self.line:
            self.line.close()
            self.line = None


class Doors:
    """What ends before it is a call of any method, most of it brought by strangers."""

    def __init__(self, port, key):
        self.port, self.key, self.numbers = port, key, itertools.count()

    def ways(self):
        return [("no method", self.unknown), ("wrong keys", self.wrong_keys), ("gzip", self.gzip), ("/healthz", self.health),
                ("long heads", self.long_heads), ("says nothing", self.silent), ("no HTTP/2", self.foreign),
                ("broken frames", self.broken), ("TLS", self.tls), ("no ALPN", self.no_alpn), ("distrust", self.distrust),
                ("half a TLS", self.half_tls)]

    def whole(self, count, head, body, expected):
        for start in range(0, count, WIDTH):
            with contextlib.closing(raw_calls.Line(self.port)) as line:
                streams = [line.open(head(next(self.numbers)), body) for _ in range(min(WIDTH, count - start))]
                found = line.ended(streams)
                assert set(found) <= expected, f"{set(found)}, not {expected}"

    def unknown(self, count):
        self.whole(count, lambda number: raw_calls.head(f"/none.Such/Method{number}"), raw_calls.body([b""]), {12})

    def wrong_keys(self, count):
        path = "/rollcall.v1.AuthService/WhoAmI"
        self.whole(count, lambda number: raw_calls.head(path, f"sk-{number:048}"), raw_calls.body([b""]), {16})

    def gzip(self, count):
        packed = gzip.compress(b"")
        head = raw_http2.fields("/rollcall.v1.AuthService/WhoAmI", self.key,
                                [("grpc-encoding", "gzip"), ("grpc-accept-encoding", "gzip")])
        self.whole(count, lambda _: head, struct.pack(">BI", 1, len(packed)) + packed, {0})

    def health(self, count):
        pairs = [(":method", "GET"), (":scheme", "http"), (":path", "/healthz"), (":authority", "localhost")]
        self.whole(count, lambda _: raw_http2.block(pairs), b"", {None})

    def long_heads(self, count):
        long = raw_http2.fields("/rollcall.v1.AuthService/WhoAmI", self.key, [("x", "y" * 15_500), ("z", "y" * 600)])
        self.whole(count, lambda _: long, raw_calls.body([b""]), {None})

    def connections(self, count, *texts):
        """Connections that bring each of these texts and are closed by either side."""
        for number in range(count):
            with socket.create_connection(("127.0.0.1", self.port), 10) as connection:
                text = texts[number % len(texts)] if texts else b""
                if text:
                    connection.sendall(text)
                    connection.shutdown(socket.SHUT_WR)
                    with contextlib.suppress(ConnectionError):
                        while connection.recv(65_536):
                            pass

    def silent(self, count):
        self.connections(count)

    def foreign(self, count):
        self.connections(count, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n", b"\0" * 100, b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n")

    def broken(self, count):
        headers = raw_http2.frame(raw_http2.HEADERS, 4, 1, b"\xff" * 40)
        window = raw_http2.frame(raw_http2.WINDOW_UPDATE, 0, 0, b"\x7f\xff\xff\xff")
        start = raw_calls.PREFACE + raw_http2.frame(raw_http2.SETTINGS, 0, 0)
        open_call = raw_http2.frame(raw_http2.HEADERS, 4, 1, raw_http2.fields("/grpc.health.v1.Health/Check"))
        self.connections(count, start + headers, start + window + window, start + open_call + open_call, start + headers[:20],
                         start + open_call + raw_http2.frame(raw_http2.DATA, 0, 0, b"x"))

    def context(self, *protocols, verify=False):
        context = ssl.create_default_context()
        if not verify:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if protocols:
            context.set_alpn_protocols(protocols)
        return context

    def handshakes(self, count, context, refused=False):
        # They are slow, and what one could leave is large.
        for _ in range(count // 5):
            with socket.create_connection(("127.0.0.1", self.port), 10) as connection:
                try:
                    with context.wrap_socket(connection, server_hostname="localhost") as secure:
                        assert not refused, "the handshake was to fail"
                        with contextlib.suppress(OSError):
                            secure.sendall(raw_calls.PREFACE + raw_http2.frame(raw_http2.SETTINGS, 0, 0))
                            secure.recv(1)
                except ssl.SSLError:
                    if not refused:
                        raise

    def tls(self, count):
        self.handshakes(count, self.context("h2"))

    def no_alpn(self, count):
        self.handshakes(count, self.context())

    def distrust(self, count):
        self.handshakes(count, self.context("h2", verify=True), refused=True)

    def half_tls(self, count):
        self.connections(count, b"\x16\x03\x01\x02\x00\x01", b"\x16\x03\x01\x00\x04\x01\xff\xff\xff", b"\x16" + b"\xff" * 300)

    def close(self):
        pass


def growth(heap, calls, way, count):
    """Bytes that half of the calls leave, and how many that half was: the smaller of the two halves."""
    half = max(WIDTH, count // 2)
    looks = []
    for number in range(3):
        way(half // 2 if number == 0 else half)
        looks.append(heap.settled())
    return min(looks[1] - looks[0], looks[2] - looks[1]), half


def leak(heap, calls, way, count):
    """The bytes that each call leaves, when it does so however often it is called; else 0."""
    for more in (1, 2, 4):
        bytes, half = growth(heap, calls, way, count * more)
        if bytes <= max(SLACK, BYTES_PER_CALL * half):
            return 0
    return bytes / half


def run(server, heap, count, only="", tell=lambda text: None):
    """Everything; returns what is wrong."""
    from leak_cases import World
    methods = registered(server.address)
    cases = World(server.address, server.admin_key).cases()
    wrong = [f"{name} has no case" for name in sorted(methods.keys() - cases.keys())]
    wrong += [f"{name} has a case and is no method" for name in sorted(cases.keys() - methods.keys())]
    files = heap.open_files()
    calls_of = {"before any method": Doors(server.port, server.admin_key)}
    calls_of |= {name: Calls(server.port, name, cases[name]) for name in sorted(methods.keys() & cases.keys())}
    for name, calls in calls_of.items():
        if only not in name:
            continue
        with contextlib.closing(calls):
            for title, way in calls.ways():
                begin = time.monotonic()
                try:
                    left = leak(heap, calls, way, count)
                except (AssertionError, OSError) as error:
                    calls.close()
                    wrong.append(f"{name}, {title}: {error}")
                    tell(f"{name:<62} {title:<10} {error}")
                    continue
                tell(f"{name:<62} {title:<10} {time.monotonic() - begin:6.2f} s {left:8.1f} bytes a call")
                if left:
                    wrong.append(f"{name}, {title}: {left:.0f} bytes stay of each call")
    # Some are opened for good: a few connections of readers to two databases, each with a log and an index.
    if heap.open_files() > files + 40:
        wrong.append(f"{heap.open_files()} files are open, {files} were")
    return wrong


def resident(pid):
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) << 10


# Nothing of what is measured is to be refused for coming too often.
ARGUMENTS = ("--transition-rate", "1000000000", "--transition-burst", "1000000000", "--failed-key-rate", "1000000",
             "--failed-key-burst", "1000000")


@contextlib.contextmanager
def probed(binary, folder):
    """A server whose heap can be looked at."""
    heap = Heap(folder)
    certificate, key = folder / "server.pem", folder / "server.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
         "/CN=localhost", "-days", "2", "-keyout", key, "-out", certificate], check=True, capture_output=True)
    with Server(binary, folder / "data", start=False, environment=heap.environment) as server:
        server.start(*ARGUMENTS, "--tls-cert", str(certificate), "--tls-key", str(key))
        heap.watch(server.process.pid)
        yield server, heap


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary", type=pathlib.Path)
    parser.add_argument("--calls", type=int, default=10_000, help="calls of each method and way")
    parser.add_argument("--only", default="", help="part of the name of the methods that are called")
    options = parser.parse_args()
    root = pathlib.Path(__file__).resolve().parents[2]
    with tempfile.TemporaryDirectory(prefix="rollcall-leaks-") as name:
        folder = pathlib.Path(name)
        (folder / "stubs").mkdir()
        generate_stubs(root / "proto", folder / "stubs")
        sys.path.insert(0, str(folder / "stubs"))
        with probed(options.binary.resolve(), folder) as (server, heap):
            before = resident(server.process.pid)
            wrong = run(server, heap, options.calls, options.only, lambda text: print(text, flush=True))
            print(f"RSS {before >> 20} MiB before, {resident(server.process.pid) >> 20} MiB after")
    for line in wrong:
        print(f"LEAK   {line}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
