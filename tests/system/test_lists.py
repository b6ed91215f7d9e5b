"""Lists come in pages: each row once, in order, whatever the size of a page; a user's own area only."""
from harness import FIRST_NUMBER, PASSWORD, Browser


def pages(ask, path, member, limit):
    """All rows, and how many pages they came in."""
    rows, n, cursor = [], 0, ""
    while n == 0 or cursor:
        status, page = ask("GET", f"/api/v1{path}?limit={limit}&cursor={cursor}")
        assert status == 200 and len(page[member]) <= limit, page
        rows, n, cursor = rows + page[member], n + 1, page["cursor"]
    return rows, n


def write_drafts(world, region, ids):
    for id_ in ids:
        (world.dir / "campaigns.d" / f"{id_}.ini").write_text(f"[campaign]\nid = {id_}\ntitle = {id_}\nregion = {region}\n", encoding="utf-8")


def test_campaigns(world):
    for n in range(5):
        world.campaign(f"sent{n}", rows=2, first=FIRST_NUMBER + n)
        world.launch(f"sent{n}")
    foreign = [f"2026-10-17-510{n:03}" for n in range(600)]  # of the neighbours: more than a page, and later than ours
    own = [f"2026-10-16-513327-{n}" for n in range(7)]
    write_drafts(world, "510104", foreign)
    write_drafts(world, "513327", own)
    browser = world.login("wang", "township", "513327")
    sent = [f"sent{n}" for n in range(4, -1, -1)]
    for limit, wanted in ((1, 12), (5, 3), (6, 2), (12, 1), (500, 1)):
        rows, n = pages(browser.call, "/campaigns", "campaigns", limit)
        assert [row["id"] for row in rows] == sent + own[::-1] and n == wanted
    assert all(row["state"] != "draft" for row in rows[:5]) and all(row["unfinished"] for row in rows[5:])
    everything = [row["id"] for row in pages(world.login("op", "operator").call, "/campaigns", "campaigns", 100)[0]]
    assert everything == sent + foreign[::-1] + own[::-1]
    assert [row["id"] for row in world.ctl("campaign", "list")["campaigns"]] == everything
    assert len(browser.call("GET", "/api/v1/campaigns")[1]["campaigns"]) == 12

    (world.dir / "campaigns.d" / f"{own[3]}.ini").unlink()
    write_drafts(world, "513327", ["2026-10-16-513327-9"])
    rows, _ = pages(browser.call, "/campaigns", "campaigns", 3)
    assert [row["id"] for row in rows] == [*sent, "2026-10-16-513327-9", *[id_ for id_ in own[::-1] if id_ != own[3]]]


def test_what_is_no_page(world):
    root = world.login("root", "admin")
    asked = [(path, query) for path in ("/campaigns", "/users", "/tokens", "/areas") for query in ("limit=0", "limit=501", "limit=x", "limit=-1", "cursor=" + "x" * 192)]
    asked += [("/campaigns", f"cursor={cursor}") for cursor in ("x", "c.", "c.1", "c.1.2", "c.1.2.", "c.x.2.mas", "d.", "d.../x", "c.1.2.a%2Fb")]
    asked += [("/areas", "cursor=x")]
    for path, query in asked:
        status, answer = root.call("GET", f"/api/v1{path}?{query}")
        assert status == 400 and answer["error"]["field"] == query.split("=")[0], (path, query, answer)


def test_users_tokens_and_areas(world):
    root = world.login("root", "admin")
    names = [f"u{n:03}" for n in range(7)]
    for name in names:
        world.user(name, "viewer")
        status, _ = root.call("POST", "/api/v1/tokens", {"title": name, "roles": ["admin"]})
        assert status == 201
    mine = Browser(world)
    mine.login(names[0], PASSWORD)
    assert mine.call("POST", "/api/v1/tokens", {"title": "mine"})[0] == 201
    regions = ["all", "510104", "513327", "513327205", "513328"]
    for region in regions:
        assert root.call("POST", f"/api/v1/areas/{region}/live", {"reason": "签名已批"})[0] == 200
    county = world.login("county", "operator", "513327")
    for limit in (1, 2, 3, 8, 500):
        rows, _ = pages(root.call, "/users", "users", limit)
        assert [row["name"] for row in rows] == ["county", "root", *names]
        rows, _ = pages(root.call, "/tokens", "tokens", limit)
        assert sorted(row["title"] for row in rows) == ["mine", *names] and len({row["id"] for row in rows}) == 8
        rows, _ = pages(mine.call, "/tokens", "tokens", limit)
        assert [row["title"] for row in rows] == ["mine"]
        rows, _ = pages(root.call, "/areas", "areas", limit)
        assert [row["region"] for row in rows] == regions
        rows, _ = pages(county.call, "/areas", "areas", limit)
        assert [row["region"] for row in rows] == ["513327", "513327205"]
    for command, member, wanted in (("user", "users", 9), ("token", "tokens", 8), ("area", "areas", 5)):
        assert len(world.ctl(command, "list")[member]) == wanted
