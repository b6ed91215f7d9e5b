"""on_ambiguous = hold | resend: what happens by itself to those of whom nobody knows whether the carrier took them."""
import collections
import time

import pytest
from harness import FIRST_NUMBER, wait_until


def spoil_the_canary(make_world, policy, accept):
    """Ten people are ambiguous after their request was closed without an answer."""
    world = make_world(carrier={"timeout": "1s"}, daemon={"resend_silent_after": "1s"}, sim={"reports": "none"})
    world.campaign("c1", rows=10, on_ambiguous=policy)
    world.sim.fault("close", accept=accept, count=1)
    world.launch("c1")
    wait_until(lambda: world.sim.hits("close") == 1, what="the fault")
    return world


def test_resend_after_a_silence(make_world):
    world = spoil_the_canary(make_world, "resend", accept=False)
    wait_until(lambda: len(world.sim.oracle()) == 10, what="sent again")
    status = wait_until(lambda: (s := world.status("c1"))["counts"]["accepted"] == 10 and s, what="accepted")
    assert status["state"] == "done" and status["counts"]["ambiguous"] == 0
    world.check_books("c1")


def test_resend_is_once_in_a_life(make_world):
    """The second try is spoilt too: now a person has to decide."""
    world = make_world(carrier={"timeout": "1s"}, daemon={"resend_silent_after": "1s"}, sim={"reports": "none"})
    world.campaign("c1", rows=10, on_ambiguous="resend")
    world.sim.fault("close", accept=True)
    world.launch("c1")
    wait_until(lambda: world.sim.hits("close") == 2 and world.counts("c1")["ambiguous"] == 10, what="two tries")
    world.sim.clear()
    wait_until(lambda: world.redis.zcard("outreach:{mas}:rs") == 0, what="the policy has looked at it again and let it be")
    wait_until(lambda: world.counts("c1")["inflight"] == 0, what="quiet")
    times = collections.Counter(a.mobile for a in world.sim.oracle())
    assert set(times.values()) == {2} and len(times) == 10
    assert world.counts("c1")["ambiguous"] == 10


def test_a_report_makes_the_resend_needless(make_world):
    """The carrier took them and only its answer was lost: reports say so before the silence is over. Whoever is silent meanwhile is
    sent to again, which shows that the policy has looked."""
    world = make_world(carrier={"timeout": "1s"}, daemon={"resend_silent_after": "3s"}, sim={"report_delay_ms": 100})
    world.campaign("heard", rows=10, on_ambiguous="resend")
    world.campaign("silent", rows=10, first=FIRST_NUMBER + 50_000_000, on_ambiguous="resend")
    world.sim.fault("close", accept=True, count=1)
    world.launch("heard")
    wait_until(lambda: world.counts("heard")["ambiguous"] == 0 and world.status("heard")["state"] == "done", what="reports clear it up")
    world.sim.fault("close", accept=False, count=1)
    world.launch("silent")
    world.wait_done("silent")
    wait_until(lambda: len(world.sim.oracle()) == 20, what="the silent ones are sent again")
    world.wait_reported("silent")
    world.check_books("heard")
    world.check_books("silent")


def test_recorded_as_an_act_of_the_policy(make_world):
    """In the middle of a campaign, with personal texts: the chunk behind the canary is spoilt, the campaign is done, and lives again."""
    world = make_world(carrier={"timeout": "1s"}, daemon={"resend_silent_after": "1s"}, sim={"reports": "none", "latency_ms": 100})
    numbers = world.campaign("c1", rows=[(str(FIRST_NUMBER + i), f"张{i}") for i in range(60)], columns=("手机号", "姓名"),
                             on_ambiguous="resend", text="((姓名))：10月17日是全国扶贫日。")
    world.sim.fault("close", accept=False, mobile=numbers[30], count=1)
    world.launch("c1")
    wait_until(lambda: len(world.sim.oracle()) == 60, what="sent again")
    world.wait_done("c1")
    world.check_books("c1")
    assert world.counts("c1")["accepted"] == 60
    lines = [{key.decode(): value.decode() for key, value in fields.items()} for _, fields in world.redis.xrange("outreach:{a}:audit")]
    assert [(line["act"], line["object"]) for line in lines if line["actor"] == "policy"] == [("resolve resend", "mas:1")]


@pytest.mark.parametrize("accept", [True, False])
def test_hold_waits_for_a_person(make_world, accept):
    """The same happened to a campaign with `resend` a moment later: when that one was sent again, the policy has passed this one by."""
    world = spoil_the_canary(make_world, "hold", accept)
    wait_until(lambda: world.counts("c1")["ambiguous"] == 10, what="ambiguous")
    world.campaign("c2", rows=10, first=FIRST_NUMBER + 50_000_000, on_ambiguous="resend")
    world.sim.fault("close", accept=False, count=1)
    world.launch("c2")
    wait_until(lambda: world.counts("c2")["accepted"] == 10, what="the other one is sent again")
    assert world.counts("c1")["ambiguous"] == 10 and world.status("c1")["state"] == "done"
    assert len(world.sim.oracle()) == (20 if accept else 10)
    world.ctl("campaign", "resolve", "c1", "--ambiguous", "accept" if accept else "fail", "--reason", "问过运营商")
    counts = world.counts("c1")
    assert counts["ambiguous"] == 0 and counts["accepted" if accept else "undelivered"] == 10
    rows = world.ctl("campaign", "report", "c1")
    assert {row["code"] for row in rows} == {"" if accept else "OPERATOR"}
    assert all(accept or "操作人员决定" in row["meaning"] for row in rows), rows[0]


def test_a_neighbour_whose_clock_is_ahead(make_world):
    """Another daemon on the same Redis is a day ahead. What it asks for while requests are on their way, the end of others' leases
    and what has been silent for long, takes nothing from the daemon that sends, and nobody is sent to twice."""
    world = make_world(carrier={"timeout": "10s", "connections": 2}, sim={"reports": "none", "latency_ms": 700})
    world.campaign("c1", rows=40, on_ambiguous="resend")

    def ahead(function, *arguments):
        code, first, *_ = world.redis.execute_command("FCALL", function, 1, "outreach:{mas}:", *arguments)
        assert code == 0 and first == 0, "it found something"

    def asked_until_done():
        tomorrow = int((time.time() + 86400) * 1000)
        ahead("or1_sweep", "", tomorrow, 0, 8, "")
        ahead("or1_resend_silent", 600_000, tomorrow, 4, 480)
        return world.counts("c1")["accepted"] == 40

    world.launch("c1")
    wait_until(lambda: world.counts("c1")["inflight"] > 0, what="requests on their way")
    wait_until(asked_until_done, what="all accepted")
    world.wait_done("c1")
    world.check_books("c1")
    assert collections.Counter(a.mobile for a in world.sim.oracle()).most_common(1)[0][1] == 1
    assert len(world.sim.oracle()) == 40 and world.counts("c1")["ambiguous"] == 0


def test_the_cost_is_exact_whoever_tells(make_world):
    """Texts of one to three segments. Whether replies or reports tell that the carrier has them, each costs what it weighs."""
    world = make_world(carrier={"timeout": "1s"}, sim={"report_delay_ms": 100})
    numbers = world.campaign("c1", rows=[(str(FIRST_NUMBER + i), "扎西卓玛" * (1 + i % 7 * 6)) for i in range(40)],
                             columns=("手机号", "姓名"), text="((姓名))：10月17日是全国扶贫日，请关注本乡活动。", max_segments="3")
    world.sim.fault("close", accept=True, mobile=numbers[30], count=1)
    world.launch("c1")
    world.wait_done("c1")
    world.wait_reported("c1")
    status = world.check_books("c1")
    assert status["segments_sent"] == status["segments_total"]
    assert {weight for key in world.redis.keys("outreach:{mas}:w:*") for weight in world.redis.get(key)} == {1, 2, 3}
    assert world.sim.hits("close") == 1


def test_its_age_is_that_of_what_is_ambiguous(make_world):
    """Not that of the campaign: whatever else changes it, the age goes on, and it ends when somebody decides."""
    world = spoil_the_canary(make_world, "hold", accept=True)
    wait_until(lambda: world.counts("c1")["ambiguous"] == 10, what="ambiguous")

    def shown():
        return next((one for one in world.api("GET", "/status")["campaigns"] if one["id"] == "c1"), None)
    assert shown()["ambiguous_since"] is not None and shown()["ambiguous_s"] < 600
    seq = world.status("c1")["seq"]
    key, now_ms = f"outreach:{{mas}}:az:{seq}", int(time.time() * 1000)
    assert world.redis.zrange(key, 0, -1) == [b"0"]
    world.redis.zadd(key, {"0": now_ms - 2 * 3600_000})
    world.redis.hset(f"outreach:{{mas}}:c:{seq}", "changed", now_ms)
    assert 7200 <= shown()["ambiguous_s"] < 7800
    assert any("c1: for 2h" in line for line in world.api("GET", "/status")["attention"])
    assert "AMBIGUOUS 10 for 2h" in world.ctl("campaign", "status", "c1", json=False)
    world.ctl("campaign", "resolve", "c1", "--ambiguous", "accept", "--reason", "问过运营商")
    assert world.status("c1")["ambiguous_since"] is None and not world.redis.exists(key)
    world.check_books("c1")
