"""The programs really run under what their units forbid, where no systemd runs: the same system calls, address families and limits
(confine.py). tests/package does the rest with a real systemd."""
import errno
import os
import pathlib
import signal
import subprocess
import sys

import pytest
from harness import BUILD, PATIENCE, TOP, wait_until

CONFINE = pathlib.Path(__file__).resolve().parent / "confine.py"
UNITS = TOP / "systemd"


def confined(unit):
    return [sys.executable, CONFINE, UNITS / unit, "--"]


@pytest.fixture(autouse=True)
def _possible():
    try:
        import seccomp  # noqa: F401
    except ImportError:
        assert os.environ.get("CI") != "true", "python3-seccomp is missing (scripts/packages)"
        pytest.skip("python3-seccomp is missing: install the packages of scripts/packages")
    if b"__asan_init" in (BUILD / "outreachd").read_bytes():
        pytest.skip("a sanitizer needs more system calls than the program")


def test_a_campaign_under_both_units(make_world):
    world = make_world(start=False)
    shipped = (TOP / "config" / "redis.conf").read_text(encoding="utf-8")
    config = world.dir / "redis.conf"
    config.write_text(shipped.replace("/var/lib/outreachd-redis", str(world.dir)), encoding="utf-8")
    world.start_redis(under=confined("outreachd-redis.service"), config=config)
    world.sim.start()
    daemon = world.start_daemon(under=confined("outreachd.service"))
    status = pathlib.Path(f"/proc/{daemon.process.pid}/status").read_text(encoding="ascii")
    assert "Seccomp:\t2" in status and "NoNewPrivs:\t1" in status
    world.campaign("c1", rows=[(f"1540000{i:04d}", f"张{i}") for i in range(400)], columns=("手机号", "姓名"), text="((姓名))：请关注扶贫日活动")
    world.launch("c1")
    counts = world.wait_reported("c1")
    world.check_books("c1")
    assert sum(counts.values()) == 400 and counts["delivered"] > 350
    world.sim.uplink("15400000001", "R")
    wait_until(lambda: "15400000001" in world.ctl("optout", "export", json=False), what="the opt-out")
    # As ExecStartPre= and ExecReload= run.
    for argv in (["outreachd", "--config", daemon.config, "--check-config"], ["outreachctl", "--config", daemon.config, "reload"]):
        done = subprocess.run([str(a) for a in [*confined("outreachd.service"), BUILD / argv[0], *argv[1:]]], capture_output=True, text=True,
                              timeout=PATIENCE, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    world.redis.bgrewriteaof()  # a fork, and a file of its own
    wait_until(lambda: not world.redis.info("persistence")["aof_rewrite_in_progress"], what="the rewrite ends")
    assert world.redis.info("persistence")["aof_last_bgrewrite_status"] == "ok"
    assert world.kill_daemon(signal.SIGTERM) == 0
    assert world.stop_redis() == 0


@pytest.mark.parametrize("unit", sorted(p.name for p in UNITS.glob("*.service")))
def test_what_is_forbidden_fails(unit):
    """The cage has bars."""
    probe = """
import ctypes, mmap, os, socket, sys
try:
    socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)
except OSError as error:
    print(error.errno)
try:
    mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC)
except OSError as error:
    print(error.errno)
sys.stdout.flush()
os.sched_setaffinity(0, {0})
print("alive")
"""
    done = subprocess.run([str(a) for a in [*confined(unit), sys.executable, "-c", probe]], capture_output=True, text=True, timeout=PATIENCE,
                          check=False)
    assert done.stdout.split() == [str(errno.EAFNOSUPPORT), str(errno.EPERM)], done.stdout + done.stderr
    assert done.returncode == -signal.SIGSYS


def test_a_restriction_nobody_tests_is_noticed(tmp_path):
    unit = tmp_path / "x.service"
    unit.write_text((UNITS / "outreachd.service").read_text(encoding="utf-8").replace("UMask=", "RestrictFileSystems=ext4\nUMask="),
                    encoding="utf-8")
    done = subprocess.run([sys.executable, CONFINE, unit, "--", "true"], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode != 0 and "RestrictFileSystems" in done.stderr
