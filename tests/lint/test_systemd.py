"""The units are hardened as promised, and systemd takes every line of them. That the programs run under what they demand is tested in
tests/system/test_confined.py, and in a real systemd in tests/system/test_package.py."""
import pathlib
import re
import shutil
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
EXPOSURE_MAX = 1.2
UNITS = sorted(p for p in (TOP / "systemd").iterdir() if p.suffix in (".service", ".socket", ".timer", ".path"))
# What our units refer to and systemd brings along.
FOREIGN = ("-.slice", "basic.target", "local-fs-pre.target", "local-fs.target", "multi-user.target", "network-online.target",
           "network.target", "paths.target", "shutdown.target", "slices.target", "sockets.target", "swap.target", "sysinit.target",
           "time-set.target", "timers.target")


def analyze(*arguments):
    assert shutil.which("systemd-analyze"), "systemd is in scripts/packages"
    return subprocess.run(["systemd-analyze", *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)


def verify(units, root):
    """What systemd has to say about the units, in a root that holds nothing but them and stand-ins of the programs they start."""
    folder = root / "lib/systemd/system"
    folder.mkdir(parents=True)
    for name in FOREIGN:
        if (pathlib.Path("/lib/systemd/system") / name).exists():
            shutil.copy(pathlib.Path("/lib/systemd/system") / name, folder)
    for unit in units:
        shutil.copy(unit, folder)
        for program in re.findall(r"^Exec\w+=[-+!:]*(/\S+)", unit.read_text(encoding="utf-8"), re.M):
            path = root / program.lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("#!/bin/sh\n", encoding="ascii")
            path.chmod(0o755)
    done = analyze("verify", "--man=no", f"--root={root}", *(unit.name for unit in units))
    return (done.stdout + done.stderr).strip()


@pytest.mark.parametrize("unit", [u.name for u in UNITS if u.suffix == ".service"])
def test_exposure(unit):
    done = analyze("security", "--no-pager", "--offline=yes", TOP / "systemd" / unit)
    figure = re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout)
    assert figure, done.stdout + done.stderr
    assert float(figure.group(1)) <= EXPOSURE_MAX, done.stdout


def test_verify(tmp_path):
    assert len(UNITS) >= 3
    assert verify(UNITS, tmp_path / "root") == ""


def test_verify_sees_a_fault(tmp_path):
    unit = tmp_path / "outreachd.service"
    unit.write_text((TOP / "systemd/outreachd.service").read_text(encoding="utf-8").replace("UMask=", "Umask="), encoding="utf-8")
    assert "Umask" in verify([unit], tmp_path / "root")
