"""The line over the day ends where the totals stand, whatever was booked; messages of an area; rows of a level."""
import itertools

from harness import wait_until

REGIONS = ("513327205", "513327206", "513328201", "510100")
_request = itertools.count()


def post(world, path, **body):
    status, document = world.daemons["a"].api("POST", path, {"actor": "test", "request": f"r{next(_request)}", **body})
    assert status in (200, 201), document
    return document


def pledge(world, region, yuan, **more):
    return post(world, "/pledges", region=region, amount=str(yuan), name="王五", **more)


def book_everything(world):
    """Each kind of step, and each taken back."""
    a, b, c = (pledge(world, region, 100 * (i + 1)) for i, region in enumerate(REGIONS[:3]))
    first = pledge(world, REGIONS[0], 7, unconfirmed=True)["pledge"]
    pledge(world, REGIONS[3], 55, kind="purchase")
    confirmed = post(world, f"/pledges/{first}/confirm")
    arrived = post(world, f"/pledges/{a['pledge']}/arrive", amount="60")
    post(world, f"/pledges/{a['pledge']}/arrive", amount="70", over=True)
    post(world, "/ledger/reverse", entry=arrived["entry"], why="bank")
    post(world, f"/pledges/{b['pledge']}/void", why="donor")
    moved = post(world, f"/pledges/{c['pledge']}/transfer", name="李四", to=REGIONS[0])
    post(world, f"/pledges/{moved['peer']}/arrive", amount="10")
    post(world, "/ledger/reverse", entry=confirmed["entry"], why="error")
    part = pledge(world, REGIONS[2], 90)
    post(world, f"/pledges/{part['pledge']}/arrive", amount="40")
    post(world, f"/pledges/{part['pledge']}/transfer", name="赵六")
    wrong = pledge(world, REGIONS[1], 33)
    void = post(world, f"/pledges/{wrong['pledge']}/void", why="error")
    post(world, "/ledger/reverse", entry=void["entry"], why="error")
    post(world, "/ledger/reverse", entry=pledge(world, REGIONS[3], 12)["entry"], why="error")
    post(world, "/pledges", region=REGIONS[0], quantity="2", unit="袋", item="大米", kind="goods", name="王五")


def money(world, region, measure):
    tree = world.daemons["a"].api("GET", f"/totals?region={region}")[1]["tree"]
    return [sum(tree.get(kind, {}).get(measure, {}).get(part, 0) for kind in ("cash", "purchase")) for part in ("fen", "count")]


def test_the_line_ends_where_the_totals_stand(world):
    book_everything(world)
    for region in ("51", "5133", *REGIONS):
        status, day = world.daemons["a"].api("GET", f"/totals/day?region={region}")
        assert status == 200, day
        last = day["points"][-1]
        pledged, pledges = money(world, region, "pledged")
        arrived, _ = money(world, region, "arrived")
        assert (last["pledged_fen"], last["arrived_fen"], last["count"]) == (pledged, arrived, pledges), region
    before = world.daemons["a"].api("GET", "/totals/day?region=51")[1]["points"][-1]["pledged_fen"]
    pledge(world, REGIONS[0], 1)
    assert world.daemons["a"].api("GET", "/totals/day?region=51")[1]["points"][-1]["pledged_fen"] == before + 100


def test_another_day_and_wrong_questions(world):
    pledge(world, REGIONS[0], 5)
    status, day = world.daemons["a"].api("GET", "/totals/day?region=51&day=2020-10-17&step=60")
    assert status == 200 and len(day["points"]) == 24 and day["points"][-1]["pledged_fen"] == 0
    assert day["points"][0]["at"].startswith("2020-10-17T01:00:00")
    assert world.daemons["a"].api("GET", "/totals/day?region=51")[1]["points"][-1]["pledged_fen"] == 500
    for query, field in (("step=7", "step"), ("day=yesterday", "day"), ("region=x", "region")):
        status, answer = world.daemons["a"].api("GET", f"/totals/day?{query}")
        assert status == 400 and answer["error"]["field"] == field


def test_a_viewer_sees_the_line_of_the_own_area(world):
    pledge(world, REGIONS[0], 5)
    pledge(world, REGIONS[2], 9)
    browser = world.login("chen", "viewer", "513327")
    assert browser.call("GET", "/api/v1/totals/day")[1]["points"][-1]["pledged_fen"] == 500
    assert browser.call("GET", "/api/v1/totals/day?region=51")[0] == 403
    assert browser.call("GET", "/api/v1/totals/messages?region=513328")[0] == 403


def test_messages_of_an_area(world):
    world.campaign("here", rows=20, region="513327205")
    world.campaign("there", rows=30, region="513328201")
    for name in ("here", "there"):
        world.launch(name)
        world.wait_done(name)
    world.sim.wait_quiet()

    def of(region):
        status, answer = world.daemons["a"].api("GET", f"/totals/messages?region={region}")
        assert status == 200
        return answer
    wait_until(lambda: of("513327")["delivered"] == world.counts("here")["delivered"] > 0)
    assert of("513327")["counts"] == world.counts("here") and of("513327")["recipients"] == 20
    assert of("51")["recipients"] == 50 and of("51")["campaigns"] == 2 and of("11")["recipients"] == 0
    assert world.daemons["a"].api("GET", "/totals/messages?region=51&year=2001")[1]["recipients"] == 0


def test_rows_of_a_level(world):
    for region in REGIONS:
        pledge(world, region, 10)
    rows = world.daemons["a"].api("GET", "/totals?region=51&children=1&level=township")[1]["children"]
    assert sorted(row["region"] for row in rows) == sorted(REGIONS[:3])
    assert sum(row["total"]["fen"] for row in world.daemons["a"].api("GET", "/totals?region=51&children=1&level=city")[1]["children"]) == 4000
