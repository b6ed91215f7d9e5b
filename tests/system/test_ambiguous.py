"""on_ambiguous = hold | resend: what happens by itself to those of whom nobody knows whether the carrier took them."""
import collections

import pytest
from harness import wait_until


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


@pytest.mark.parametrize("accept", [True, False])
def test_hold_waits_for_a_person(make_world, accept):
    world = spoil_the_canary(make_world, "hold", accept)
    wait_until(lambda: world.counts("c1")["ambiguous"] == 10, what="ambiguous")
    assert world.status("c1")["state"] in ("paused", "done")
    assert len(world.sim.oracle()) == (10 if accept else 0)
    world.ctl("campaign", "resolve", "c1", "--ambiguous", "accept" if accept else "fail", "--reason", "问过运营商")
    counts = world.counts("c1")
    assert counts["ambiguous"] == 0 and counts["accepted" if accept else "undelivered"] == 10
