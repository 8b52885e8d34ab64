"""The command line against a real server: what people read, what programs read, and the exit codes they rely on."""

import hashlib
import json
import os
import pty
import signal
import stat
import subprocess
import time

import pytest
from google.protobuf import json_format

from rollcall.v1 import catalog_service_pb2, deployment_pb2, device_pb2, rollout_pb2
from rollcall_client import eventually, policy, unique


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
        run.last = done
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
    artifact = b"1.0.0" * 100_000
    part = catalog / f".rollcall-{hashlib.sha256(artifact).hexdigest()[:32]}.part"
    part.write_bytes(artifact[:250_001])
    file = catalog / "pulled"
    run("models", "pull", "screen/any/1.0.0", str(file))
    assert file.read_bytes() == artifact and not part.exists()
    assert "verified" in run("models", "pull", "screen/any/1.0.0", str(file)), "what is there already is no fault"
    part.write_bytes(b"not its beginning")
    other = catalog / "other"
    assert "as it was" in run("models", "pull", "screen/any/1.0.0", str(other), code=1)
    assert not part.exists() and not other.exists()


@pytest.mark.parametrize("before", [b"notes of mine", b"2.0.0" * 100_000, b"1.0.0" * 100_001])
def test_a_file_that_is_something_else_is_kept(run, catalog, before):
    file = catalog / "pulled"
    file.write_bytes(before)
    file.chmod(0o640)
    assert "--force" in run("models", "pull", "screen/any/1.0.0", str(file), code=5)
    assert file.read_bytes() == before
    run("models", "pull", "screen/any/1.0.0", str(file), "--force")
    assert file.read_bytes() == b"1.0.0" * 100_000
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert not list(catalog.glob(".rollcall-*"))


def test_the_beginning_of_an_artifact_is_completed_through_a_link(run, catalog):
    file, link = catalog / "pulled", catalog / "link"
    file.write_bytes(b"1.0.0" * 7)
    link.symlink_to(file)
    run("models", "pull", "screen/any/1.0.0", str(link))
    assert link.is_symlink() and file.read_bytes() == b"1.0.0" * 100_000


def test_what_no_file_can_hold_or_stand_in_is_said(run, catalog, tmp_path):
    (tmp_path / "empty").touch()
    assert "is empty" in run("models", "push", "screen/any/9", str(tmp_path / "empty"), code=2)
    assert "there is no folder" in run("models", "pull", "screen/any/1.0.0", str(tmp_path / "none" / "file"), code=2)
    assert "./-" in run("models", "pull", "screen/any/1.0.0", "-", code=2)


def test_a_slash_behind_an_address_and_a_span_are_taken(run, server):
    assert "admin" in run("whoami", "--server", server.address + "/", "--timeout", "1m")


def test_a_folder_is_no_artifact(run, catalog):
    assert "is a folder" in run("models", "push", "screen/any/9", str(catalog), code=2)
    assert "is a folder" in run("models", "pull", "screen/any/1.0.0", str(catalog), code=2)
    assert "nowhere" in run("models", "push", "screen/any/9", str(catalog / "nowhere"), code=1)


@pytest.mark.parametrize("arguments", [["models", "list"], ["models", "list", "-o", "json"], ["--version"]])
def test_output_that_cannot_be_written_is_an_error(server, org, tmp_path, arguments):
    environment = {"HOME": str(tmp_path), "ROLLCALL_SERVER": server.address,
                   "ROLLCALL_KEY": org.metadata[0][1].removeprefix("Bearer ")}
    with open("/dev/full", "wb") as full:
        done = subprocess.run([str(server.binary), *arguments], env=environment, stdout=full, stderr=subprocess.PIPE,
                              text=True, timeout=60)
    assert done.returncode == 1 and "No space left" in done.stderr


def test_a_secret_that_was_lost_is_told(server, org, run, tmp_path):
    environment = {"HOME": str(tmp_path), "ROLLCALL_SERVER": server.address,
                   "ROLLCALL_KEY": org.metadata[0][1].removeprefix("Bearer ")}
    with open("/dev/full", "wb") as full:
        done = subprocess.run([str(server.binary), "keys", "create", "bot", "--role", "viewer"], env=environment,
                              stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 1 and "its secret is lost" in done.stderr
    hint = done.stderr.split("keys revoke ")[1].split()[0]
    assert "valid" in run("keys", "list") and "bot" in run("keys", "list")
    run("keys", "revoke", hint)
    assert "revoked" in run("keys", "list")
    # The account is there, and gets another key as it was advised.
    advised = done.stderr.split(" and rollcall ")[1].split()
    secret = run(*advised).split()[0]
    assert "viewer" in run("whoami", ROLLCALL_KEY=secret)
    run("keys", "revoke", secret[:7])
    assert run("whoami", code=4, ROLLCALL_KEY=secret)
    assert run("keys", "create", "--principal", "nobody", code=3)


def test_a_lost_artifact_is_restored_from_the_same_file(own_server, tmp_path):
    own_server.start()
    environment = {"HOME": str(tmp_path), "ROLLCALL_SERVER": own_server.address, "ROLLCALL_KEY": own_server.admin_key}

    def run(*arguments, code=0):
        done = subprocess.run([str(own_server.binary), *arguments], env=environment, capture_output=True, text=True,
                              timeout=60)
        assert done.returncode == code, done.stderr
        return done.stderr if code else done.stdout

    file = tmp_path / "model"
    file.write_bytes(os.urandom(5_000_000))
    run("models", "create", "m")
    run("models", "add-variant", "m/any", "--capability", "vision")
    run("models", "push", "m/any/1", str(file), "--media-type", "application/x")
    # What is there is not sent twice, however large.
    assert "stored already" in run("models", "push", "m/any/1", str(file))
    assert own_server.terminate() == 0
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    (own_server.data / "artifacts" / digest[:2] / digest).unlink()
    own_server.start()
    assert digest in own_server.log.read_text()
    assert "push the same file" in run("models", "pull", "m/any/1", str(tmp_path / "out"), code=1)
    other = tmp_path / "other"
    other.write_bytes(b"other")
    assert "never changes" in run("models", "push", "m/any/1", str(other), code=5)
    assert "stored already" not in run("models", "push", "m/any/1", str(file))
    run("models", "pull", "m/any/1", str(tmp_path / "out"))
    assert (tmp_path / "out").read_bytes() == file.read_bytes()


def test_a_device_is_told_which_one_it_is(run):
    secret = run("devices", "register", "till-7", "--platform", "linux").split()[0]
    device = json.loads(run("devices", "list", "--output", "json"))["devices"][0]["id"]
    assert device in run("whoami", ROLLCALL_KEY=secret)
    assert f"as device {device} of org" in run("login", ROLLCALL_KEY=secret)


def test_a_model_is_shown_with_all_its_versions(run, org):
    run("models", "create", "many")
    for variant in ("old", "new", "empty"):
        run("models", "add-variant", f"many/{variant}", "--capability", "vision")
    listed = org.call(org.catalog.ListModelVariants, catalog_service_pb2.ListModelVariantsRequest())
    variants = {variant.name: variant.id for variant in listed.model_variants}
    for variant, count in (("old", 2), ("new", 205)):
        for number in range(count):
            version = {"variant_id": variants[variant], "name": str(number)}
            org.call(org.catalog.CreateModelVersion,
                     catalog_service_pb2.CreateModelVersionRequest(model_version=version))
    lines = run("models", "show", "many").splitlines()
    assert sum("many/new/" in line for line in lines) == 205 and sum("many/old/" in line for line in lines) == 2
    assert [line.split()[0] for line in lines if "no version" in line] == ["many/empty/"]
    assert len(json.loads(run("models", "show", "many", "--output", "json"))["modelVersions"]) == 207


def test_a_watch_whose_reader_has_gone_ends_at_its_next_line(server, org, run, catalog, tmp_path):
    run("deployments", "create", "w", "--version", "screen/any/2.0.0", "--from", "screen/any/1.0.0", "--steps", "10%:1h", "--start")
    environment = {"HOME": str(tmp_path), "ROLLCALL_SERVER": server.address,
                   "ROLLCALL_KEY": org.metadata[0][1].removeprefix("Bearer ")}
    watch = subprocess.Popen([str(server.binary), "rollouts", "watch", "w", "-o", "json"], env=environment,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    watch.stdout.readline()
    watch.stdout.close()
    run("rollouts", "pause", "w")
    assert watch.wait(30) == -13, "as a program that SIGPIPE ends"


def test_a_watch_tells_that_it_hears_nothing_and_when_it_hears_again(own_server, tmp_path):
    own_server.start()
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "ROLLCALL_SERVER": own_server.address,
                   "ROLLCALL_KEY": own_server.admin_key}

    def run(*arguments):
        subprocess.run([str(own_server.binary), *arguments], env=environment, check=True, capture_output=True, timeout=60)

    (tmp_path / "model").write_bytes(b"model")
    run("models", "create", "m")
    run("models", "add-variant", "m/any", "--capability", "vision")
    for version in "12":
        run("models", "push", f"m/any/{version}", str(tmp_path / "model"))
    run("deployments", "create", "w", "--version", "m/any/2", "--from", "m/any/1", "--steps", "10%:1h", "--start")
    log = tmp_path / "log"
    with log.open("wb") as out:
        watch = subprocess.Popen([str(own_server.binary), "rollouts", "watch", "w"], env=environment, stdout=out, stderr=out)
    try:
        eventually(lambda: b"10 %" in log.read_bytes())
        own_server.process.send_signal(signal.SIGSTOP)
        eventually(lambda: b"lost" in log.read_bytes(), seconds=60)
        own_server.process.send_signal(signal.SIGCONT)
        eventually(lambda: b"heard again" in log.read_bytes(), seconds=60)
        assert watch.poll() is None
    finally:
        own_server.process.send_signal(signal.SIGCONT)
        watch.kill()
        watch.wait()


def test_a_server_serves_without_an_output(own_server, tmp_path):
    with open("/dev/full", "wb") as full:
        server = subprocess.Popen([str(own_server.binary), "serve", "--data", str(tmp_path / "own"), "--listen", own_server.address],
                                  stdout=full, stderr=subprocess.PIPE, text=True)
    try:
        line = ""
        while "standard output takes nothing" not in line:
            line = server.stderr.readline()
            assert line, "it ended"
        assert server.poll() is None
    finally:
        server.terminate()
        assert server.wait(30) == 0


def test_nothing_goes_to_everybody_at_once_unasked(run, catalog):
    run("deployments", "create", "screen", "--version", "screen/any/1.0.0", "--start")
    told = run("deployments", "set-version", "screen", "screen/any/2.0.0", code=64)
    assert "at once" in told and "--all-at-once" in told and "--steps" in told
    assert "screen/any/1.0.0" in run("deployments", "show", "screen")
    run("deployments", "set-version", "screen", "screen/any/2.0.0", "--all-at-once")
    assert "screen/any/2.0.0" in run("deployments", "show", "screen")
    run("deployments", "set-version", "screen", "screen/any/1.0.0", "--yes")


def test_a_watch_says_why_it_waits_and_ends_on_pause(run, catalog):
    run("deployments", "create", "screen", "--version", "screen/any/2.0.0", "--from", "screen/any/1.0.0",
        "--steps", "10%,100%", "--gate", "error-rate<=5%", "--start")
    told = run("rollouts", "watch", "screen", "--timeout", "6", code=6)
    assert "--timeout is over" in told
    assert "Gate error-rate-pause needs reports of 5 devices on the new version; 0 have" in run.last.stdout
    assert "rollcall rollouts advance screen" in run.last.stdout
    assert all(len(line) <= 80 for line in run.last.stdout.splitlines() if "%" in line), "a progress line fits 80 columns"
    run("rollouts", "pause", "screen", "--reason", "lunch")
    run("rollouts", "watch", "screen", "--exit-on-pause", code=8)
    assert "Paused: lunch" in run.last.stdout and "rollcall rollouts resume screen" in run.last.stdout


def test_names_that_look_like_ids_are_names(run, catalog, org):
    name = "01890000-0000-7000-8000-000000000001"
    run("models", "create", name)
    run("models", "add-variant", f"{name}/any", "--capability", "screening")
    assert name in run("models", "show", name)
    run("deployments", "create", name, "--version", "screen/any/1.0.0")
    assert name in run("deployments", "show", name)
    org.register(name)
    assert name in run("devices", "show", name)


def test_screens_show_names_and_programs_get_ids(run, catalog, org):
    run("deployments", "create", "screen", "--version", "screen/any/1.0.0", "--start", "--steps", "100%")
    org.register("clinic-7")
    for arguments in (["deployments", "show", "screen"], ["deployments", "assignments", "screen"], ["rollouts", "list", "screen"],
                      ["devices", "list"], ["keys", "list"], ["deployments", "health", "screen"]):
        shown = run(*arguments)
        ids = [word for word in shown.split() if len(word) == 36 and word.count("-") == 4]
        # A deployment's own id is a fact about it.
        assert len(ids) <= (1 if "show" in arguments else 0), shown
    assert "screen/any/1.0.0" in run("deployments", "assignments", "screen")
    assert "clinic-7" in run("deployments", "assignments", "screen")


def test_what_failed_is_listed_by_error_after_the_rollback(run, catalog, org):
    run("deployments", "create", "screen", "--version", "screen/any/2.0.0", "--from", "screen/any/1.0.0",
        "--steps", "100%:1h", "--start")
    deployment = json_format.Parse(run("deployments", "show", "screen", "-o", "json"), deployment_pb2.Deployment())
    for name in ("a", "b"):
        device = org.register(name)
        org.sync(device.id, installed=[device_pb2.InstalledVersion(
            deployment_id=deployment.id, model_version_id=deployment.fleet.desired_version_id,
            state=device_pb2.InstalledVersion.STATE_FAILED, error="30 vs. 32")])
    run("deployments", "rollback", "screen")
    deadline = time.monotonic() + 20
    while "30 vs. 32" not in (shown := run("devices", "list", "--deployment", "screen", "--state", "failed")):
        assert time.monotonic() < deadline, shown
    assert shown.splitlines()[1].split()[:2] == ["2", "screen/any/2.0.0"]
    assert "HEALTHY" in run("deployments", "health", "screen") or "UNKNOWN" in run("deployments", "health", "screen")


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
    (["rollouts", "expose", "x", "1"], 64, '"1%", or "100%"'),
    (["deployments", "create", "x", "--version", "a/b/c", "--steps", "1"], 64, '"1%", or "100%"'),
    (["deployments", "create", "x", "--version", "a/b/c", "--steps", "5%:soon"], 64, "no span"),
    (["whoami", "--server", "http://127.0.0.1:9/"], 6, "cannot be reached"),
    (["whoami", "--server", "ftp://127.0.0.1"], 2, "neither http nor https"),
    (["models", "show", b"caf\xe9"], 64, "not UTF-8"),
    (["nothing"], 64, "Unexpected argument"),
    (["models", "push", "a/b/c", "-"], 2, "./-"),
    (["models", "push", "a/b/c", ""], 2, "no file is named"),
    (["models", "show", "a/b"], 3, "rollcall models show a"),
    (["models", "add-variant", "a/", "--capability", "x"], 64, "not MODEL/VARIANT"),
    (["whoami", "--timeout", "soon"], 64, "no span"),
    (["whoami", "--server", "::1:28231"], 2, "in brackets before a port"),
    (["serve", "--data", ""], 64, "--data names no folder"),
    (["whoami", "--server", "127.0.0.1:9"], 6, "rollcall serve"),
    (["whoami", "--server", "not an address"], 2, "host:port"),
    (["whoami", "--key", "sk-wrong"], 4, "rollcall login"),
])
def test_what_goes_wrong_is_told_and_has_its_exit_code(run, arguments, code, words):
    told = run(*arguments, code=code)
    assert words in told
    for noise in ("RPCError", "Fatal", "stack", "Optional("):
        assert noise not in told


def test_a_variable_that_says_neither_yes_nor_no_is_named(run):
    assert "$ROLLCALL_TLS" in run("whoami", code=2, ROLLCALL_TLS="perhaps")
    assert "admin" in run("whoami", ROLLCALL_TLS="off")


def test_a_login_reads_its_key_from_a_pipe(server, org, tmp_path):
    key = org.metadata[0][1].removeprefix("Bearer ")
    done = subprocess.run([str(server.binary), "login"], input=key + "\r\n", text=True, capture_output=True, timeout=60,
                          env={"HOME": str(tmp_path), "ROLLCALL_SERVER": server.address})
    assert done.returncode == 0, done.stderr
    assert key not in done.stdout + done.stderr
    assert stat.S_IMODE((tmp_path / ".config" / "rollcall" / "config.json").stat().st_mode) == 0o600


def test_a_login_hides_what_is_typed(server, org, tmp_path):
    key = org.metadata[0][1].removeprefix("Bearer ")
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(str(server.binary), [str(server.binary), "login"], {"HOME": str(tmp_path), "ROLLCALL_SERVER": server.address})
    shown = b""
    while b"API key: " not in shown:
        shown += os.read(terminal, 1024)
    os.write(terminal, key.encode() + b"\n")
    try:
        while part := os.read(terminal, 1024):
            shown += part
    except OSError:
        pass  # Linux says so at the end of a terminal.
    assert os.waitpid(pid, 0)[1] == 0
    assert b"Logged in" in shown and key.encode() not in shown


def test_the_version_and_the_help_are_told(run):
    assert run("--version").strip().count(".") == 2
    assert "rollcall demo" in run() and run("deployments", "create", "--help").count("--version <version>") == 2


def test_without_a_key_the_next_step_is_named(run):
    assert "rollcall login --key" in run("whoami", code=4, ROLLCALL_KEY="")


@pytest.mark.parametrize("shell, word", [("bash", "complete"), ("zsh", "#compdef"), ("fish", "complete -c")])
def test_shells_complete(run, shell, word):
    assert word in run("--generate-completion-script", shell)
