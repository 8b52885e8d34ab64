"""The demo tells its whole story: two good versions, a bad one caught, everybody back."""

import subprocess

from rollcall_server import free_port


def test_the_demo_tells_its_story(pytestconfig):
    from conftest import BINARY

    done = subprocess.run(
        [str(BINARY), "demo", "--exit", "--devices", "60", "--listen", f"127.0.0.1:{free_port()}"],
        capture_output=True, text=True, timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    story = done.stdout
    assert "\x1b" not in story, "readable without a terminal"
    for words in [
        "60/60 devices registered",
        "60 artifacts downloaded, every sha256 verified",
        "5 %", "25 %", "100 %",
        "Rollout 2 completed",
        "2.0.0 was right about",
        "devices could not use it",
        "The gate paused it",
        "60/60 devices run what they should",
        "Rollout 3 rolled back",
    ]:
        assert words in story, f"{words!r} is missing in:\n{story}"
    # The failure is the library's own: a model made for more measurements than a device takes.
    assert "30 vs. 32" in story
    assert story.index("5 %") < story.index("25 %") < story.index("The gate paused it")
