"""What finished campaigns knew of people goes after `retention`; their figures, opt-outs and the ledger stay."""
import os
import time

import pytest
from harness import FIRST_NUMBER, wait_until
from test_backup import content, ledger_is_sound

DAY_MS = 86_400_000
OLD, NEW = FIRST_NUMBER, 15430000000


def age(world, seq, days):
    """The campaign finished so long ago."""
    world.redis.hset(f"outreach:{{mas}}:c:{seq}", "finished", int(time.time() * 1000) - days * DAY_MS)


def between_rounds(world, lists=False):
    """The daemon deletes by itself too, campaigns and replies 3 s after its start and every minute, lists after 20 s and every hour:
    what is told here has to come between two of its rounds."""
    def is_between():
        age_s = time.monotonic() - world.daemons["a"].process.started
        return 5 <= age_s % 60 <= 40 and age_s >= (24 if lists else 5)
    wait_until(is_between, timeout=90, what="the daemon's own round is over")


def keys_of(world, seq):
    return [key for kind in "psvrwtm" for key in world.redis.scan_iter(f"outreach:{{mas}}:{kind}:{seq}:*")]


def two_campaigns(world):
    """An old one, in a dedup group, with values and an ambiguous recipient, and a new one."""
    rows = [(str(OLD + i), f"张三{i}") for i in range(2500)]
    world.campaign("old", rows, columns=("手机号", "姓名"), text="{姓名}您好，10月17日是全国扶贫日。", dedup_group="g1")
    world.launch("old")
    world.wait_reported("old")
    world.campaign("new", 100, first=NEW, dedup_group="g1")
    world.launch("new")
    world.wait_reported("new")
    base = "outreach:{mas}:"
    state = world.redis.getrange(base + "s:1:1", 7, 7).decode()
    world.redis.setrange(base + "s:1:1", 7, "E")
    world.redis.hincrby(base + "c:1", "n" + state, -1)
    world.redis.hincrby(base + "c:1", "nE", 1)
    world.redis.sadd(base + "ac:1", 1)
    world.redis.hset(base + "amb", world.redis.getrange(base + "p:1:1", 35, 39), "1:1:5:6;2:0:7:8")
    between_rounds(world)
    age(world, 1, 181)
    age(world, 2, 179)


def test_what_goes_and_what_stays(world):
    two_campaigns(world)
    filled_ledger(world)
    before, status, new = content(world.redis), world.status("old"), keys_of(world, 2)
    told = world.ctl("purge", "--dry-run")
    assert told["dry_run"] and [(c["id"], c["recipients"]) for c in told["campaigns"]] == [("old", 2500)], told
    after = content(world.redis)
    assert {key for key in before if before[key] != after.get(key)} <= {":{n}:d", ":{a}:audit", ":{a}:head"}
    assert world.ctl_raw("purge").returncode == 2

    told = world.ctl("purge", "--yes")
    assert [c["id"] for c in told["campaigns"]] == ["old"] and not told["dry_run"]
    assert keys_of(world, 1) == [] and keys_of(world, 2) == new
    assert world.redis.hvals("outreach:{mas}:amb") == [b"2:0:7:8"]
    assert world.redis.hmget("outreach:{mas}:c:1", "text", "signature", "optout", "source_file") == [b"", b"", b"", b""]
    now = world.status("old")
    for key in ("accepted", "counts", "cost_fen", "segments_sent", "state", "title", "rows", "finished_at"):
        assert now[key] == status[key], key
    assert now["purged_at"] and not status["purged_at"]
    report = world.ctl_raw("campaign", "report", "old")
    assert report.returncode == 1 and "were deleted on " + now["purged_at"][:10] in report.stderr, report.stderr
    assert world.ctl_raw("campaign", "report", "new").stdout.count("\n") == 100
    assert "old" in [c["id"] for c in world.ctl("campaign", "list")["campaigns"]]
    assert world.ctl("optout", "check", "15400009999")["opted_out"]
    ledger_is_sound(world)
    assert world.redis.execute_command("FCALL", "or1_recount", 1, "outreach:{mas}:", 2, 0, 20)[2] == b""
    assert world.ctl("purge", "--yes")["campaigns"] == []

    # The group knows the old numbers no more, and the new ones still.
    world.campaign("next", [str(OLD + i) for i in range(50)] + [str(NEW + i * 7919) for i in range(50)], dedup_group="g1")
    world.launch("next", expect=50)
    world.wait_reported("next")


def filled_ledger(world):
    world.ctl("pledge", "add", "--region", "513327205201", "--name", "李四", "--amount", "10", "--mobile", str(OLD))
    world.ctl("optout", "add", "15400009999")


def test_a_late_report_of_a_purged_campaign_is_taken(world):
    two_campaigns(world)
    group = world.sim.oracle()[0].group
    world.ctl("purge", "--yes")
    world.sim.report([{"reportStatus": "CM:0140", "mobile": str(OLD), "submitDate": "20261017090000", "receiveDate": "20261017090010",
                       "errorCode": "CM:0140", "msgGroup": group}])
    world.sim.wait_quiet()
    assert world.status("old")["purged_at"] and keys_of(world, 1) == []
    world.campaign("next", 50, first=15440000000)
    world.launch("next")
    world.wait_reported("next")
    for verb in (["resolve", "old", "--ambiguous", "fail", "--yes"], ["resend", "old", "--only", "rejected", "--yes"]):
        world.ctl_raw("campaign", *verb)
    assert keys_of(world, 1) == [] and world.daemons["a"].process.running()


@pytest.mark.parametrize("state", ["sending", "paused", "missed"])
@pytest.mark.parametrize("recent", ["end_ms", "changed", "nC"])
def test_what_is_not_over_is_never_purged(world, state, recent):
    """Its end is to come, something happened to it lately, or somebody is in flight."""
    two_campaigns(world)
    before = keys_of(world, 1)
    world.redis.hset("outreach:{mas}:c:1", mapping={"state": state, "changed": 1, "end_ms": 1, recent: int(time.time() * 1000)})
    assert world.ctl("purge", "--yes")["campaigns"] == []
    assert keys_of(world, 1) == before


@pytest.mark.parametrize("act", ["miss", "pause"])
def test_what_nobody_decided_about_goes_too(world, act):
    """A campaign that stood still past its end: cancelled, then deleted; its figures say so, and its group knows its numbers no more."""
    world.ctl("carrier", "pause", "mas", "--reason", "nothing is sent today")
    rows = [(str(OLD + i),) for i in range(1500)]
    world.campaign("old", rows, dedup_group="g1")
    world.launch("old")
    answer = world.redis.execute_command("FCALL", "or1_act", 1, "outreach:{mas}:", 1, act, "scheduler", "its end passed", 0, 1)
    assert answer[0] == 0
    between_rounds(world)
    then = int(time.time() * 1000) - 181 * DAY_MS
    world.redis.hset("outreach:{mas}:c:1", mapping={"changed": then, "end_ms": then})
    assert [c["id"] for c in world.ctl("purge", "--dry-run")["campaigns"]] == ["old"]
    assert len(keys_of(world, 1)) >= 4
    assert [c["id"] for c in world.ctl("purge", "--yes")["campaigns"]] == ["old"]
    assert keys_of(world, 1) == [] and world.ctl("purge", "--yes")["campaigns"] == []
    now = world.status("old")
    assert now["state"] == "cancelled" and now["purged_at"] and now["counts"]["cancelled"] == 1500 and now["counts"]["queued"] == 0
    assert not world.redis.sismember("outreach:{mas}:live", 1)
    world.ctl("carrier", "resume", "mas")
    world.campaign("next", rows, dedup_group="g1")
    world.launch("next", expect=1500)
    world.wait_reported("next")
    refused = world.ctl_raw("campaign", "resume", "old", "--until", "2036-01-01 10:00")
    assert refused.returncode == 1, refused.stdout


def test_an_import_that_was_broken_off_goes_too(world):
    world.campaign("old", 2500, dedup_group="g1")
    world.launch("old")
    world.wait_reported("old")
    base = "outreach:{mas}:"
    between_rounds(world)
    world.redis.hset(base + "c:1", mapping={"state": "importing", "changed": int(time.time() * 1000) - 181 * DAY_MS, "owner": "daemon-z"})
    assert [c["id"] for c in world.ctl("purge", "--yes")["campaigns"]] == ["old"]
    assert not world.redis.keys(base + "[psc]:1*") and world.ctl("purge", "--yes")["campaigns"] == []


def console_draft(world, id_, days):
    """A draft with a list, as the console makes it, last touched so long ago."""
    world.api("POST", "/drafts", {"title": "扶贫日", "region": "513327205", "carrier": "mas", "id": id_, "actor": "clerk"})
    data = "手机号\n15400000001\n".encode()
    world.api("PUT", f"/drafts/{id_}/recipients?at=0&last=1&name=list.csv&actor=clerk", data)
    then = time.time() - days * 86400
    key = f"outreach:{{dr}}:d:{id_}"
    world.redis.hset(key, mapping={field: int(then * 1000) for field in ("made", "at", "upat") if world.redis.hexists(key, field)})
    list_ = world.dir / "campaigns.d" / f"{id_}.csv"
    os.utime(list_, (then, then))
    return list_


def test_uploaded_lists_go_with_their_campaign(world):
    two_campaigns(world)  # by hand: their lists are not the console's
    folder = world.dir / "campaigns.d"
    for name in ("old", "new"):
        os.utime(folder / f"{name}.csv", (1, 1))
    between_rounds(world, lists=True)
    kept, never = console_draft(world, "kept", 179), console_draft(world, "never", 181)
    running, gone = console_draft(world, "running", 181), console_draft(world, "gone", 181)
    rewritten = console_draft(world, "rewritten", 181)
    os.utime(rewritten)
    for seq, name in ((1, "gone"), (2, "running")):  # as if the two campaigns were theirs
        world.redis.hset("outreach:{mas}:c:%d" % seq, "id", name)
        world.redis.hset("outreach:{mas}:ids", name, seq)
    told = world.ctl("purge", "--dry-run")
    assert told["lists"] == ["never"] and never.exists()
    told = world.ctl("purge", "--yes")
    assert [c["id"] for c in told["campaigns"]] == ["gone"] and sorted(told["lists"]) == ["gone", "never"]
    assert not gone.exists() and not never.exists()
    assert all(path.exists() for path in (kept, running, rewritten, folder / "old.csv", folder / "new.csv", folder / "gone.ini"))
    draft = world.api("GET", "/drafts/never")
    assert draft["launchable"] is False, draft
    assert "2 lists" not in world.ctl_raw("purge", "--yes").stdout and world.ctl_raw("purge", "--yes").stdout.endswith("; 0 lists\n")


def test_old_replies_go(world):
    between_rounds(world)
    now = int(time.time() * 1000)
    for days in (200, 181, 179, 1):
        world.redis.xadd("outreach:{mas}:up", {"id": f"u{days}", "number": "15400000001", "text": "好"}, id=f"{now - days * DAY_MS}-0")
    assert world.ctl("purge", "--dry-run")["replies"] == 2 and world.redis.xlen("outreach:{mas}:up") == 4
    assert world.ctl("purge", "--yes")["replies"] == 2 and world.redis.xlen("outreach:{mas}:up") == 2


def test_the_daemon_does_it_by_itself(world):
    two_campaigns(world)
    never = console_draft(world, "never", 181)
    world.kill_daemon()
    world.start_daemon()  # it looks soon after its start, and every minute then
    wait_until(lambda: world.redis.hexists("outreach:{mas}:c:1", "purged"), timeout=120, what="a round of the daemon has passed")
    assert keys_of(world, 1) == [] and keys_of(world, 2) != []
    assert world.status("old")["purged_at"] and not world.status("new")["purged_at"]
    said = world.daemons["a"].process.output
    wait_until(lambda: "event=purged draft=never" in said(), timeout=120, what="a round for lists has passed")
    assert not never.exists()
    wait_until(lambda: "event=purged campaign=old recipients=2500" in said(), what="the log says so")


def test_shorter_than_five_months_warns(make_world):
    world = make_world(daemon={"retention": "100d"})
    assert "5 months" in world.daemons["a"].process.output()
    two_campaigns(world)
    age(world, 2, 101)
    assert len(world.ctl("purge", "--yes")["campaigns"]) == 2
