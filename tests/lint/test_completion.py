"""The shipped bash completion, in a real bash: what Tab offers where. That it is the one outreachctl prints is tested in
tests/unit/ctl/test_command.c."""

import os
import shutil
import subprocess

import pytest

from house import TOP

COMPLETION = TOP / "config" / "outreachctl.bash-completion"
# A stand-in for the program, for the names that only a running daemon knows.
ANSWERS = """
outreachctl() {
    case "$*" in
        *"campaign list") printf '{\\n  "campaigns": [\\n    {\\n      "id": "spring-1",\\n' ;;
        *"carrier list") printf '      "name": "mas",\\n' ;;
    esac
}
"""


def complete(*words, cwd=TOP):
    """What is offered for the last of the words."""
    if shutil.which("bash") is None:
        assert os.environ.get("CI") != "true", "bash is missing"
        pytest.skip("bash is missing")
    script = f'{ANSWERS}\nsource "{COMPLETION}"\nCOMP_WORDS=("$@")\nCOMP_CWORD=$(($# - 1))\n_outreachctl\nprintf "%s\\n" "${{COMPREPLY[@]}}"'
    run = subprocess.run(["bash", "-c", script, "bash", "outreachctl", *words], capture_output=True, text=True, cwd=cwd, timeout=20)
    assert run.returncode == 0 and run.stderr == "", run.stderr
    return set(run.stdout.split())


def test_commands():
    assert {"campaign", "optout", "carrier", "status", "reload", "check"} <= complete("")
    assert complete("camp") == {"campaign"}
    assert complete("campaign", "re") == {"resume", "report", "resend", "resolve"}


def test_options_of_the_command_only():
    offered = complete("campaign", "pause", "x", "--")
    assert {"--reason", "--json", "--config"} <= offered
    assert "--watch" not in offered
    assert "--watch" in complete("--json", "--config", "x.ini", "campaign", "status", "x", "--w")


def test_values():
    assert complete("campaign", "resend", "x", "--only", "") == {"temporary", "rejected"}
    assert complete("campaign", "resolve", "x", "--ambiguous", "a") == {"accept"}
    assert complete("campaign", "pause", "x", "--reason", "") == set()


def test_names_of_the_daemon():
    assert complete("campaign", "status", "") == {"spring-1"}
    assert complete("carrier", "pause", "m") == {"mas"}
    assert {"spring-1", "config"} <= complete("campaign", "plan", "")


def test_files():
    assert "config/outreachd.ini" in complete("--config", "config/outreachd")
