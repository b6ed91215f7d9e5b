"""What the daemon makes of every kind of bad answer. The simulator's log says who was really accepted."""
import pytest
from harness import wait_until


def run(world, fault, rows=60, **keys):
    world.sim.fault(fault, **keys)
    world.campaign("c1", rows=rows)
    world.launch("c1")


@pytest.mark.parametrize("word", ["IllegalMac", "InvalidUsrOrPwd", "NoSignId", "IllegalSignId", "NOT_WHITE_IP"])
def test_an_account_fault_stops_the_account_and_burns_nobody(world, word):
    run(world, f"rspcod:{word}")
    carrier = wait_until(lambda: next((c for c in world.ctl("carrier", "list")["carriers"] if c["state"] == "stopped"), None),
                         what="the account stops")
    assert word in carrier["reason"]
    status = wait_until(lambda: (s := world.status("c1"))["waiting"] and s["counts"]["inflight"] == 0 and s, what="a reason")
    assert word in status["waiting"]["reason"] and status["counts"]["queued"] == 60
    assert world.sim.hits("rspcod") == 1, "one request was enough to know"
    world.sim.clear()
    world.ctl("carrier", "resume", "mas")
    world.wait_reported("c1")
    world.check_books("c1")
    assert len(world.sim.oracle()) == 60


@pytest.mark.parametrize("word", ["SystemBusy", "FlowOverLimit", "QueueOverLimit", "RequestTooOften"])
def test_flow_control_backs_off_and_goes_on(world, word):
    run(world, f"rspcod:{word}", count=2)
    world.wait_reported("c1")
    world.check_books("c1")
    assert len(world.sim.oracle()) == 60


@pytest.mark.parametrize("word", ["PrepayBalanceZero", "OverDailyMax"])
def test_quota_stops_the_account_for_a_while(world, word):
    run(world, f"rspcod:{word}")
    carrier = wait_until(lambda: next((c for c in world.ctl("carrier", "list")["carriers"] if c["state"] == "stopped"), None),
                         what="the account stops")
    assert word in carrier["reason"] and carrier["resume_at"]
    assert world.wait_counts("c1", queued=60, inflight=0)


def test_a_refused_text_burns_the_canary_only(world):
    run(world, "rspcod:ContainSensitiveWord")
    status = world.wait_state("c1", "paused")
    assert "ContainSensitiveWord" in status["waiting"]["reason"] or "canary" in status["waiting"]["reason"]
    assert status["counts"]["rejected"] == 10 and status["counts"]["queued"] == 50


@pytest.mark.parametrize("rows", [1, 37, 60])
def test_one_bad_number_is_found_by_halving(world, rows):
    numbers = world.campaign("c1", rows=rows)
    bad = numbers[rows // 2]
    world.sim.fault("invalid_mobile", mobile=bad)
    world.launch("c1")
    if rows <= 10:  # the canary is all there is
        status = world.wait_state("c1", "paused", "done")
    else:
        world.wait_reported("c1")
        status = world.status("c1")
    assert status["counts"]["rejected"] == 1
    assert {a.mobile for a in world.sim.oracle()} == set(numbers) - {bad}
    rows = [row for row in world.ctl("campaign", "report", "c1") if row["state"] == "rejected"]
    assert [(row["number"], row["code"], row["meaning"]) for row in rows] == [(bad, "InvalidMobile", "号码无效")]
    world.check_books("c1")


# (fault, keys, accepted by the carrier?)
UNCERTAIN = [
    ("close", {"accept": True}, True), ("close", {"accept": False}, False), ("reset", {"accept": True}, True),
    ("truncate", {"accept": True}, True), ("badjson", {"accept": True}, True), ("status", {"status": 502, "accept": True}, True),
    ("status", {"status": 504, "accept": False}, False), ("hang", {"accept": True}, True), ("huge", {"accept": True}, True),
    ("rspcod:RequestTimeout", {"accept": True}, True), ("rspcod:NobodyKnowsThisWord", {"accept": False}, False),
    ("drip", {"accept": True}, True), ("success_false", {}, True),
]


@pytest.mark.parametrize("fault, keys, accepted", UNCERTAIN, ids=lambda v: str(v))
def test_what_cannot_be_known_is_ambiguous_until_a_report_says(make_world, fault, keys, accepted):
    """The canary's answer is spoilt: ten people are ambiguous and the campaign stops to ask; a report clears up what was taken, and
    nobody is sent to twice."""
    world = make_world(carrier={"timeout": "1s", "batch_max": 50}, sim={"report_delay_ms": 1500})
    world.campaign("c1", rows=110)
    world.sim.fault(fault, count=1, **keys)
    world.launch("c1")
    status = world.wait_state("c1", "paused", "done")
    assert status["counts"]["ambiguous"] in (0, 10)
    if accepted:
        wait_until(lambda: world.counts("c1")["ambiguous"] == 0, what="reports clear it up")
    else:
        assert world.counts("c1")["ambiguous"] == 10
    world.ctl("campaign", "resume", "c1")
    wait_until(lambda: world.counts("c1")["queued"] == 0 and world.counts("c1")["inflight"] == 0, what="the rest is sent")
    world.check_books("c1")
    assert len(world.sim.oracle()) == (110 if accepted else 100)


def test_a_refused_connection_is_proof_and_waits(world):
    run(world, "refuse")
    status = wait_until(lambda: (s := world.status("c1"))["waiting"] and "connection refused" in s["waiting"]["reason"].lower() and s, what="a reason")
    assert status["counts"]["queued"] == 60 and status["counts"]["ambiguous"] == 0
    world.sim.clear()
    world.wait_reported("c1")
    world.check_books("c1")
    assert len(world.sim.oracle()) == 60


def test_keepalive_closed_without_answer_is_never_repeated_by_curl(make_world):
    """curl 7.88 would send the same POST again by itself on a fresh connection (reliability.md A2.1)."""
    world = make_world(carrier={"batch_max": 10, "connections": 1}, daemon={"ambiguous_limit": 100})
    world.campaign("c1", rows=300)
    world.sim.fault("keepalive_close", share=0.3)
    world.launch("c1")
    wait_until(lambda: world.counts("c1")["queued"] == 0 and world.counts("c1")["inflight"] == 0, what="all tried")
    assert world.sim.hits("keepalive_close") > 0
    requests = world.sim.stats()["requests"]
    assert requests <= 30, f"{requests} requests for 30 chunks: one was repeated"
    world.check_books("c1")


def test_many_ambiguous_chunks_stop_the_campaign(make_world):
    world = make_world(carrier={"batch_max": 10, "connections": 1}, daemon={"ambiguous_limit": 3},
                       sim={"reports": "none", "latency_ms": 2})
    world.campaign("c1", rows=12000)
    world.launch("c1")
    wait_until(lambda: len(world.sim.oracle()) >= 20, what="the canary is through")
    world.sim.fault("badjson", accept=True, share=0.2)
    status = world.wait_state("c1", "paused")
    assert "unknown outcome" in status["waiting"]["reason"]
    assert status["counts"]["queued"] > 0
    world.check_books("c1")


@pytest.mark.parametrize("fault", ["success_string", "mgsgroup"])
def test_spellings_of_success(world, fault):
    run(world, fault)
    world.wait_reported("c1")
    world.check_books("c1")
    assert world.counts("c1")["ambiguous"] == 0 and len(world.sim.oracle()) == 60
