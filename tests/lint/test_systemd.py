"""The units are hardened as promised (docs/architecture.md has no say in it, the kernel does): systemd's own exposure figure."""
import pathlib
import re
import shutil
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
EXPOSURE_MAX = 1.2


@pytest.mark.parametrize("unit", sorted(p.name for p in (TOP / "systemd").glob("*.service")))
def test_exposure(unit):
    assert shutil.which("systemd-analyze"), "systemd is in scripts/packages"
    done = subprocess.run(["systemd-analyze", "security", "--no-pager", "--offline=yes", TOP / "systemd" / unit],
                          capture_output=True, text=True, timeout=60, check=False)
    figure = re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout)
    assert figure, done.stdout + done.stderr
    assert float(figure.group(1)) <= EXPOSURE_MAX, done.stdout
