"""Nothing stays of calls that are over; `make leaks` does the same with many more of them."""

import pathlib
import tempfile

import pytest

from conftest import BINARY
import leaks
import raw_calls


@pytest.fixture
def probed():
    # A short path: the name of a socket is no longer than 107 bytes.
    with tempfile.TemporaryDirectory(prefix="rollcall-") as folder:
        with leaks.probed(BINARY, pathlib.Path(folder)) as pair:
            yield pair


def test_what_is_kept_is_found(probed):
    server, heap = probed
    lines = []
    heap.files = 10_000
    kept = leaks.leak(heap, None, lambda count: lines.extend(raw_calls.Line(server.port) for _ in range(count)), 100)
    assert kept > leaks.BYTES_PER_CALL
    for line in lines:
        line.close()


def test_no_call_of_any_method_leaves_anything(probed):
    wrong = leaks.run(*probed, count=200)
    assert not wrong, "\n".join(wrong)
