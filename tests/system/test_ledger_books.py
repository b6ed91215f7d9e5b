"""The ledger held against those who know better: the simulator's own log of what villagers meant, and an append-only file of Redis that
lost its end."""
import collections
import random
import shutil
import signal
import time

import pytest
from harness import FIRST_NUMBER, wait_until

VILLAGES = [f"5133272052{i:02d}" for i in range(5)]
L = "outreach:{l}:"


# ---- the totals of villages, and what villagers meant


def still(world):
    """Something that does not change any more once nobody owes anybody anything; None while somebody does."""
    def owed():
        code, status = world.daemons["a"].api("GET", "/campaigns/oct17-receipts")
        counts = status["counts"] if code == 200 else {"queued": 1}
        stats = world.sim.stats()
        return (world.redis.zcard(L + "out") + counts.get("queued", 0) + counts.get("inflight", 0) +
                stats["reports"]["outstanding"] + stats["uplinks"]["outstanding"])
    if owed():
        return None
    seen = len(world.sim.oracle()), len(world.sim.pledge_log()), world.redis.get(L + "n")
    # The parts of owed() were asked one after the other: a message may have gone from one to the other in between.
    return seen if not owed() and seen == (len(world.sim.oracle()), len(world.sim.pledge_log()), world.redis.get(L + "n")) else None


def meant(log, village_of):
    """{village: {(kind, measure): [count, fen]}} and {village: {(kind, item, unit, measure): thousandths}} of the simulator's log."""
    sums = collections.defaultdict(lambda: collections.defaultdict(lambda: [0, 0]))
    things = collections.defaultdict(collections.Counter)
    confirmed = {row["mobile"] for row in log if row["meaning"] == "confirm"}
    for row in log:
        if row["meaning"] not in ("cash", "purchase", "goods", "service"):
            continue
        village = village_of[row["mobile"]]
        measure = "pledged" if row["mobile"] in confirmed else "unconfirmed"
        count_and_fen = sums[village][row["meaning"], measure]
        count_and_fen[0] += 1
        count_and_fen[1] += row["fen"]
        if row["thousandths"]:
            things[village][row["meaning"], row["item"], row["unit"], measure] += row["thousandths"]
    return sums, things


def thousandths(text):
    whole, _, rest = text.partition(".")
    return int(whole) * 1000 + int(rest.ljust(3, "0") or 0)


def stored(report):
    """The same two of an answer of totals."""
    sums = {(kind, measure): [figure["count"], figure["fen"]]
            for kind, measures in report["tree"].items() for measure, figure in measures.items()
            if measure in ("pledged", "unconfirmed") and figure["count"]}
    things = {(thing["kind"], thing["item"], thing["unit"], measure): thousandths(thing["tree"][measure])
              for thing in report["things"] for measure in ("pledged", "unconfirmed")
              if thousandths(thing["tree"].get(measure, "0"))}
    return sums, things


@pytest.mark.parametrize("seed", [2026, 1017])
def test_totals_by_village_are_what_villagers_meant(make_world, seed):
    world = make_world(sim={"pledge_rate": 0.6, "uplink_rate": 0.2, "pledge_log": True, "seed": seed})
    dice = random.Random(seed)
    rows = [(str(FIRST_NUMBER + i), dice.choice(VILLAGES)) for i in range(400)]
    world.campaign("oct17", rows=rows, columns=("手机号", "地区"))
    with open(world.dir / "campaigns.d" / "oct17.ini", "a", encoding="utf-8") as file:
        file.write("[pledge]\nconfirm = reply\nreceipt_window = 00:00-24:00\n")
    world.launch("oct17")
    world.wait_reported("oct17")
    wait_until(lambda: still(world), what="nobody owes anything")
    log = world.sim.pledge_log()
    sums, things = meant(log, dict(rows))
    whole_sums, whole_things = collections.defaultdict(lambda: [0, 0]), collections.Counter()
    for village in VILLAGES:
        report = world.ctl("totals", "--region", village)
        assert stored(report) == (dict(sums[village]), dict(things[village])), village
        for key, (count, fen) in sums[village].items():
            whole_sums[key] = [whole_sums[key][0] + count, whole_sums[key][1] + fen]
        whole_things.update(things[village])
    assert stored(world.ctl("totals", "--region", "513327205")) == (dict(whole_sums), dict(whole_things))
    assert stored(world.ctl("totals", "--campaign", "oct17")) == (dict(whole_sums), dict(whole_things))
    # It was a run worth comparing: all kinds, most confirmed and some not, and replies that are no pledge.
    assert {kind for kind, _ in whole_sums} == {"cash", "purchase", "goods", "service"} and whole_things
    n = collections.Counter()
    for (_, measure), (count, _) in whole_sums.items():
        n[measure] += count
    assert n["pledged"] > 100 and n["unconfirmed"] > 5
    assert {"unclear", "other"} <= {row["meaning"] for row in log}
    report = world.ctl("ledger", "verify")
    assert report["ok"] and report["pledges"] == n["pledged"] + n["unconfirmed"]


# ---- an append-only file that lost its end


def post(world, step, **body):
    return world.daemons["a"].api("POST", step, {"actor": "test", **body})


def last_entry(path):
    """The bytes of the newest entry in the file: everything the posting call wrote lies between its MULTI and its EXEC."""
    data = path.read_bytes()
    at = data.rfind(b"\r\nXADD\r\n$14\r\noutreach:{l}:e\r\n")  # the audit's line comes after it
    begin = data.rfind(b"*1\r\n$5\r\nMULTI\r\n", 0, at)
    mark = b"*1\r\n$4\r\nEXEC\r\n"
    end = data.find(mark, at) + len(mark)
    assert 0 <= begin < at < end
    return begin, end


def test_redis_lost_the_end_of_its_file(make_world):
    """A kill, and a disk that kept only a part of the last write: Redis leaves out the cut call as a whole, so no entry is half there.
    What was lost is lost (that is what appendfsync always is for), but the books agree, and the same request books it again."""
    seed = time.time_ns() % 10**9
    print("seed", seed)
    dice = random.Random(seed)
    world = make_world(fsync="always")
    number = post(world, "/pledges", request="p", region=VILLAGES[0], amount="100", name="张三", mobile="13800138000")[1]["pledge"]
    rice = post(world, "/pledges", request="q", region=VILLAGES[1], item="大米", quantity="20", unit="袋", name="李四")[1]["pledge"]
    assert post(world, f"/pledges/{rice}/arrive", request="r", quantity="20")[0] == 201
    lost = {"request": "last", "fen": 6000}
    first = post(world, f"/pledges/{number}/arrive", **lost)
    assert first[0] == 201 and world.ctl("ledger", "verify")["ok"]
    world.stop_redis(signal.SIGKILL)
    folder = world.dir / "appendonlydir"
    shutil.copytree(folder, world.dir / "whole")
    name = next(folder.glob("*.incr.aof")).name
    begin, end = last_entry(folder / name)
    for cut in sorted({begin + 1, end - 1, *(dice.randrange(begin + 1, end) for _ in range(6))}):
        shutil.rmtree(folder)
        shutil.copytree(world.dir / "whole", folder)
        with open(folder / name, "r+b") as file:
            file.truncate(cut)
        world.start_redis()
        wait_until(world.daemons["a"].ready, what="Redis is back")
        report = world.ctl("ledger", "verify")
        assert report["ok"] and report["entries"] == 3, (cut - begin, end - begin, report)
        totals = world.ctl("totals", "--basis", "arrived")
        assert totals["tree"]["cash"]["pledged"] == {"count": 1, "fen": 10_000} and "arrived" not in totals["tree"]["cash"]
        assert world.ctl("ledger", "audit")["no_gap"]
        # Whoever asked for it asks again: it is booked, under the number it had.
        again = post(world, f"/pledges/{number}/arrive", **lost)
        assert again[0] == 201 and again[1]["receipt"] == first[1]["receipt"] and not again[1]["repeated"]
        assert world.ctl("ledger", "verify")["ok"] and world.ctl("totals", "--basis", "arrived")["total"]["fen"] == 6000
        world.stop_redis(signal.SIGKILL)


def test_redis_refuses_a_damaged_file(make_world):
    """With aof-load-truncated no, or damage in the middle, Redis does not start, and the daemon says what it waits for."""
    world = make_world(fsync="always")
    for i in range(3):
        assert post(world, "/pledges", request=f"p{i}", region=VILLAGES[0], amount="100", name="张三")[0] == 201
    world.stop_redis(signal.SIGKILL)
    file = next((world.dir / "appendonlydir").glob("*.incr.aof"))
    data = file.read_bytes()
    begin, _ = last_entry(file)
    file.write_bytes(data[:begin] + b"*X" + data[begin + 2:])
    with pytest.raises(AssertionError, match="Bad file format"):
        world.start_redis()
    assert not world.redis_process.running()
    health = world.api("GET", "/status")["redis"]
    assert health["health"] == "unreachable" and "redis.sock" in health["sentence"], health
    assert post(world, "/pledges", request="p9", region=VILLAGES[0], amount="1", name="张三")[0] == 503
    assert world.ctl_raw("ledger", "verify").returncode == 1
    file.write_bytes(data)
    world.start_redis()
    wait_until(world.daemons["a"].ready, what="Redis is back")
    assert world.ctl("ledger", "verify")["entries"] == 3


def test_who_books_takes_back_what_she_booked(world):
    """A wrong arrival of one's own area needs nobody of the nation; an entry of another pledge is not reached through it."""
    number = world.ctl("pledge", "add", "--region", "513327205", "--name", "张三", "--amount", "100")["pledge"]
    other = world.ctl("pledge", "add", "--region", "513327206", "--name", "李四", "--amount", "100")["pledge"]
    foreign = world.ctl("pledge", "arrive", other, "--amount", "50")["entry"]
    qiu = world.login("qiu", "finance", "513327205")
    status, arrived = qiu.call("POST", f"/api/v1/pledges/{number}/arrive", {"request": "a1", "amount": "70"})
    assert status == 201

    def take_back(entry, **more):
        return qiu.call("POST", f"/api/v1/pledges/{number}/reverse", {"request": f"r{entry}", "entry": entry, "why": "error", "note": "记错了", **more})
    status, answer = take_back(foreign)
    assert (status, answer["error"]["code"], answer["error"]["field"]) == (404, "no_entry", "entry")
    assert qiu.call("POST", f"/api/v1/pledges/{other}/reverse", {"request": "x", "entry": foreign, "why": "error"})[0] in (403, 404)
    assert qiu.call("POST", "/api/v1/ledger/reverse", {"request": "x", "entry": arrived["entry"], "why": "error"})[0] == 403
    assert qiu.call("POST", f"/api/v1/pledges/{number}/reverse", {"request": "x", "why": "error"})[1]["error"]["field"] == "entry"
    assert take_back(arrived["entry"])[0] == 201
    assert take_back(arrived["entry"])[0] == 200  # the same request
    assert take_back(arrived["entry"], request="again")[0] == 409
    pledge = qiu.call("GET", f"/api/v1/pledges/{number}")[1]
    assert (pledge["state"], pledge["fen"]["arrived"]) == ("pledged", 0)
    assert [entry["type"] for entry in pledge["entries"]] == ["pledge", "arrive", "reverse"]
    assert world.ctl("ledger", "verify")["ok"]
