"""A daemon whose clock is an hour wrong, beside one whose clock is right or alone: what daemons wait for on account of one another
goes by the clock of Redis. The wrong clock is libfaketime's, under the daemon of the build as it is."""
import datetime
import pathlib
import signal
import time

import pytest
from harness import BUILD, wait_until

HOUR_S = 3600
OFF = pytest.mark.parametrize("off_s", [HOUR_S, -HOUR_S], ids=["ahead", "behind"])
P = "outreach:{mas}:"


def start_off(world, name, off_s):
    """Starts a daemon whose wall clock is `off_s` seconds off; its monotonic one runs as ever."""
    if b"__asan_init" in (BUILD / "outreachd").read_bytes():
        pytest.skip("the sanitizer has to be the first library of the process, and so has libfaketime")
    libraries = list(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not libraries:
        pytest.skip("libfaketime is missing: install the packages of scripts/packages")
    daemon = world.start_daemon(name, env={"LD_PRELOAD": str(libraries[0]), "FAKETIME": f"{off_s:+d}",
                                           "FAKETIME_DONT_FAKE_MONOTONIC": "1"})
    for shared in (f"faketime_shm_{daemon.process.pid}", f"sem.faketime_sem_{daemon.process.pid}"):
        pathlib.Path("/dev/shm", shared).unlink(missing_ok=True)  # in use; after a SIGKILL nobody would remove them
    said = datetime.datetime.fromisoformat(daemon.process.output().split(" ", 1)[0]).timestamp()
    assert abs(said - time.time() - off_s) < 300, "its log shows the wrong time"
    return daemon


def campaign(world, id_, rows, **keys):
    """Begun long ago by either clock."""
    start = time.strftime("%Y-%m-%d %H:%M", time.gmtime(time.time() - 6 * HOUR_S + 8 * HOUR_S))
    return world.campaign(id_, rows=rows, start=start, **keys)


def redis_ms(world):
    seconds, micros = world.redis.time()
    return seconds * 1000 + micros // 1000


def asked_often(world, calls=12):
    """Until the daemons have looked at everything a few times more."""
    world.redis.config_resetstat()
    wait_until(lambda: sum(world.redis.info("commandstats").get(f"cmdstat_{name}", {"calls": 0})["calls"]
                           for name in ("fcall", "fcall_ro")) >= calls, what="the daemons look again and again")


@OFF
def test_the_common_rate_holds(make_world, off_s):
    """Both send, together at the rate of one; nothing is taken from who is at it, nobody is sent to twice."""
    rows, rate = 4000, 500
    world = make_world(carrier={"rate": rate, "batch_max": 10}, sim={"reports": "none"})
    off = start_off(world, "b", off_s)
    campaign(world, "c1", rows)
    world.launch("c1", now=False)
    began = wait_until(lambda: world.sim.oracle() and time.monotonic(), what="begun")
    world.wait_done("c1", timeout=120)
    took_s = time.monotonic() - began
    assert took_s >= 0.75 * rows / rate, "together not faster than one alone"
    world.check_books("c1")
    assert world.counts("c1")["accepted"] == rows == len(world.sim.oracle())
    for daemon in (world.daemons["a"], off):
        text = daemon.process.output()
        assert text.count("event=request") > 10, "each has its part"
        assert "event=swept" not in text and "outcome=ambiguous" not in text


@OFF
def test_what_one_puts_off_another_sends(make_world, off_s):
    world = make_world(carrier={"batch_max": 10}, sim={"reports": "none"})
    world.kill_daemon(signal.SIGTERM)
    start_off(world, "b", off_s)
    campaign(world, "c1", 50)
    world.sim.fault("rspcod:SystemBusy")
    world.launch("c1", now=False, name="b")
    ((_, due_ms),) = wait_until(lambda: world.redis.zrange(P + "rz:1", 0, -1, withscores=True), what="put off")
    assert abs(due_ms - redis_ms(world)) < 600_000, "by the clock of Redis"
    assert world.kill_daemon(signal.SIGTERM, name="b") == 0
    world.sim.clear()
    world.start_daemon("a")
    world.wait_done("c1")
    world.check_books("c1")
    assert len(world.sim.oracle()) == 50


@OFF
def test_a_rest_after_a_quota_lasts_as_long_as_ever(make_world, off_s):
    world = make_world(carrier={"batch_max": 10}, sim={"reports": "none"})
    world.kill_daemon(signal.SIGTERM)
    start_off(world, "b", off_s)
    campaign(world, "c1", 50)
    world.sim.fault("rspcod:OverDailyMax")
    world.launch("c1", now=False, name="b")
    wait_until(lambda: world.redis.hget(P + "carrier", "state") == b"stopped", what="the account rests")
    left_ms = int(world.redis.hget(P + "carrier", "resume_at")) - redis_ms(world)
    assert (HOUR_S - 300) * 1000 < left_ms <= HOUR_S * 1000
    asked_often(world)
    assert world.redis.hget(P + "carrier", "state") == b"stopped" and world.sim.stats()["requests"] == 1
    world.sim.clear()
    world.redis.hset(P + "carrier", "resume_at", redis_ms(world) - 1)
    world.wait_done("c1", name="b")
    world.check_books("c1", name="b")
    assert len(world.sim.oracle()) == 50
