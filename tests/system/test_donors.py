"""How many different donors there are: followed through every step of a pledge, against counting by hand; unknown when the ledger was changed."""
import csv
import itertools
import random
import threading

from harness import tamper, wait_until

HERE, NEXT, FAR = "513327205001", "513327206001", "513328201001"
_request = itertools.count()


def post(world, path, **body):
    status, document = world.daemons["a"].api("POST", path, {"actor": "test", "request": f"r{next(_request)}", **body})
    assert status in (200, 201), document
    return document


def pledge(world, region=HERE, **more):
    return post(world, "/pledges", **{"region": region, "amount": "10", **more})["pledge"]


def totals(world, region="51", query=""):
    status, document = world.daemons["a"].api("GET", f"/totals?region={region}{query}")
    assert status == 200, document
    return document


def donors(world, region="51", query=""):
    return totals(world, region, query)["donors"]


def test_who_counts_and_when(world):
    assert donors(world) == 0
    first = pledge(world, mobile="13800138000", name="张三")
    second = pledge(world, FAR, mobile="13800138000", name="张先生")
    assert donors(world) == donors(world, "513327") == donors(world, "513328") == 1
    post(world, f"/pledges/{first}/void", why="donor")
    assert (donors(world), donors(world, "513327"), donors(world, "513328")) == (1, 0, 1)
    entry = post(world, f"/pledges/{second}/void", why="donor")["entry"]
    assert donors(world) == 0  # the only pledge was withdrawn
    post(world, "/ledger/reverse", entry=entry, why="error")
    assert donors(world) == 1
    unconfirmed = pledge(world, NEXT, mobile="13900139000", unconfirmed=True)
    assert donors(world) == 1
    post(world, f"/pledges/{unconfirmed}/confirm")
    assert donors(world) == 2
    post(world, f"/pledges/{unconfirmed}/transfer", name="李四", mobile="13700137000")
    assert donors(world) == 2 and donors(world, "513327206") == 1  # another one in her place
    post(world, "/pledges", region=HERE, kind="goods", item="大米", quantity="2", unit="袋", name="供销社", organisation=True)
    assert donors(world) == 3


def test_campaigns_years_and_rows(world):
    world.campaign("c1", rows=1)
    world.campaign("c2", rows=1)
    pledge(world, mobile="13800138000", campaign="c1")
    pledge(world, NEXT, mobile="13800138000", campaign="c2")
    pledge(world, FAR, mobile="13900139000")
    assert donors(world) == 2 and donors(world, query="&campaign=c1") == 1 and donors(world, query="&campaign=-") == 1
    year = totals(world, query="&year=2001")
    assert year["donors"] == 0
    rows = {row["region"]: row["donors"] for row in totals(world, "51", "&children=1&level=county")["children"]}
    assert rows == {"513327": 1, "513328": 1}
    rows = {row["region"]: row["donors"] for row in totals(world, "513327", "&children=1")["children"]}
    assert rows == {"513327205": 1, "513327206": 1} and donors(world, "513327") == 1  # more than they add up to
    pledge(world, "513327", mobile="13600136000")
    direct = [row for row in totals(world, "513327", "&children=1")["children"] if row.get("is_direct")]
    assert len(direct) == 1 and "donors" not in direct[0] and donors(world, "513327") == 2


def test_against_counting_by_hand(world):
    """A random ledger; then a daemon that reads all of it at once says the same."""
    seed = random.randrange(10**6)
    print("seed", seed)
    rng, standing = random.Random(seed), {}
    for _ in range(120):
        if standing and rng.random() < 0.35:
            number = rng.choice(list(standing))
            del standing[number]
            post(world, f"/pledges/{number}/void", why=rng.choice(["error", "donor"]))
        else:
            region, mobile = rng.choice([HERE, NEXT, FAR]), f"138001380{rng.randrange(12):02d}"
            standing[pledge(world, region, mobile=mobile)] = (region, mobile)
        if rng.random() < 0.1:
            assert donors(world) == len({mobile for _, mobile in standing.values()})

    def check():
        for region in ("51", "5133", "513327", "513327205", HERE, NEXT, FAR):
            assert donors(world, region) == len({mobile for place, mobile in standing.values() if place.startswith(region)}), region
    check()
    world.kill_daemon()
    world.start_daemon()
    check()
    assert world.ctl("ledger", "verify")["ok"]


def test_unknown_when_somebody_changed_the_ledger(world):
    pledge(world, mobile="13800138000")
    pledge(world, mobile="13900139000")
    world.redis.xdel("outreach:{l}:e", "1-0")
    answer = totals(world)
    assert answer["donors"] is None and answer["total"]["count"] == 2
    assert "donors_not_counted" in world.daemons["a"].process.output()


def proof(world):
    return world.daemons["a"].api("POST", "/ledger/verify", {"actor": "test"})[1]


def test_the_proof_counts_them_anew(world):
    """What is shown was read before somebody made one donor of two: each area above is told, with both figures."""
    for name in ("甲公司", "乙公司"):
        pledge(world, name=name, organisation=True)
    assert proof(world)["donors"] == 0, "nobody has asked for totals, so none are shown"
    assert donors(world) == 2
    report = proof(world)
    assert report["ok"] and report["donors"] > 0
    tamper(world, 2, "name", "甲公司")
    report = proof(world)
    assert not report["ok"] and {problem["kind"] for problem in report["found"]} == {"entry", "donors"}
    told = {problem["where"]: (problem["stored"], problem["computed"]) for problem in report["found"] if problem["kind"] == "donors"}
    year = next(iter(told)).split()[1]
    for area in (HERE, HERE[:9], HERE[:6], HERE[:4], HERE[:2], "nation"):
        assert told[f"{area} {year} *"] == told[f"{area} all years -"] == (2, 1), told
    text = world.ctl_raw("ledger", "verify")
    assert text.returncode == 1 and f"{HERE} {year} *: 2 different donors are shown, the entries say 1" in text.stdout
    tamper(world, 2, "name", "乙公司")
    assert proof(world)["ok"]


def test_the_proof_does_not_wait_for_a_count_that_takes_long(world):
    """As long as totals say that the number is not known the proof has nothing to compare; then it has."""
    pledge(world, name="甲公司", organisation=True)
    assert donors(world) == 1
    rows = 5100
    (world.dir / "list.csv").write_text("姓名,手机,金额\n" + "".join(f"人{i},{13800000000 + i},1\n" for i in range(rows)), encoding="utf-8")
    assert world.ctl("pledge", "import", "list.csv", "--region", HERE)["booked"] == rows
    report = proof(world)
    assert report["ok"] and report["entries"] == rows + 1 and report["donors"] == 0
    wait_until(lambda: donors(world) == rows + 1, what="they are counted")
    report = proof(world)
    assert report["ok"] and report["donors"] > 0


def test_the_proof_while_totals_are_asked_for(world):
    """Pledges come and totals are read all the while. What stood still for a proof goes on after it."""
    over, given = threading.Event(), []

    def give():
        while not over.is_set():
            given.append(pledge(world, name=f"公司{len(given)}", organisation=True))

    def ask():
        while not over.is_set():
            assert donors(world) is not None
    assert donors(world) == 0
    threads = [threading.Thread(target=work) for work in (give, ask, ask)]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: given, what="the first pledge")
        reports = [proof(world) for _ in range(10)]
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert all(report["ok"] and report["donors"] > 0 for report in reports), reports
    assert donors(world) == len(given)


def test_the_command_shows_them(world):
    pledge(world, mobile="13800138000")
    pledge(world, FAR, mobile="13800138000")
    lines = world.ctl("totals", "--region", "51", "--children", json=False).splitlines()
    header = next(line for line in lines if "donors" in line)
    assert header.split()[-1] == "donors" and [line.split()[-1] for line in lines[lines.index(header) + 1:] if line.startswith("51")] == ["1", "1"]
    rows = list(csv.DictReader(world.ctl("totals", "--region", "51", "--csv", json=False).splitlines()))
    assert [row["donors"] for row in rows] == ["1"]
