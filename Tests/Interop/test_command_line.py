"""The command line against a real server: what people read, what programs read, and the exit codes they rely on."""

import hashlib
import json
import os
import stat
import subprocess

import pytest
from google.protobuf import json_format

from rollcall.v1 import catalog_service_pb2, deployment_pb2, rollout_pb2
from rollcall_client import policy, unique


@pytest.fixture
def run(server, org, tmp_path):
    """Runs a command in an environment of its own, with the key of a fresh org."""
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(tmp_path), "ROLLCALL_SERVER": server.address,
        "ROLLCALL_KEY": org.metadata[0][1].removeprefix("Bearer "),
    }

    def run(*arguments, code=0, **changes):
        done = subprocess.run(
            [str(server.binary), *arguments], env={**environment, **changes}, capture_output=True, text=True, timeout=60,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == code, f"{arguments} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stderr if code else done.stdout

    return run


@pytest.fixture
def catalog(run, tmp_path):
    """A model with two versions, made by commands."""
    run("models", "create", "screen", "--display-name", "Screen", "--label", "team=vision")
    run("models", "add-variant", "screen/any", "--capability", "screening")
    for version in ("1.0.0", "2.0.0"):
        file = tmp_path / version
        file.write_bytes(version.encode() * 100_000)
        out = run("models", "push", f"screen/any/{version}", str(file))
        assert hashlib.sha256(file.read_bytes()).hexdigest() in out
    return tmp_path


def test_a_login_is_remembered_for_its_owner_only(run, server, org, tmp_path):
    key = org.metadata[0][1].removeprefix("Bearer ")
    run("login", "--key", key, ROLLCALL_KEY="")
    profile = tmp_path / ".config" / "rollcall" / "config.json"
    assert stat.S_IMODE(profile.stat().st_mode) == 0o600
    assert "admin" in run("whoami", ROLLCALL_KEY="", ROLLCALL_SERVER="")
    profile.chmod(0o644)
    assert "chmod 600" in run("whoami", code=1)


def test_a_wrong_key_is_not_remembered(run, tmp_path):
    assert run("login", "--key", "sk-wrong", code=4).startswith("rollcall: ")
    assert not (tmp_path / ".config" / "rollcall").exists()


def test_tables_for_people_and_json_for_programs(run, catalog):
    table = run("models", "list").splitlines()
    assert table[0].split()[:1] == ["NAME"] and table[1].startswith("screen ")
    assert "\x1b" not in "".join(table), "no colours into a pipe"
    answer = json_format.Parse(run("models", "list", "--output", "json"), catalog_service_pb2.ListModelsResponse())
    assert [(m.name, m.display_name, dict(m.labels)) for m in answer.models] == [("screen", "Screen", {"team": "vision"})]
    assert "screen/any/2.0.0" in run("models", "show", "screen")


def test_an_artifact_comes_back_and_a_broken_download_goes_on(run, catalog):
    file = catalog / "pulled"
    file.write_bytes(b"1.0.0" * 10)
    run("models", "pull", "screen/any/1.0.0", str(file))
    assert file.read_bytes() == b"1.0.0" * 100_000
    file.write_bytes(b"something else")
    assert "removed" in run("models", "pull", "screen/any/1.0.0", str(file), code=1)
    assert not file.exists()


def test_a_rollout_from_the_command_line(run, catalog):
    run("deployments", "create", "screen", "--version", "screen/any/1.0.0", "--start", "--steps", "100%")
    assert "completed" in run("rollouts", "watch", "screen")
    run("deployments", "set-version", "screen", "screen/any/2.0.0", "--steps", "5%:1h,25%:1h", "--gate", "error-rate<=5%:rollback")
    shown = run("rollouts", "show", "screen", "--output", "json")
    rollout = json_format.Parse(shown, rollout_pb2.Rollout())
    assert [step.exposure_millionths for step in rollout.policy.steps] == [50_000, 250_000, 1_000_000]
    assert rollout.policy.gates[0].id == "error-rate-rollback"
    assert "PROGRESSING" in run("rollouts", "advance", "screen")
    assert "ROLLOUT" in run("rollouts", "show", "screen")
    assert "pause" in run("deployments", "set-version", "screen", "screen/any/1.0.0", code=5)
    assert "PAUSED" in run("rollouts", "pause", "screen", "--reason", "lunch")
    assert "--allow-regression" in run("rollouts", "expose", "screen", "1%", code=5)
    assert "1 %" in run("rollouts", "expose", "screen", "1%", "--allow-regression")
    assert "PROGRESSING" in run("rollouts", "resume", "screen")
    assert "ROLLED_BACK" in run("deployments", "rollback", "screen", "--reason", "enough")
    run("rollouts", "watch", "screen", code=7)
    events = run("deployments", "events", "screen")
    assert "rollout.advanced" in events and "rollout.rolled_back" in events
    deployment = json_format.Parse(run("deployments", "show", "screen", "-o", "json"), deployment_pb2.Deployment())
    assert deployment.rollout_count == 2


@pytest.mark.parametrize("arguments, code, words", [
    (["models", "show", "nothing"], 3, "there is no model \"nothing\""),
    (["rollouts", "show", "01890000-0000-7000-8000-000000000000"], 3, "rollcall: "),
    (["models", "create", "Not A Name"], 2, "model.name"),
    (["models", "push", "a/b", "file"], 2, "MODEL/VARIANT/VERSION"),
    (["devices", "list", "--limit", "201"], 64, "between 1 and 200"),
    (["rollouts", "expose", "x", "101%"], 64, "not a share"),
    (["nothing"], 64, "Unexpected argument"),
    (["whoami", "--server", "127.0.0.1:9"], 6, "rollcall serve"),
    (["whoami", "--server", "not an address"], 2, "host:port"),
    (["whoami", "--key", "sk-wrong"], 4, "rollcall login"),
])
def test_what_goes_wrong_is_told_and_has_its_exit_code(run, arguments, code, words):
    told = run(*arguments, code=code)
    assert words in told
    for noise in ("RPCError", "Fatal", "stack", "Optional("):
        assert noise not in told


def test_the_version_and_the_help_are_told(run):
    assert run("--version").strip().count(".") == 2
    assert "rollcall demo" in run() and run("deployments", "create", "--help").count("--version <version>") == 2


def test_without_a_key_the_next_step_is_named(run):
    assert "rollcall login --key" in run("whoami", code=4, ROLLCALL_KEY="")


@pytest.mark.parametrize("shell, word", [("bash", "complete"), ("zsh", "#compdef"), ("fish", "complete -c")])
def test_shells_complete(run, shell, word):
    assert word in run("--generate-completion-script", shell)
