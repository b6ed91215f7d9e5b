"""The crash windows of docs/architecture.md, each a test: the daemon is killed at the step and started again. Nothing is lost, nothing is
accepted twice by the simulator's own log, and what cannot be known is ambiguous, never sent again by itself."""
import signal

import pytest
from harness import wait_until

ROWS = 400


def settle_down(world, id_):
    """Until the campaign is done or only people can go on; gives its status."""
    def quiet():
        status = world.status(id_)
        counts = status["counts"]
        return status if counts["inflight"] == 0 and (counts["queued"] == 0 or status["state"] == "paused") else None
    status = wait_until(quiet, what=lambda: world.status(id_))
    if status["state"] == "paused":  # a canary, or ambiguous chunks: a person looks and says go on
        world.ctl("campaign", "resume", id_)
        status = wait_until(quiet, what=lambda: world.status(id_))
    world.sim.wait_quiet()
    return world.status(id_)


def crash_at(world, point, **campaign):
    world.kill_daemon(signal.SIGTERM)
    world.start_daemon(env={"OUTREACH_FAILPOINT": point})
    world.campaign("c1", rows=ROWS, **campaign)
    world.ctl_raw("campaign", "launch", "c1", "--now", "--yes", "--expect-recipients", str(ROWS))
    assert world.wait_daemon_gone() == 137
    world.start_daemon()


# Where the daemon dies. Behind the canary several requests are under way at once, so a crash catches each at another step: what
# holds then is that exactly those are ambiguous whom the carrier never took although an intent for them was on record.
EXACT = ["claim:1", "suppress:1", "intent_before:1", "settle_after:1"]
UNKNOWN = ["intent_after:1", "post_before:1"]
CURED = ["post_after:1", "settle_before:1"]
LATER = ["claim:2", "suppress:2", "intent_before:3", "intent_after:3", "post_before:3", "post_after:3", "settle_before:2",
         "settle_after:2"]


@pytest.mark.parametrize("point", EXACT)
def test_killed_where_nothing_is_in_doubt(make_world, point):
    world = make_world(carrier={"batch_max": 50})
    crash_at(world, point)
    status = settle_down(world, "c1")
    world.check_books("c1")
    assert status["state"] == "done" and status["counts"]["ambiguous"] == 0
    assert len(world.sim.oracle()) == ROWS


@pytest.mark.parametrize("point", UNKNOWN)
def test_killed_between_intent_and_post(make_world, point):
    """Not sent, which nobody can prove: ambiguous, and not sent later either."""
    world = make_world(carrier={"batch_max": 50})
    crash_at(world, point)
    status = settle_down(world, "c1")
    world.check_books("c1")
    sent = len(world.sim.oracle())
    assert status["counts"]["ambiguous"] == ROWS - sent > 0
    assert status["counts"]["queued"] == 0
    # A person decides: these were not taken, send them.
    world.ctl("campaign", "resolve", "c1", "--ambiguous", "resend", "--reason", "运营商查无此批")
    status = settle_down(world, "c1")
    world.check_books("c1")
    assert status["counts"]["ambiguous"] == 0 and len(world.sim.oracle()) == ROWS


@pytest.mark.parametrize("point", CURED)
def test_killed_between_post_and_settle(make_world, point):
    """The carrier took it and its answer is lost: the reports, which name a batch we never heard of, clear it up."""
    world = make_world(carrier={"batch_max": 50})
    crash_at(world, point)
    status = settle_down(world, "c1")
    world.check_books("c1")
    assert len(world.sim.oracle()) == ROWS
    assert status["counts"]["ambiguous"] == 0, status


@pytest.mark.parametrize("point", LATER)
def test_killed_with_several_requests_under_way(make_world, point):
    world = make_world(carrier={"batch_max": 50})
    crash_at(world, point)
    status = settle_down(world, "c1")
    world.check_books("c1")
    assert status["counts"]["queued"] == 0
    assert status["counts"]["ambiguous"] == ROWS - len(world.sim.oracle())


@pytest.mark.parametrize("point", ["import_staged:1", "import_staged:3", "import_commit"])
def test_killed_during_the_import(make_world, point):
    """A launch killed half way sends nothing and can be launched again."""
    world = make_world()
    world.kill_daemon(signal.SIGTERM)
    world.start_daemon(env={"OUTREACH_FAILPOINT": point})
    world.campaign("c1", rows=5000, dedup_group="oct17")
    world.ctl_raw("campaign", "launch", "c1", "--now", "--yes", "--expect-recipients", "5000")
    assert world.wait_daemon_gone() == 137
    world.start_daemon()
    assert not world.sim.oracle()
    world.launch("c1")
    world.wait_reported("c1")
    world.check_books("c1")
    assert len(world.sim.oracle()) == 5000


@pytest.mark.parametrize("batch_max", [1, 40])
def test_killed_again_and_again(make_world, batch_max):
    """SIGKILL at times nobody chose, five times over one campaign."""
    world = make_world(carrier={"batch_max": batch_max, "connections": 8}, sim={"latency_ms": 2, "report_delay_ms": 5},
                       daemon={"ambiguous_limit": 100})
    rows = 2000
    world.campaign("c1", rows=rows)
    world.launch("c1")
    for step in range(1, 6):
        wait_until(lambda: len(world.sim.oracle()) >= step * rows // 8, what="some progress")
        world.kill_daemon(signal.SIGKILL)
        world.start_daemon()
    status = settle_down(world, "c1")
    world.check_books("c1")
    sent = {a.mobile for a in world.sim.oracle()}
    assert status["counts"]["queued"] == 0
    # Whoever is not among the ambiguous was sent to exactly once; who is, at most once.
    assert status["counts"]["ambiguous"] >= rows - len(sent)


def test_redis_killed_during_a_send(make_world):
    world = make_world(fsync="always", carrier={"batch_max": 20}, sim={"latency_ms": 3})
    world.campaign("c1", rows=2000)
    world.launch("c1")
    wait_until(lambda: len(world.sim.oracle()) >= 300, what="some progress")
    world.stop_redis(signal.SIGKILL)
    waiting = wait_until(lambda: world.daemons["a"].api("GET", "/status")[1]["redis"]["health"] != "ready", what="noticed")
    assert waiting
    world.start_redis()
    wait_until(world.daemons["a"].ready, what="Redis is back")
    status = settle_down(world, "c1")
    world.check_books("c1")
    assert status["state"] == "done" and len(world.sim.oracle()) == 2000
    assert status["counts"]["ambiguous"] == 0, "the daemon lived and knows every verdict"


def test_terminated_in_the_middle_leaves_nothing_in_flight(make_world):
    world = make_world(carrier={"batch_max": 20, "connections": 4}, sim={"latency_ms": 50})
    world.campaign("c1", rows=2000)
    world.launch("c1")
    wait_until(lambda: len(world.sim.oracle()) >= 100, what="some progress")
    assert world.kill_daemon(signal.SIGTERM) == 0
    world.start_daemon()
    assert world.counts("c1")["inflight"] + world.counts("c1")["ambiguous"] >= 0
    status = settle_down(world, "c1")
    world.check_books("c1")
    assert status["counts"]["ambiguous"] == 0 and len(world.sim.oracle()) == 2000


def test_a_stopped_worker_does_not_send_twice(make_world):
    """SIGSTOP longer than nothing and back, while another daemon works on."""
    world = make_world(carrier={"batch_max": 20, "connections": 2, "timeout": "1s"}, sim={"latency_ms": 20})
    world.start_daemon("b")
    world.campaign("c1", rows=1500)
    world.launch("c1")
    wait_until(lambda: len(world.sim.oracle()) >= 200, what="some progress")
    world.daemons["b"].process.send(signal.SIGSTOP)
    wait_until(lambda: len(world.sim.oracle()) >= 800, what="the other works on")
    world.daemons["b"].process.send(signal.SIGCONT)
    status = settle_down(world, "c1")
    world.check_books("c1")
    assert status["counts"]["queued"] == 0


def test_two_daemons_share_one_queue(make_world):
    world = make_world(carrier={"batch_max": 20, "connections": 2}, sim={"latency_ms": 5})
    world.start_daemon("b")
    world.campaign("c1", rows=3000)
    world.launch("c1")
    world.wait_reported("c1")
    world.check_books("c1")
    assert len(world.sim.oracle()) == 3000
    wait_until(lambda: {b["id"] for b in world.api("GET", "/status")["daemons"]} == {"daemon-a", "daemon-b"}, what="both are shown")


def test_one_of_two_daemons_dies(make_world):
    world = make_world(carrier={"batch_max": 20, "connections": 2, "timeout": "1s"}, sim={"latency_ms": 10})
    world.start_daemon("b")
    world.campaign("c1", rows=2000)
    world.launch("c1")
    wait_until(lambda: len(world.sim.oracle()) >= 300, what="some progress")
    world.kill_daemon(signal.SIGKILL, "b")
    world.start_daemon("b")  # its own claims are swept at once when it comes back
    status = settle_down(world, "c1")
    world.check_books("c1")
    assert status["counts"]["queued"] == 0
