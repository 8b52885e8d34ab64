"""Starts and stops `rollcall serve` and generates the stubs."""

import pathlib
import random
import signal
import socket
import subprocess
import time

from grpc_tools import protoc
import grpc_tools


def generate_stubs(proto: pathlib.Path, target: pathlib.Path):
    """Python messages and stubs of rollcall/v1, as any consumer generates them."""
    files = sorted(str(path.relative_to(proto)) for path in proto.glob("rollcall/v1/*.proto"))
    assert files, f"no schemas below {proto}"
    well_known = pathlib.Path(grpc_tools.__file__).parent / "_proto"
    code = protoc.main(
        ["protoc", f"-I{proto}", f"-I{well_known}", f"--python_out={target}", f"--grpc_python_out={target}", *files]
    )
    assert code == 0, f"protoc ended with {code}"


def free_port() -> int:
    """A port nobody listens on, below the range that outgoing connections take theirs from."""
    for port in random.sample(range(20_000, 32_000), 100):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise AssertionError("no free port between 20000 and 32000")


class Server:
    """One server process on a data folder; may be stopped, killed and started again on the same port."""

    def __init__(self, binary: pathlib.Path, data: pathlib.Path, start=True, environment=None):
        self.binary, self.data, self.environment = binary, data, environment
        self.port = free_port()
        self.process = None
        self.log = data.parent / f"{data.name}.log"
        if start:
            self.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def admin_key(self) -> str:
        return (self.data / "admin.key").read_text().strip()

    def start(self, *arguments):
        """Returns once the server says that it listens."""
        assert self.binary.exists(), f"{self.binary} is not built: swift build --product rollcall"
        log = open(self.log, "ab")
        self.process = subprocess.Popen(
            [str(self.binary), "serve", "--listen", self.address, "--data", str(self.data), "--tick", "100", "--grace", "5"]
            + list(arguments),
            stdout=subprocess.PIPE, stderr=log, text=True, env=self.environment,
        )
        log.close()
        line = self.process.stdout.readline()
        assert self.address in line, f"the server did not start:\n{self.log.read_text()}"

    def terminate(self, timeout=20) -> int:
        """SIGTERM, and the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait(timeout)

    def kill(self):
        """SIGKILL: what is acknowledged must survive it."""
        self.process.kill()
        self.wait(10)

    def wait(self, timeout) -> int:
        code = self.process.wait(timeout)
        self.process.stdout.close()
        self.process = None
        return code

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process is not None:
            code = self.terminate()
            assert code == 0, f"the server ended with {code}:\n{self.log.read_text()[-4000:]}"
