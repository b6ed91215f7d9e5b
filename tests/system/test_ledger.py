"""The pledge ledger through outreachctl and the API: every step, what must refuse, totals, proof, notices, lists."""
import contextlib
import csv
import io
import json
import time
import urllib.parse

import pytest
from harness import TOP, UnixConnection, ask, tamper, wait_until

VILLAGE, OTHER, COUNTY = "513327205001", "513327205002", "513327"
# Any key that the ledger has; a refused step must leave all of them as they are.
LEDGER_KEYS = "*{l}:*"


def today(offset=0):
    return time.strftime("%Y-%m-%d", time.gmtime(time.time() + 8 * 3600 + offset * 86400))


def year():
    return int(today()[:4])


def snapshot(world):
    """Everything the ledger has in Redis, byte for byte."""
    return {key: world.redis.dump(key) for key in world.redis.scan_iter(LEDGER_KEYS)}


def add(world, *args, region=VILLAGE, name="张三", amount="100", **keys):
    options = []
    for key, value in keys.items():
        options += ["--" + key, value] if value is not True else ["--" + key]
    what = ["--amount", amount] if amount else []
    return world.ctl("pledge", "add", "--region", region, "--name", name, *what, *options, *args)["pledge"]


def goods(world, item="大米", quantity="20", unit="袋", **keys):
    return add(world, amount=None, item=item, quantity=quantity, unit=unit, **keys)


def show(world, number):
    return world.ctl("pledge", "show", number)


def totals(world, *args):
    return world.ctl("totals", *args)


def money(totals_, measure):
    return sum(totals_["tree"].get(kind, {}).get(measure, {}).get("fen", 0) for kind in ("cash", "purchase"))


def refused(world, *args, code=1, words=""):
    """The command fails with a sentence and the ledger stays as it is."""
    before = snapshot(world)
    done = world.ctl_raw(*args)
    assert done.returncode == code, (args, done.stdout, done.stderr)
    assert words in done.stderr and len(done.stderr) > 30, done.stderr
    assert snapshot(world) == before
    return done.stderr


def verify(world):
    report = world.ctl("ledger", "verify")
    assert report["ok"] and report["problems"] == 0 and report["found"] == []
    return report


def post(world, path, body):
    return world.daemons["a"].api("POST", path, {"actor": "test", **body})


# -- steps


def test_the_whole_life_of_a_pledge(world):
    world.campaign("c1", rows=1)
    number = add(world, mobile="13800138000", amount="１．５万", campaign="c1", due=today(30))
    pledge = show(world, number)
    assert pledge["state"] == "pledged" and pledge["fen"]["pledged"] == 1_500_000 and pledge["mobile"] == "13800138000"
    assert number.startswith(f"{COUNTY}-{year()}-000001-")
    first = world.ctl("pledge", "arrive", number, "--amount", "5000", "--document", "流水88")
    assert first["receipt"].startswith(f"R{COUNTY}-{year()}-000001-")
    assert show(world, number)["state"] == "part-arrived"
    world.ctl("pledge", "ticket", first["receipt"], "--document", "川财票001")
    world.ctl("pledge", "deliver", number, "--amount", "五百元", "--to", OTHER, "--purpose", "助学")
    moved = world.ctl("pledge", "transfer", number, "--name", "李四")
    pledge = show(world, first["receipt"])  # a receipt's number finds its pledge
    assert pledge["number"] == number
    assert [entry["type"] for entry in pledge["entries"]] == ["pledge", "arrive", "ticket", "deliver", "transfer"]
    assert (pledge["fen"]["arrived"], pledge["fen"]["delivered"], pledge["fen"]["moved"], pledge["fen"]["rest"]) == (500_000, 50_000, 1_000_000, 0)
    heir = show(world, moved["peer"])
    assert heir["name"] == "李四" and heir["fen"]["pledged"] == 1_000_000 and heir["peer"] == number
    world.ctl("pledge", "waive", heir["number"], "--note", "家庭变故", "--document", "12号")
    assert show(world, heir["number"])["state"] == "waived"
    text = world.ctl("pledge", "show", number, json=False)
    assert "川财票001" in text and "15000.00" in text and "助学" in text
    verify(world)


def test_confirm_void_and_reverse(world):
    number = add(world, "--unconfirmed")
    assert show(world, number)["state"] == "unconfirmed" and money(totals(world), "pledged") == 0
    assert money(totals(world), "unconfirmed") == 10_000
    refused(world, "pledge", "arrive", number, "--amount", "100", words="confirm it first")
    world.ctl("pledge", "confirm", number)
    arrival = world.ctl("pledge", "arrive", number, "--amount", "100")
    refused(world, "pledge", "void", number, "--why", "donor", words="arrived")
    world.ctl("pledge", "reverse", arrival["entry"], "--why", "bank")
    refused(world, "pledge", "reverse", arrival["entry"], "--why", "bank", words="already")
    world.ctl("pledge", "void", number, "--why", "donor", "--note", "来电")
    assert show(world, number)["state"] == "withdrawn"
    refused(world, "pledge", "void", number, "--why", "error", words="already")
    refused(world, "pledge", "arrive", number, "--amount", "1")
    report = totals(world)
    assert money(report, "pledged") == money(report, "arrived") == 0 and money(report, "withdrawn") == 10_000
    audit = world.ctl("ledger", "audit")
    assert {(row["series"], row["count"], row["void"], row["no_gap"]) for row in audit["series"]} == {("pledge", 1, 1, True), ("receipt", 1, 1, True)}
    verify(world)


def test_goods_service_and_purchase(world):
    rice = goods(world, value="2000")
    hours = world.ctl("pledge", "add", "--region", VILLAGE, "--kind", "service", "--quantity", "2.5", "--unit", "小时", "--name", "王五")["pledge"]
    bought = add(world, kind="purchase", amount="88.80")
    world.ctl("pledge", "arrive", rice, "--quantity", "二十")
    world.ctl("pledge", "deliver", rice, "--quantity", "12.5")
    refused(world, "pledge", "deliver", rice, "--quantity", "8", words="7.5 袋")
    refused(world, "pledge", "arrive", bought, "--amount", "88.81", words="more than is open")
    world.ctl("pledge", "arrive", bought, "--amount", "90", "--over")
    assert show(world, hours)["quantity"]["pledged"] == "2.5"
    report = totals(world)
    things = {(t["kind"], t["item"], t["unit"]): t["tree"] for t in report["things"]}
    assert things["goods", "大米", "袋"] == {"pledged": "20", "arrived": "20", "delivered": "12.5", "spent": "12.5", "held": "7.5"}
    assert things["service", "", "小时"]["pledged"] == "2.5"
    assert report["total"] == {"count": 1, "fen": 8880}
    assert report["tree"]["goods"]["pledged"] == {"count": 1, "fen": 200_000}
    assert totals(world, "--basis", "arrived")["total"] == {"count": 1, "fen": 9000}
    text = world.ctl("totals", json=False)
    assert "大米" in text and "as of" in text and "pledged: 88.80 yuan in 1 pledge\n" in text and " pledges " in text
    rows = list(csv.DictReader(io.StringIO(world.ctl("totals", "--csv", json=False))))
    assert all(None not in row and None not in row.values() for row in rows)  # each row has each column
    whole, by_item = rows[0], {(r["kind"], r["item"], r["unit"]): r for r in rows if r["row"] == "thing"}
    assert whole["row"] == "all" and int(whole["cash_pledged_count"]) + int(whole["purchase_pledged_count"]) == int(whole["pledged_count"])
    assert (whole["goods_pledged_count"], whole["goods_pledged_yuan"]) == ("1", "2000.00")
    assert by_item["service", "", "小时"]["pledged_quantity"] == "2.5" and len(by_item) == len(things)
    assert "voided" in text and "withdrawn" in text
    text = world.ctl("totals", "--basis", "arrived", json=False)
    assert "arrived: 90.00 yuan in 1 arrival\n" in text and " arrivals " in text and " pledges " not in text
    verify(world)


def test_passed_on_is_counted_once(world):
    number = add(world, amount="1000")
    world.ctl("pledge", "arrive", number, "--amount", "1000")
    world.ctl("pledge", "pass", "--region", VILLAGE, "--to", COUNTY, "--amount", "600")
    refused(world, "pledge", "pass", "--region", VILLAGE, "--to", COUNTY, "--amount", "500", words="holds only 400.00")
    world.ctl("pledge", "deliver", number, "--amount", "600", "--via", COUNTY, "--to", OTHER)
    village, county, nation = (totals(world, "--region", code, "--basis", "arrived") for code in (VILLAGE, COUNTY, "0"))
    assert village["total"] == county["total"] == nation["total"] == {"count": 1, "fen": 100_000}
    assert village["tree"]["cash"]["passed_out"]["fen"] == 60_000 and village["tree"]["cash"]["held"]["fen"] == 40_000
    assert nation["tree"]["cash"]["held"]["fen"] == 40_000
    # Over the county both sides of the transfer lie in the tree and cancel.
    cash = county["tree"]["cash"]
    assert cash["passed_out"]["fen"] == cash["passed_in"]["fen"]
    verify(world)


def test_refused_steps_leave_the_ledger_alone(world):
    number = add(world, amount="100")
    world.ctl("pledge", "arrive", number, "--amount", "60")
    wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
    other = f"{COUNTY}-{year()}-000009-36"
    for args, code, words in (
            (("pledge", "add", "--region", VILLAGE, "--amount", "0.001"), 1, "no exact amount"),
            (("pledge", "add", "--region", VILLAGE, "--amount", "-5"), 1, "no exact amount"),
            (("pledge", "add", "--region", VILLAGE, "--amount", "10000000000000.01"), 1, "10000000000000"),
            (("pledge", "add", "--region", VILLAGE), 1, "amount is missing"),
            (("pledge", "add", "--region", "5133272", "--amount", "5"), 1, "no area code"),
            (("pledge", "add", "--region", VILLAGE, "--amount", "5", "--item", "大米"), 1, "quantity"),
            (("pledge", "add", "--region", VILLAGE, "--item", "大米", "--quantity", "5"), 1, "unit"),
            (("pledge", "add", "--region", VILLAGE, "--amount", "5", "--mobile", "123"), 1, "mobile"),
            (("pledge", "add", "--region", VILLAGE, "--amount", "5", "--on", "2026-02-30"), 1, "no day"),
            (("pledge", "add", "--region", VILLAGE, "--amount", "5", "--on", today(2)), 1, "future"),
            (("pledge", "arrive", wrong, "--amount", "1"), 2, "mistyped"),
            (("pledge", "arrive", "abc", "--amount", "1"), 2, "not the number"),
            (("pledge", "arrive", number, "--amount", "40.01"), 1, "more than is open"),
            (("pledge", "arrive", number, "--quantity", "1"), 1, "quantity"),
            (("pledge", "deliver", number, "--amount", "61"), 1, "not delivered"),
            (("pledge", "waive", number, "--note", "x", "--document", "y", "--amount", "41"), 1, "more than is open"),
            (("pledge", "transfer", number), 1, "donor"),
            (("pledge", "void", number, "--why", "bank"), 1, "why"),
            (("pledge", "ticket", number, "--document", "川", "--entry", "1"), 1, "arrival"),
            (("pledge", "reverse", "99", "--why", "error"), 3, "no entry 99"),
            (("pledge", "reverse", "x", "--why", "error"), 2, "number of an entry"),
            (("ledger", "close", "--region", COUNTY, "--through", today()), 1, "over"),
    ):
        refused(world, *args, code=code, words=words)
    status, answer = world.daemons["a"].api("GET", f"/pledges/{other}")
    assert status in (400, 404), answer
    assert show(world, number)["fen"]["arrived"] == 6000
    verify(world)


def test_errors_name_the_field(world):
    number = add(world)
    base = {"request": "r1", "region": VILLAGE, "fen": 100}
    for path, body, status, code, field in (
            ("/pledges", {"region": VILLAGE, "fen": 1}, 400, "missing", "request"),
            ("/pledges", {**base, "fen": 0}, 400, "invalid", "fen"),
            ("/pledges", {**base, "fen": 1.5}, 400, "invalid", "fen"),
            ("/pledges", {**base, "amount": "5"}, 400, "invalid", "amount"),
            ("/pledges", {**base, "quantiy": "5"}, 400, "invalid", "quantiy"),
            ("/pledges", {**base, "region": None}, 400, "missing", "region"),
            ("/pledges", {**base, "public": "maybe"}, 400, "invalid", "public"),
            ("/pledges", {**base, "mobile": "12"}, 400, "invalid", "mobile"),
            ("/pledges", {**base, "campaign": "a b"}, 400, "invalid", "campaign"),
            ("/pledges", {**base, "on": today(2)}, 409, "refused", "on"),
            ("/pledges", {**base, "name": "x\ny"}, 400, "invalid", "name"),
            ("/pledges", {**base, "request": "x" * 65}, 400, "invalid", "request"),
            (f"/pledges/{number}/arrive", {"request": "r1", "fen": 10_001}, 409, "refused", "amount"),
            (f"/pledges/{number}/arrive", {"request": "r1", "fen": 10, "why": "error"}, 400, "invalid", "why"),
            (f"/pledges/{number}/void", {"request": "r1"}, 400, "missing", "why"),
            (f"/pledges/{number}/transfer", {"request": "r1"}, 409, "refused", "name"),
            ("/ledger/reverse", {"request": "r1", "why": "error"}, 400, "missing", "entry"),
            ("/ledger/reverse", {"request": "r1", "why": "error", "entry": 77}, 404, "no_entry", "entry"),
    ):
        before = snapshot(world)
        got, answer = post(world, path, body)
        assert (got, answer["error"]["code"], answer["error"]["field"]) == (status, code, field), (path, body, answer)
        assert snapshot(world) == before
    status, answer = world.daemons["a"].api("GET", "/totals?region=12345")
    assert (status, answer["error"]["field"]) == (400, "region")


def test_the_same_request_twice(world):
    body = {"request": "mine-1", "region": VILLAGE, "amount": "100", "name": "张三"}
    status, first = post(world, "/pledges", body)
    assert status == 201 and not first["repeated"]
    before = snapshot(world)
    status, second = post(world, "/pledges", body)
    assert status == 200 and second == {**first, "repeated": True}
    status, third = post(world, "/pledges", {**body, "amount": "101"})
    assert status == 409 and third["error"]["field"] == "request"
    assert snapshot(world) == before
    # The same for the command, which also says it.
    args = ("pledge", "arrive", first["pledge"], "--amount", "50", "--request", "mine-2")
    receipt = world.ctl(*args)["receipt"]
    assert f"was booked before, entry 2, receipt {receipt}" in world.ctl(*args, json=False)
    assert show(world, first["pledge"])["fen"]["arrived"] == 5000
    verify(world)


def test_a_closed_period(world):
    number = add(world, "--on", today(-40))
    world.ctl("ledger", "close", "--region", COUNTY, "--through", today(-20))
    refused(world, "pledge", "arrive", number, "--amount", "100", "--on", today(-30), words="closed")
    refused(world, "pledge", "add", "--region", OTHER, "--amount", "5", "--on", today(-20), words="closed")
    world.ctl("pledge", "void", number, "--why", "error")  # a correction is booked today
    assert world.ctl("ledger", "audit")["closed"] == [{"region": COUNTY, "through": today(-20)}]
    assert show(world, number)["entries"][-1]["on"] == today()
    verify(world)


def test_lists_and_pages(world):
    made = [add(world, name=f"人{i}", region=VILLAGE if i % 2 else OTHER, mobile=f"138001380{i:02d}") for i in range(7)]
    assert [p["number"] for p in world.ctl("pledge", "list")["pledges"]] == made[::-1]
    assert len(world.ctl("pledge", "list", "--region", VILLAGE)["pledges"]) == 3
    page = world.ctl("pledge", "list", "--limit", "3")
    assert len(page["pledges"]) == 3 and page["more"]
    assert [p["name"] for p in world.ctl("pledge", "list", "--mobile", "13800138004")["pledges"]] == ["人4"]
    world.ctl("pledge", "void", made[0], "--why", "error")
    assert [p["number"] for p in world.ctl("pledge", "list", "--state", "void")["pledges"]] == [made[0]]
    assert world.ctl("pledge", "list", "--year", "2001")["pledges"] == []
    seen, cursor = [], ""
    while True:
        answer = world.api("GET", f"/pledges?limit=2&cursor={cursor}")
        seen += [p["number"] for p in answer["pledges"]]
        cursor = answer["cursor"]
        if not cursor:
            break
    assert seen == made[::-1]
    entries = world.api("GET", "/ledger/entries?limit=5")
    assert [e["entry"] for e in entries["entries"]] == [1, 2, 3, 4, 5] and entries["next"] == 6
    assert world.api("GET", "/ledger/entries?from=6")["next"] is None
    assert world.ctl_raw("pledge", "show", made[0][:6] + "-2001-000001-92").returncode in (2, 3)


# -- totals


def test_totals_add_up_at_every_level(world):
    for region, amount in ((VILLAGE, "1"), (OTHER, "2"), ("513327205", "4"), ("513327", "8"), ("5133", "16"), ("51", "32"), ("0", "64"),
                           ("110105001001", "128"), ("unassigned", "256")):
        add(world, region=region, amount=amount)
    wanted = {VILLAGE: 1, OTHER: 2, "513327205": 7, "513327": 15, "5133": 31, "51": 63, "11": 128, "0": 511}
    for region, yuan in wanted.items():
        report = totals(world, "--region", region, "--children")
        assert report["total"]["fen"] == 100 * yuan, region
        if report["children"]:
            assert sum(child["total"]["fen"] for child in report["children"]) == 100 * yuan, report
        assert report["as_of_entry"] == 9 and report["definition"] and report["as_of"]
        assert report["scope"] == {"region": region, "campaign": None, "year": None}
    nation = totals(world, "--children")
    assert {c["region"] for c in nation["children"]} == {"0", "11", "51", "unassigned"}
    assert [c["region"] for c in nation["children"] if c.get("is_direct")] == ["0"]
    verify(world)


def test_pseudo_levels_are_summed_once_and_not_shown(world):
    # Dongguan has no counties: its towns stand right under the city. 4290 only collects counties.
    for region, amount in (("441900003", "1"), ("441900004005", "2"), ("4419", "4"), ("429004001", "8"), ("420102001", "16"), ("110105", "32")):
        add(world, region=region, amount=amount)
    guangdong = totals(world, "--region", "44", "--children")
    assert guangdong["total"]["fen"] == 700
    assert [(c["region"], c["total"]["fen"]) for c in guangdong["children"]] == [("4419", 700)]
    dongguan = totals(world, "--region", "4419", "--children")
    assert [(c["region"], c["total"]["fen"], c.get("is_direct", False)) for c in dongguan["children"]] == [
        ("4419", 400, True), ("441900003", 100, False), ("441900004", 200, False)]
    hubei = totals(world, "--region", "42", "--children")
    assert [(c["region"], c["total"]["fen"]) for c in hubei["children"]] == [("4201", 1600), ("429004", 800)]
    assert [(c["region"], c["total"]["fen"]) for c in totals(world, "--region", "11", "--children")["children"]] == [("110105", 3200)]
    verify(world)


def test_areas_have_names(make_world):
    world = make_world(daemon={"regions_file": TOP / "config" / "regions.csv"})
    number = add(world, region="513327205")
    add(world, region="110105")
    assert show(world, number)["region_name"] == "仁达乡"
    assert " 513327205 仁达乡" in world.ctl("pledge", "list", json=False)
    report = totals(world, "--children")
    assert report["name"] == "全国" and [c["name"] for c in report["children"]] == ["北京市", "四川省"]
    assert [c["name"] for c in totals(world, "--region", "11", "--children")["children"]] == ["朝阳区"]
    text = world.ctl("totals", "--region", "513327", "--children", json=False)
    assert "四川省甘孜藏族自治州炉霍县 (513327)" in text and "仁达乡" in text
    assert "炉霍县" in world.ctl("ledger", "audit", json=False)
    notice = world.ctl("ledger", "publish", "--region", "513327", "--from", today(), "--to", today(), json=False)
    assert "地区：四川省甘孜藏族自治州炉霍县（513327）" in notice and "仁达乡" in notice
    # A file that is wrong is refused as a whole, and the names that were there stay.
    (world.dir / "names.csv").write_text("51,四川\n5x,错\n", encoding="utf-8")
    world.daemon_keys["regions_file"] = "names.csv"
    world.write_config()
    done = world.ctl_raw("reload")
    assert done.returncode == 1
    assert show(world, number)["region_name"] == "仁达乡"
    (world.dir / "names.csv").write_text("51,四川\n513327205,新名乡\n", encoding="utf-8")
    world.ctl("reload")
    assert show(world, number)["region_name"] == "新名乡"
    # Names of one's own are added to those, and win.
    (world.dir / "own.csv").write_text("# invented\n513327205,高山乡\n513327205001,山口村\n", encoding="utf-8")
    world.daemon_keys["regions_extra"] = "own.csv"
    world.write_config()
    world.ctl("reload")
    add(world)
    rows = totals(world, "--region", "513327205", "--children")
    assert rows["name"] == "高山乡" and [c["name"] for c in rows["children"]] == ["高山乡", "山口村"]
    assert totals(world, "--region", "51")["name"] == "四川"


def test_what_the_settings_say_where_nobody_else_does(world):
    """[ledger] in outreachd.ini: the grace of a due day, the hotline, the days of a notice; read again on reload."""
    number = add(world, "--on", today(-20), due=today(-10))
    world.campaign("quiet", rows=[("15400000001",)])
    world.campaign("loud", rows=[("15400000001",)])
    for id_, more in (("quiet", ""), ("loud", "hotline = 0836-7654321\n")):
        with open(world.dir / "campaigns.d" / f"{id_}.ini", "a", encoding="utf-8") as file:
            file.write("[pledge]\n" + more)

    def notice(*args):
        report = world.ctl("ledger", "publish", "--region", "51", "--from", today(-30), "--to", today(), *args)
        return report["hotline"], report["notice_until"]
    assert show(world, number)["state"] == "pledged" and notice() == ("", today(6))
    world.write_config(extra_config="[ledger]\ngrace_days = 9\nhotline = 0836-12317\nnotice_days = 15\n")
    world.ctl("reload")
    assert show(world, number)["state"] == "lapsed"
    assert [p["number"] for p in world.ctl("pledge", "list", "--state", "lapsed")["pledges"]] == [number]
    assert notice() == ("0836-12317", today(14))
    assert notice("--campaign", "quiet") == notice("--campaign", "nobodys") == ("0836-12317", today(14))
    assert notice("--campaign", "loud") == ("0836-7654321", today(14))
    assert notice("--campaign", "loud", "--hotline", "110", "--days", "1") == ("110", today())
    world.ctl("pledge", "arrive", number, "--amount", "100")  # money that comes for a lapsed pledge still matches
    assert show(world, number)["state"] == "arrived"
    verify(world)


def test_totals_by_campaign_and_year(world):
    world.campaign("a", rows=1)
    world.campaign("b", rows=1)
    add(world, campaign="a", amount="1")
    add(world, campaign="b", amount="2")
    add(world, amount="4")
    for args, yuan in ((("--campaign", "a"), 1), (("--campaign", "-"), 4), (("--campaign", "nobody"), 0), (("--year", str(year())), 7),
                       (("--year", "2001"), 0), ((), 7)):
        assert totals(world, *args)["total"]["fen"] == 100 * yuan, args
    rows = list(csv.DictReader(io.StringIO(world.ctl("totals", "--region", "51", "--children", "--csv", json=False))))
    assert [(r["region"], r["row"], r["yuan"], r["pledged_yuan"]) for r in rows] == [("5133", "part", "7.00", "7.00"), ("51", "all", "7.00", "7.00")]
    assert all(r["definition"] and r["as_of"] and r["as_of_entry"] == "3" for r in rows)


# -- proof


def test_a_tampered_entry_is_named(world):
    for i in range(5):
        add(world, name=f"人{i}")
    world.ctl("ledger", "seal", "--file", "seals.txt")
    assert verify(world)["seals"] == 1
    assert world.ctl("ledger", "verify", "--against", "seals.txt")["ok"]
    tamper(world, 3, "fen", "1")
    done = world.ctl_raw("ledger", "verify", "--against", "seals.txt", json_output=True)
    report = json.loads(done.stdout)
    assert done.returncode == 1 and not report["ok"] and report["problems"] > 1
    assert 3 in [p["entry"] for p in report["found"] if p["kind"] == "entry"]
    assert {"seal", "total", "pledge"} <= {p["kind"] for p in report["found"]}
    stored = [(p["stored"], p["computed"]) for p in report["found"] if p["kind"] == "pledge"]
    assert (10000, 1) in stored, report
    text = world.ctl_raw("ledger", "verify")
    assert text.returncode == 1 and "entry 3" in text.stdout


def test_the_auditors_file_convicts(world):
    add(world)
    world.ctl("ledger", "seal", "--file", "seals.txt")
    add(world)
    world.ctl("ledger", "seal", "--file", "seals.txt")
    lines = (world.dir / "seals.txt").read_text().splitlines()
    assert len(lines) == 2 and (world.daemons["a"].state_dir / "ledger-seals.txt").read_text().splitlines() == lines
    day, range_, value = lines[0].split()
    (world.dir / "seals.txt").write_text(f"# des Prüfers\n{day} {range_} {value[::-1]}\n{lines[1]}\n")
    done = world.ctl_raw("ledger", "verify", "--against", "seals.txt", json_output=True)
    assert done.returncode == 1 and any(p["kind"] == "seal" for p in json.loads(done.stdout)["found"])
    # A file that is not of this ledger is not added to.
    add(world)
    done = world.ctl_raw("ledger", "seal", "--file", "seals.txt")
    assert done.returncode == 1 and "no seal of this ledger" in done.stderr
    assert len((world.dir / "seals.txt").read_text().splitlines()) == 3
    for text, words in (("nonsense\n", "line 1"), ("", "no seals")):
        (world.dir / "bad.txt").write_text(text)
        done = world.ctl_raw("ledger", "verify", "--against", "bad.txt")
        assert done.returncode == 1 and words in done.stderr
    assert world.ctl_raw("ledger", "verify", "--against", "nowhere.txt").returncode == 1


def test_a_hole_in_the_entries_shows_in_audit_export_and_notice(world):
    for i in range(3):
        add(world, name=f"人{i}")
    prefix = next(iter(world.redis.scan_iter("*{l}:n"))).decode()[:-1]
    world.redis.xdel(prefix + "e", "2-0")
    done = world.ctl_raw("ledger", "audit", json_output=True)
    assert done.returncode == 1 and not json.loads(done.stdout)["no_gap"]
    rows = world.ctl("ledger", "export", "--csv", json=False).splitlines()
    assert len(rows) == 4 and rows[2].startswith("2,") and "NOT AN ENTRY" in rows[2]
    assert [row.get("unsound", False) for row in world.ctl("ledger", "export")] == [False, True, False]
    done = world.ctl_raw("ledger", "publish", "--region", "51", "--from", today(), "--to", today())
    assert done.returncode == 1 and "entry 2" in done.stderr


# -- in and out


def test_export_defuses_formulas(world):
    evil = ["=HYPERLINK(1)", "+86", "-1", "@SUM(A1)", "＝1"]
    for text in evil:
        add(world, name=text, note=text, purpose=text)
    rows = list(csv.DictReader(io.StringIO(world.ctl("ledger", "export", "--csv", json=False))))
    assert [row["name"] for row in rows] == ["'" + text for text in evil]
    assert all(row[key][0] == "'" for row in rows for key in ("name", "note", "purpose"))
    assert [row["amount"] for row in rows] == ["100.00"] * 5
    assert [row["name"] for row in world.ctl("ledger", "export")] == evil  # JSON has no formulas
    listed = list(csv.DictReader(io.StringIO(world.ctl("pledge", "list", "--csv", json=False))))
    assert {row["donor"] for row in listed} == {"'" + text for text in evil}
    excel = world.ctl("ledger", "export", "--excel", json=False)
    assert excel.startswith("\ufeff") and excel.count("NOT") == 0
    for text in evil:
        add(world, "--organisation", name=text, public="name", mobile="13800138000")
    notice = world.ctl("ledger", "publish", "--region", "51", "--from", today(), "--to", today(), "--hotline", "=1", "--csv", json=False)
    cells = [cell for row in csv.reader(io.StringIO(notice)) for cell in row]
    assert not [cell for cell in cells if cell and cell[0] in "=+-@＝＋－＠\t"]
    assert cells.count("'=HYPERLINK(1)") == 1


def test_a_long_export_is_streamed_whole(world):
    n = 1203
    for at in range(0, n, 200):
        connection = UnixConnection(world.daemons["a"].control_socket)
        for i in range(at, min(at + 200, n)):
            connection.request("POST", "/api/v1/pledges", json.dumps({"actor": "t", "request": f"r{i}", "region": VILLAGE, "fen": i + 1}))
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 201
        connection.close()
    rows = list(csv.DictReader(io.StringIO(world.ctl("ledger", "export", "--csv", json=False))))
    assert [int(row["entry"]) for row in rows] == list(range(1, n + 1))
    assert totals(world)["total"] == {"count": n, "fen": n * (n + 1) // 2}
    audit = world.ctl("ledger", "audit")
    assert audit["no_gap"] and audit["series"][0]["count"] == n
    assert len(world.ctl("pledge", "list", "--limit", "2000")["pledges"]) == n
    verify(world)


def test_the_public_notice(world):
    person = add(world, name="张三丰", mobile="13800138000", amount="100")
    compound = add(world, name="欧阳修", mobile="13900139000", amount="50", public="masked")
    full = add(world, name="王小明", mobile="13700137000", public="name", amount="20")
    quiet = add(world, name="赵无名", mobile="13600136000", public="anonymous", amount="10")
    company = add(world, "--organisation", name="高山乡供销社", mobile="13500135000", amount="5")
    gone = add(world, name="钱七", amount="1000")
    rice = goods(world, name="孙八")
    old = add(world, "--on", today(-60), name="李老", amount="7")
    elsewhere = add(world, region="110105001", name="别处", amount="3")
    world.ctl("pledge", "void", gone, "--why", "donor")
    world.ctl("pledge", "arrive", person, "--amount", "60")
    world.ctl("pledge", "arrive", old, "--amount", "7")  # pledged before the period, arrived in it
    add(world, "--unconfirmed", name="未确认", amount="9999")
    args = ("ledger", "publish", "--region", "513327205", "--from", today(-10), "--to", today(), "--hotline", "0836-5551234", "--days", "5")
    notice = world.ctl(*args)
    rows = {row["number"]: row for row in notice["donors"]}
    assert list(rows) == [person, compound, full, quiet, company, rice, old]
    assert [(rows[n]["name"], rows[n]["mobile"]) for n in (person, compound, full, quiet, company)] == [
        ("张**", "138****8000"), ("欧阳*", "139****9000"), ("王小明", "137****7000"), ("爱心人士", ""), ("高山乡供销社", "135****5000")]
    assert rows[person]["fen"] == {"pledged": 10_000, "arrived": 6000, "delivered": 0}
    assert rows[old]["fen"] == {"pledged": 0, "arrived": 700, "delivered": 0}
    cash, things = notice["totals"]
    assert cash["fen"] == {"pledged": 18_500, "arrived": 6700, "delivered": 0} and cash["donors"] == 6
    assert things["quantity"]["pledged"] == "20" and things["item"] == "大米"
    assert notice["hotline"] == "0836-5551234" and notice["notice_from"] == today() and notice["notice_until"] == today(4)
    assert elsewhere not in rows and gone not in rows and notice["definition"]
    text = world.ctl(*args, json=False)
    assert text.index("合计") < text.index("明细") and "0836-5551234" in text
    for secret in ("张三丰", "13800138000", "赵无名", "13600136000", "欧阳修", "未确认"):
        assert secret not in text and secret not in json.dumps(notice, ensure_ascii=False)
    # What was published stays as it was: a correction counts on its own day.
    earlier = ("ledger", "publish", "--region", "513327205", "--from", today(-70), "--to", today(-50))
    assert [row["fen"]["pledged"] for row in world.ctl(*earlier)["donors"]] == [700]
    for bad in (("--from", today(), "--to", today(-1)), ("--from", "x", "--to", today())):
        assert world.ctl_raw("ledger", "publish", "--region", "51", *bad).returncode == 1


LIST = """姓名,手机,金额,物品,数量,单位,地区,公开,日期,备注
王五,13900139000,100元,,,,513327205001,实名,{day},=1+1
赵六,,,面粉,3,袋,,匿名,,
孙八,,１．５万,,,元,,,,
"""


def test_the_same_request_after_its_campaign_has_gone(world):
    """What was booked is answered again; what was not is refused, and so is another body under the same id."""
    world.campaign("gone", rows=2)
    given = {"request": "mine-1", "region": VILLAGE, "amount": "100", "name": "张三", "campaign": "gone"}
    passed = {"request": "mine-2", "region": VILLAGE, "to": OTHER, "amount": "1", "campaign": "gone"}
    status, first = post(world, "/pledges", given)
    assert status == 201
    post(world, f"/pledges/{first['pledge']}/arrive", {"request": "mine-3", "amount": "5"})
    moved = post(world, "/ledger/pass", passed)[1]
    (world.dir / "campaigns.d" / "gone.ini").unlink()
    before = snapshot(world)
    assert post(world, "/pledges", given) == (200, {**first, "repeated": True})
    assert post(world, "/ledger/pass", passed) == (200, {**moved, "repeated": True})
    status, answer = post(world, "/pledges", {**given, "amount": "101"})
    assert (status, answer["error"]["field"]) == (409, "request"), answer
    for other in ({**given, "request": "mine-4"}, {**given, "request": "mine-1 "}):
        status, answer = post(world, "/pledges", other)
        assert (status, answer["error"]["code"]) == (404, "no_campaign"), answer
    assert snapshot(world) == before


def test_a_campaign_that_nobody_knows(world):
    """Neither a definition nor a launch: nothing is booked under it, by none of the ways in."""
    (world.dir / "list.csv").write_text(LIST.format(day=today(-1)), encoding="gb18030")
    before = snapshot(world)
    for args in (("add", "--region", VILLAGE, "--mobile", "13800138000", "--amount", "100"),
                 ("import", "list.csv", "--region", OTHER)):
        refused = world.ctl_raw("pledge", *args, "--campaign", "nosuch", json_output=True)
        assert refused.returncode == 3 and "nosuch" in refused.stderr, refused
        assert json.loads(refused.stdout)["error"]["code"] == "no_campaign"
    code, answer = post(world, "/pledges", {"region": VILLAGE, "fen": 1, "campaign": "nosuch", "request": "r"})
    assert (code, answer["error"]["field"]) == (404, "campaign")
    code, answer = post(world, "/ledger/pass", {"region": VILLAGE, "to": OTHER, "fen": 1, "campaign": "nosuch", "request": "r"})
    assert (code, answer["error"]["field"]) == (404, "campaign"), answer
    assert snapshot(world) == before
    world.campaign("soon", rows=2)
    add(world, campaign="soon")  # a definition is enough
    world.launch("soon")
    (world.dir / "campaigns.d" / "soon.ini").unlink()
    add(world, campaign="soon")  # so is a launch
    verify(world)


def test_a_paper_list_is_imported_once(world):
    world.campaign("c1", rows=1)
    world.campaign("c2", rows=1)
    (world.dir / "list.csv").write_text(LIST.format(day=today(-1)), encoding="gb18030")
    args = ("pledge", "import", "list.csv", "--region", OTHER, "--campaign", "c1")
    assert world.ctl(*args) == {"rows": 3, "booked": 3, "repeated": 0, "rejected": 0, "problems": []}
    before = snapshot(world)
    assert world.ctl(*args) == {"rows": 3, "booked": 0, "repeated": 3, "rejected": 0, "problems": []}
    assert snapshot(world) == before
    pledges = {p["name"]: p for p in world.ctl("pledge", "list", "--campaign", "c1")["pledges"]}
    assert pledges["王五"]["public"] == "name" and pledges["王五"]["region"] == VILLAGE and pledges["王五"]["on"] == today(-1)
    assert pledges["赵六"]["quantity"]["pledged"] == "3" and pledges["赵六"]["public"] == "anonymous" and pledges["赵六"]["region"] == OTHER
    assert pledges["孙八"]["fen"]["pledged"] == 1_500_000 and all(p["source"] == "csv" for p in pledges.values())
    # The same list for another campaign, or by somebody else, is the same list: it is not booked twice.
    other = world.ctl_raw("pledge", "import", "list.csv", "--region", OTHER, "--campaign", "c2", json_output=True)
    assert other.returncode == 1 and json.loads(other.stdout)["rejected"] == 3
    assert snapshot(world) == before
    verify(world)


def test_a_list_with_mistakes_books_nothing(world):
    (world.dir / "list.csv").write_text(
        "姓名,电话,金额,数量,单位,物品,公开,日期\n"
        "甲,,100,,,,,\n"            # 2 good
        "乙,123456,100,,,,,\n"      # 3 mobile
        "丙,,1.005,,,,,\n"          # 4 amount
        "丁,,,,,,,\n"               # 5 nothing
        ",,100,,,,,\n"              # 6 nobody
        "己,,,5,,大米,,\n"          # 7 no unit
        "庚,,5,,,,大概,\n"          # 8 public
        "辛,,5,,,,,2026-02-30\n"    # 9 date
        f"壬,,5,,,,,{today(3)}\n"   # 10 future
        "甲,,100,,,,,\n", encoding="utf-8")  # 11 duplicate of 2
    before = snapshot(world)
    done = world.ctl_raw("pledge", "import", "list.csv", "--region", VILLAGE, json_output=True)
    report = json.loads(done.stdout)
    assert done.returncode == 1 and "nothing was booked" in done.stderr
    assert [p["row"] for p in report["problems"]] == list(range(3, 12)) and report["booked"] == 0
    assert all(p["reason"] for p in report["problems"])
    assert snapshot(world) == before
    partial = world.ctl_raw("pledge", "import", "list.csv", "--region", VILLAGE, "--partial", "--problems", "bad.csv")
    assert partial.returncode == 1 and "1 booked" in partial.stdout
    assert len(list(csv.reader(open(world.dir / "bad.csv", encoding="utf-8")))) == 10
    assert [p["name"] for p in world.ctl("pledge", "list")["pledges"]] == ["甲"]


@pytest.mark.parametrize("text,words", [
    ("", "empty"), ("地区,金额\n51,1\n", "donors"), ("姓名,地区\n甲,51\n", "how much"), ("姓名,name,金额\n甲,乙,1\n", "two columns")])
def test_tables_that_are_no_list(world, text, words):
    (world.dir / "list.csv").write_text(text, encoding="utf-8")
    done = world.ctl_raw("pledge", "import", "list.csv", "--region", VILLAGE)
    assert done.returncode == 1 and words in done.stderr


def test_rows_of_a_closed_period_are_found_before_anything_is_booked(world):
    world.ctl("ledger", "close", "--region", COUNTY, "--through", today(-10))
    (world.dir / "list.csv").write_text(f"姓名,金额,日期\n甲,1,{today()}\n乙,2,{today(-11)}\n", encoding="utf-8")
    done = world.ctl_raw("pledge", "import", "list.csv", "--region", VILLAGE, json_output=True)
    assert done.returncode == 1 and [p["row"] for p in json.loads(done.stdout)["problems"]] == [3]
    assert world.ctl("pledge", "list")["pledges"] == []


def test_an_import_that_broke_off_goes_on(make_world):
    """SIGKILL of the daemon in the middle: the same command again books each row once."""
    import signal
    import subprocess

    from harness import BUILD
    world = make_world()
    n = 3000
    (world.dir / "list.csv").write_text("姓名,金额\n" + "".join(f"人{i},{i + 1}\n" for i in range(n)), encoding="utf-8")
    running = subprocess.Popen([BUILD / "outreachctl", "--config", world.daemons["a"].config, "pledge", "import", "list.csv", "--region", VILLAGE],
                               cwd=world.dir, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: world.api("GET", "/totals")["total"]["count"] >= 50, what="some rows are booked")
    world.kill_daemon(signal.SIGKILL)
    _, errors = running.communicate(timeout=60)
    assert running.returncode == 4 and "booked twice" in errors
    world.start_daemon()
    done = world.ctl("pledge", "import", "list.csv", "--region", VILLAGE)
    assert done["booked"] + done["repeated"] == n and done["repeated"] >= 50 and done["booked"] > 0
    assert totals(world)["total"] == {"count": n, "fen": 100 * n * (n + 1) // 2}
    verify(world)


def post_list(world, text, **query):
    connection = UnixConnection(world.daemons["a"].control_socket)
    with contextlib.closing(connection):
        connection.request("POST", "/api/v1/pledges/import?" + urllib.parse.urlencode({"actor": "王", **query}), text,
                           {"Content-Type": "text/csv"})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def test_a_list_by_the_api_and_by_the_command_is_one_list(world):
    text = LIST.format(day=today(-1)).encode("gb18030")
    before = snapshot(world)
    status, report = post_list(world, text, region=OTHER, check=1)
    assert status == 200 and report == {"rows": 3, "booked": 0, "repeated": 0, "rejected": 0, "problems": []}
    assert snapshot(world) == before
    assert post_list(world, text, region=OTHER)[1]["booked"] == 3
    (world.dir / "list.csv").write_bytes(text)
    assert world.ctl("--actor", "王", "pledge", "import", "list.csv", "--region", OTHER)["repeated"] == 3
    verify(world)


def test_a_list_with_mistakes_by_the_api(world):
    text = "姓名,金额\n甲,100\n乙,许多\n".encode()
    status, report = post_list(world, text, region=VILLAGE)
    assert status == 200 and (report["rows"], report["booked"], report["rejected"]) == (2, 0, 1)
    assert report["problems"][0]["row"] == 3 and report["problems"][0]["value"] == "许多" and report["problems"][0]["word"] == "amount"
    assert post_list(world, text, region=VILLAGE, partial=1)[1]["booked"] == 1
    for query, body, code in [({}, b"", "list"), ({"region": "51x"}, text, "invalid"), ({"actor": ""}, text, "missing"),
                              ({"on": today(1)}, text, "invalid"), ({}, "姓名,地区\n甲,51\n".encode(), "list"),
                              ({}, b"a," * 9_000_000, None)]:
        status, answer = post_list(world, body, **query) if code else ask(
            UnixConnection(world.daemons["a"].control_socket), "POST", "/api/v1/pledges/import?actor=x", body)
        assert status == (400 if code else 413), answer
        assert code is None or answer["error"]["code"] == code


def search(world, text, **more):
    status, found = world.daemons["a"].api("POST", "/pledges/search", {"text": text, **more})
    assert status == 200, found
    return sorted(p["name"] for p in found["pledges"])


def test_pledges_are_found_by_number_mobile_and_name(world):
    number = add(world, name="旺堆次仁", mobile="13800138000", amount="1")
    add(world, name="次仁拉姆", mobile="13800138000", amount="2")
    add(world, name="高山供销社", amount="3")
    receipt = world.ctl("pledge", "arrive", number, "--amount", "1")["receipt"]
    assert search(world, number) == search(world, receipt) == search(world, f" {number} ") == ["旺堆次仁"]
    assert search(world, "138 0013 8000") == search(world, "次仁") == ["旺堆次仁", "次仁拉姆"]
    assert search(world, "供销") == ["高山供销社"] and search(world, "没有") == []
    assert search(world, "次仁", region=OTHER) == search(world, number, region=OTHER) == []
    first = world.daemons["a"].api("POST", "/pledges/search", {"text": "次仁", "limit": 1})[1]
    second = world.daemons["a"].api("POST", "/pledges/search", {"text": "次仁", "limit": 1, "cursor": first["cursor"]})[1]
    assert {p["name"] for p in first["pledges"] + second["pledges"]} == {"旺堆次仁", "次仁拉姆"}
    assert world.daemons["a"].api("POST", "/pledges/search", {"text": "a"})[0] == 400
    assert world.daemons["a"].api("POST", "/pledges/search", {})[0] == 400


def test_money_at_its_limits_stays_exact(world):
    number = add(world, amount="10000000000000")
    add(world, amount="0.01")
    world.ctl("pledge", "arrive", number, "--amount", "9999999999999.99")
    report = totals(world)
    assert report["total"]["fen"] == 10**15 + 1 and money(report, "arrived") == 10**15 - 1
    assert show(world, number)["fen"]["rest"] == 1
    assert "10000000000000.01" in world.ctl("totals", json=False)
    rows = list(csv.DictReader(io.StringIO(world.ctl("ledger", "export", "--csv", json=False))))
    assert [row["amount"] for row in rows] == ["10000000000000.00", "0.01", "9999999999999.99"]
    verify(world)


def test_limits_through_the_api(world):
    """Whole fen up to 10^15, in JSON and as people write them; sums beyond 2^53, which neither Lua's numbers nor JavaScript's hold."""
    most = 10**15
    made = []
    for i in range(12):
        status, answer = post(world, "/pledges", {"request": f"m{i}", "region": VILLAGE, "fen": most - i, "name": "张三"})
        assert status == 201
        made.append(answer["pledge"])
    assert post(world, "/pledges", {"request": "y", "region": VILLAGE, "amount": "10000000000000.00元", "name": "张三"})[0] == 201
    assert post(world, "/pledges", {"request": "one", "region": VILLAGE, "fen": 1, "name": "张三"})[0] == 201
    status, answer = post(world, "/pledges", {"request": "q", "region": OTHER, "item": "粮", "quantity": "1000000000000", "unit": "粒", "name": "李四"})
    assert status == 201
    grain = answer["pledge"]
    for i, number in enumerate(made):
        assert show(world, number)["fen"]["pledged"] == most - i
        status, answer = post(world, f"/pledges/{number}/arrive", {"request": f"a{i}", "fen": most - i})
        assert status == 201
    assert post(world, f"/pledges/{grain}/arrive", {"request": "aq", "quantity": "999999999999.999"})[0] == 201
    arrived = sum(most - i for i in range(12))
    assert arrived > 2**53
    for path, body in (
            ("/pledges", {"region": VILLAGE, "fen": most + 1}), ("/pledges", {"region": VILLAGE, "fen": 2**53 + 1}),
            ("/pledges", {"region": VILLAGE, "fen": 2**63 - 1}), ("/pledges", {"region": VILLAGE, "fen": 2**63}),
            ("/pledges", {"region": VILLAGE, "fen": -1}), ("/pledges", {"region": VILLAGE, "fen": 1e15}),
            ("/pledges", {"region": VILLAGE, "fen": str(most)}), ("/pledges", {"region": VILLAGE, "amount": "10000000000000.01"}),
            ("/pledges", {"region": VILLAGE, "amount": "0.001"}),
            ("/pledges", {"region": VILLAGE, "item": "粮", "quantity": "1000000000000.001", "unit": "粒"}),
            (f"/pledges/{grain}/arrive", {"quantity": "0.0015"}), (f"/pledges/{grain}/arrive", {"quantity": "0.002"}),
            (f"/pledges/{made[0]}/arrive", {"fen": 1}), (f"/pledges/{made[3]}/deliver", {"fen": most - 2})):
        before = snapshot(world)
        status, answer = post(world, path, {"request": "wrong", "name": "张三", **body})
        assert status in (400, 409) and answer["error"]["message"], (path, body, answer)
        assert snapshot(world) == before, body
    assert post(world, f"/pledges/{made[3]}/deliver", {"request": "d", "fen": most - 3})[0] == 201
    assert post(world, "/ledger/pass", {"request": "p", "region": VILLAGE, "to": COUNTY, "kind": "cash", "fen": most})[0] == 201
    report = totals(world)
    assert report["total"]["fen"] == sum(most - i for i in range(12)) + most + 1
    assert money(report, "arrived") == arrived and money(report, "held") == arrived - (most - 3)
    assert money(totals(world, "--region", VILLAGE), "held") == arrived - (most - 3) - most
    assert {t["item"]: t["tree"]["arrived"] for t in report["things"]} == {"粮": "999999999999.999"}
    verify(world)


def test_without_redis_a_step_says_that_nothing_is_known(world):
    number = add(world)
    world.stop_redis()
    done = world.ctl_raw("pledge", "arrive", number, "--amount", "1", "--request", "again-1")
    assert done.returncode == 1 and "--request again-1" in done.stderr
    assert ask(UnixConnection(world.daemons["a"].control_socket), "GET", "/api/v1/totals")[0] == 503


def test_a_stop_during_a_proof_is_clean(world):
    """A proof under way does not keep the daemon from ending, nor is its caller left without an answer."""
    import threading
    connection = UnixConnection(world.daemons["a"].control_socket)
    for i in range(400):
        connection.request("POST", "/api/v1/pledges", json.dumps({"actor": "t", "request": f"r{i}", "region": VILLAGE, "fen": 1}))
        connection.getresponse().read()
    connection.close()
    answers = []

    def prove():
        while not answers or answers[-1] == 200:
            try:
                answers.append(world.daemons["a"].api("POST", "/ledger/verify", {"actor": "t"})[0])
            except OSError:
                answers.append(None)
            except Exception:  # http.client: cut in the middle
                answers.append(None)
    thread = threading.Thread(target=prove)
    thread.start()
    wait_until(lambda: len(answers) >= 2, what="proofs run")
    assert world.kill_daemon(15) == 0
    thread.join(60)
    assert not thread.is_alive() and answers[0] == 200
