"""The attacks of `make attack`, small: nobody takes the server away from the others."""

import os
import pathlib
import sys

import pytest

from attack import Attack
import rollcall.v1


@pytest.fixture
def attacked(own_server, monkeypatch):
    own_server.start("--max-open-streams", "2000", "--max-calls", "1000")
    # The operator's process finds the stubs that this one has generated.
    stubs = pathlib.Path(list(rollcall.v1.__path__)[0]).parents[1]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(stubs), *sys.path]))
    return own_server


def test_an_operator_is_refused_nothing_while_others_attack(attacked):
    wrong, _ = Attack(attacked, scale=0.1).all()
    assert not wrong
