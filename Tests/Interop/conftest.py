"""A real server for foreign clients: `rollcall serve` on a free port, with a data folder of its own.

The stubs are generated from proto/ when the tests start and never committed: what is tested is what a stranger would
build. ROLLCALL_BINARY names another program than the debug build.
"""

import os
import pathlib
import sys
import tempfile

import pytest

from rollcall_server import Server, generate_stubs

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("ROLLCALL_BINARY", ROOT / ".build" / "debug" / "rollcall"))

# Before any test module is imported: they import the stubs.
_STUBS = tempfile.TemporaryDirectory(prefix="rollcall-stubs-")
generate_stubs(ROOT / "proto", pathlib.Path(_STUBS.name))
sys.path.insert(0, _STUBS.name)


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """One server for all tests that only call it."""
    with Server(BINARY, tmp_path_factory.mktemp("data")) as running:
        yield running


@pytest.fixture
def own_server(tmp_path):
    """A server that a test may stop, kill and start again; it is not started yet."""
    with Server(BINARY, tmp_path / "data", start=False) as server:
        yield server


@pytest.fixture
def client(server):
    """A client with the admin's key."""
    from rollcall_client import Client

    with Client(server.address, server.admin_key) as client:
        yield client


@pytest.fixture
def org(client, server):
    """A client with the admin's key of a new org, so that tests do not meet each other's resources."""
    from rollcall_client import Client, unique

    created = client.create_org(unique("org"))
    with Client(server.address, created.secret) as own:
        yield own
