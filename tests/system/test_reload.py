"""Reload: what may change while the daemon runs, all of it or nothing; and stop: nothing is left in flight."""
import collections
import re
import shutil
import signal
import time

import pytest
from harness import TOP, wait_until
from test_inbound import post, report
from test_metrics import fetch, samples


def rewrite(world, **keys):
    """Other values for keys of the daemon's configuration, wherever they stand in it."""
    config = world.daemons["a"].config
    text = config.read_text(encoding="utf-8")
    for key, value in keys.items():
        text, n = re.subn(rf"^{key} = .*$", f"{key} = {value}", text, flags=re.M)
        assert n == 1, key
    config.write_text(text, encoding="utf-8")


def refused(world, *words):
    """The reload is refused and says these words, in its answer, in the log, in status and in the metrics. What was in force goes on."""
    done = world.ctl_raw("reload")
    assert done.returncode == 1
    status = world.api("GET", "/status")
    log = world.daemons["a"].process.output()
    assert "event=reload_refused" in log
    for word in words:
        assert word in done.stdout + done.stderr and word in log and word in status["last_reload"]["message"], word
    assert not status["last_reload"]["ok"]
    assert any("reload was refused" in line for line in map(str, status["attention"]))
    assert samples(fetch(world, "/metrics")[1])["outreach_last_reload_ok"] == 0


def accepted(world):
    world.ctl("reload")
    assert world.api("GET", "/status")["last_reload"]["ok"]
    assert samples(fetch(world, "/metrics")[1])["outreach_last_reload_ok"] == 1


# ---- reload


def test_limits_of_a_running_campaign(make_world):
    """At one segment a second 500 recipients would take eight minutes."""
    world = make_world(carrier={"rate": 1, "connections": 1})
    world.campaign("c1", rows=500)
    world.launch("c1")
    world.wait_state("c1", "sending")
    pid = world.daemons["a"].process.pid
    rewrite(world, rate=0, connections=8)
    accepted(world)
    world.wait_reported("c1")
    world.check_books("c1")
    assert world.daemons["a"].process.pid == pid and world.daemons["a"].process.running()


def test_a_running_campaign_keeps_what_it_was_launched_with(make_world):
    world = make_world(carrier={"rate": 1})
    world.campaign("c1", rows=300, text="短")
    world.launch("c1")
    world.wait_state("c1", "sending")
    world.campaign("c1", rows=7, text="长" * 120, window="08:00-08:01", end=time.strftime("%Y-%m-%d %H:%M", time.gmtime(time.time() + 8 * 3600 + 120)))
    world.sizes["c1"] = 300
    rewrite(world, rate=0)
    accepted(world)
    world.wait_reported("c1")
    status = world.check_books("c1")
    assert status["accepted"] == status["segments_sent"] == 300


def test_a_new_carrier_and_a_new_campaign(world):
    world.campaign("c2", rows=40, carrier="second")
    assert world.ctl_raw("campaign", "plan", "c2").returncode == 1
    config = world.daemons["a"].config
    alone = config.read_text(encoding="utf-8")
    section = alone[alone.index("[carrier mas]"):].replace("[carrier mas]", "[carrier second]")
    config.write_text(alone + section, encoding="utf-8")
    accepted(world)
    world.launch("c2")
    world.wait_done("c2")
    assert {c["name"] for c in world.ctl("carrier", "list")["carriers"]} == {"mas", "second"}
    world.check_books("c2")


def test_a_carrier_with_unfinished_campaigns_may_not_go(world):
    """Without its carrier a campaign would vanish from every view, and could be launched a second time elsewhere."""
    config = world.daemons["a"].config
    alone = config.read_text(encoding="utf-8")
    both = alone + alone[alone.index("[carrier mas]"):].replace("[carrier mas]", "[carrier second]").replace("rate = 0", "rate = 1")
    config.write_text(both, encoding="utf-8")
    accepted(world)
    world.campaign("c2", rows=200, carrier="second")
    world.launch("c2")
    world.wait_state("c2", "sending")
    config.write_text(alone, encoding="utf-8")
    refused(world, "carrier second", "1 unfinished campaign")
    config.write_text(both.replace("rate = 1", "rate = 0"), encoding="utf-8")
    accepted(world)
    world.wait_done("c2")
    world.check_books("c2")
    config.write_text(alone, encoding="utf-8")
    wait_until(lambda: world.ctl_raw("reload").returncode == 0, what="the carrier may go when its campaign is done")
    assert [c["name"] for c in world.ctl("carrier", "list")["carriers"]] == ["mas"]


def test_code_tables(make_world):
    world = make_world(start=False, sim={"reports": "none"})
    shutil.copytree(TOP / "config" / "codes", world.dir / "codes")
    world.daemon_keys = {"codes_dir": world.dir / "codes"}
    world.start_redis()
    world.sim.start()
    world.start_daemon()
    world.campaign("c1", rows=20)
    world.launch("c1")
    world.wait_done("c1")
    first, second, third = world.sim.oracle()[:3]
    assert post(world, "report", report(first.group, first.mobile, "ZZ:4711"))[0] == 200
    assert world.counts("c1")["accepted"] == 20
    table = world.dir / "codes" / "cloudmas.ini"
    good = table.read_text(encoding="utf-8")
    table.write_text(good + "\n[ZZ:4711]\nclass = permanent\nmeaning = 测试\n", encoding="utf-8")
    accepted(world)
    assert post(world, "report", report(second.group, second.mobile, "ZZ:4711"))[0] == 200
    assert world.counts("c1")["undelivered"] == 1
    # A broken table leaves the old one in force.
    table.write_text(good + "\n[ZZ:4711]\nclass = nonsense\nmeaning = 测试\n", encoding="utf-8")
    refused(world, "cloudmas.ini", "nonsense")
    assert post(world, "report", report(third.group, third.mobile, "ZZ:4711"))[0] == 200
    assert world.counts("c1")["undelivered"] == 2


@pytest.mark.parametrize("keys, words", [({"rate": "fast"}, ("rate", "fast")), ({"listen": "127.0.0.1:1"}, ("listen", "restart"))])
def test_all_or_nothing(make_world, keys, words):
    """One wrong key, and a right one beside it is not taken either."""
    world = make_world(carrier={"batch_max": 30})
    assert samples(fetch(world, "/metrics")[1])["outreach_last_reload_ok"] == 1
    good = world.daemons["a"].config.read_text(encoding="utf-8")
    rewrite(world, batch_max=10, **keys)
    refused(world, *words)
    world.daemons["a"].process.send(signal.SIGHUP)
    wait_until(lambda: world.daemons["a"].process.output().count("event=reload_refused") == 2, what="by signal too")
    world.daemons["a"].config.write_text(good, encoding="utf-8")  # not read: outreachctl looks at it too
    world.campaign("c1", rows=90)
    world.launch("c1")
    world.wait_done("c1")
    requests = [a.request for a in world.sim.oracle()]
    assert max(requests.count(r) for r in set(requests)) == 30
    accepted(world)


def test_the_log_level(world):
    process = world.daemons["a"].process

    def lines_of_a_campaign(id_):
        before = len(process.output())
        world.campaign(id_, rows=20, first=15400000000 + 1000 * int(id_[1:]), text=id_)
        world.launch(id_)
        world.wait_done(id_)
        return process.output()[before:]
    assert " INFO " in lines_of_a_campaign("c1")
    rewrite(world, log_level="error")
    accepted(world)
    quiet = lines_of_a_campaign("c2")
    assert " INFO " not in quiet and " DEBUG " not in quiet
    rewrite(world, log_level="info")
    accepted(world)
    assert " INFO " in lines_of_a_campaign("c3")


# ---- stop


def states(world):
    """What Redis holds when no daemon runs: states by their letters (docs/redis-layout.md)."""
    return collections.Counter(letter for key in world.redis.keys("outreach:{mas}:s:*") for letter in world.redis.get(key).decode())


@pytest.mark.parametrize("latency_ms", [40, 300])
def test_a_stop_leaves_nothing_in_flight(make_world, latency_ms):
    world = make_world(carrier={"batch_max": 20, "connections": 4}, sim={"latency_ms": latency_ms})
    world.campaign("c1", rows=2000)
    world.launch("c1")
    wait_until(lambda: world.counts("c1")["inflight"] > 0 and len(world.sim.oracle()) >= 20, what="requests under way")
    assert world.kill_daemon(signal.SIGTERM) == 0
    left = states(world)
    assert left.total() == 2000 and left["C"] == left["E"] == 0, left
    assert len(world.sim.oracle()) == 2000 - left["A"] < 2000, "what the carrier took is recorded as taken, and it stopped claiming"
    world.start_daemon()
    world.wait_reported("c1")
    world.check_books("c1")
    assert len(world.sim.oracle()) == 2000


def test_a_stop_waits_no_longer_than_the_carrier_may_take(make_world):
    world = make_world(carrier={"timeout": "1s", "batch_max": 20}, sim={"reports": "none"})
    world.sim.fault("hang", accept=True)
    world.campaign("c1", rows=100)
    world.launch("c1")
    wait_until(lambda: world.counts("c1")["inflight"] > 0, what="a request without an answer")
    assert world.kill_daemon(signal.SIGTERM) == 0
    left = states(world)
    assert left["C"] == 0 and left["E"] == len(world.sim.oracle()) > 0, left


def test_a_stop_while_redis_is_away(make_world):
    """It cannot be recorded, so it is found at the next start; the stop itself comes to its end."""
    world = make_world(carrier={"timeout": "3s", "batch_max": 20}, sim={"latency_ms": 2000})
    world.campaign("c1", rows=100)
    world.launch("c1")
    wait_until(lambda: world.counts("c1")["inflight"] > 0, what="a request under way")
    world.stop_redis(signal.SIGKILL)
    assert world.kill_daemon(signal.SIGTERM) == 0
    world.start_redis()
    world.start_daemon()
    world.wait_counts("c1", inflight=0)
    world.check_books("c1")
