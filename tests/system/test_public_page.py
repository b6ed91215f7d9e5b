"""The public page: who may see it, what is on it, that visitors cost Redis nothing, and the brakes."""
import contextlib
import datetime
import http.client
import json
import re

from harness import PATIENCE, wait_until

TOWNSHIP = "513327205"


def today(days=0):
    now = datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=8)))
    return (now + datetime.timedelta(days=days)).strftime("%Y-%m-%d")


def fetch(world, path="/public/", method="GET", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", world.daemons["a"].port, timeout=PATIENCE)
    with contextlib.closing(connection):
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer, answer.read().decode()


def settings(world, **keys):
    """Other settings of the page, by a reload."""
    keys = {"public_page": "yes", "public_region": "51", "public_from": today(-30), "public_refresh": "1s", "public_per_minute": 60000, **keys}
    world.write_config(extra_config="[ledger]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items()))
    world.ctl("reload")


def open_page(world, **keys):
    settings(world, **keys)
    return wait_page(world)


def wait_page(world, path="/public/"):
    """Until there is something to show."""
    return wait_until(lambda: (seen := fetch(world, path))[0].status == 200 and seen, what="the public page is there")


def document(world, name="totals"):
    return json.loads(wait_page(world, f"/public/{name}.json")[1])


def pledge(world, **keys):
    keys = {"region": TOWNSHIP, "name": "王小明", "amount": "100", "mobile": "13800138000", **keys}
    return world.ctl("pledge", "add", *(word for key, value in keys.items() for word in (f"--{key}", str(value))))["pledge"]


def wait_entry(world, entry):
    wait_until(lambda: document(world)["as_of_entry"] >= entry, what=f"the page has entry {entry}")


def test_off_until_somebody_turns_it_on(world):
    pledge(world)
    for path in ("/public/", "/public", "/public/totals.json", "/public/donors.json", "/public/page.css"):
        assert fetch(world, path)[0].status == 404
    open_page(world)
    settings(world, public_page="no")
    for path in ("/public/", "/public/totals.json"):
        assert fetch(world, path)[0].status == 404


def test_what_is_on_it(world):
    number = pledge(world)
    world.ctl("pledge", "add", "--region", TOWNSHIP, "--name", "高山<供销社>", "--organisation", "--mobile", "13900139000", "--amount", "2500.5")
    world.ctl("pledge", "add", "--region", TOWNSHIP, "--name", "李四", "--item", "大米", "--quantity", "20", "--unit", "袋", "--public", "anonymous",
              "--mobile", "13700137000")
    pledge(world, region="513328201", name="旺堆", amount="7")
    pledge(world, region="110101001", name="北京人", amount="9")  # outside of the page's area
    world.ctl("pledge", "arrive", number, "--amount", "60")
    _, page = open_page(world, public_title="甘孜&州", hotline="0836-12317")
    wait_entry(world, 6)
    page = wait_page(world)[1]
    for text in ("<h1>甘孜&#38;州</h1>", "王**", "138****8000", "高山&#60;", "爱心人士", "大米", "20&nbsp;袋", "2,607.50&nbsp;元", "60.00&nbsp;元", number,
                 "0836-12317", "统计口径", "截止时间"):
        assert text in page, text
    for text in ("王小明", "13800138000", "李四", "北京", "137****", "<script", "style="):
        assert text not in page, text
    english = fetch(world, "/public/?lang=en&from=singlemessage&isappinstalled=0")[1]  # as a link is after it was passed on
    assert 'lang="en"' in english and "CNY&nbsp;2,607.50" in english and "认捐" not in english
    totals = document(world)
    assert {one["kind"]: one["fen"]["pledged"] for one in totals["totals"] if "fen" in one} == {"cash": 260750}
    assert totals["title"] == "甘孜&州" and totals["region"] == "51" and totals["notice_until"] is None
    donors = document(world, "donors")
    assert [one["name"] for one in donors["donors"]][0] == "王**" and donors["pledges"] == 4


def test_headers_and_no_cookie(world):
    pledge(world)
    open_page(world, public_refresh="90s")
    browser = world.login("chen", "viewer")
    for path, kind in (("/public/", "text/html; charset=utf-8"), ("/public/totals.json", "application/json"), ("/public/page.css", "text/css; charset=utf-8")):
        answer, body = fetch(world, path, Cookie=browser.cookie)
        assert answer.status == 200 and answer.headers["Content-Type"] == kind
        assert "Set-Cookie" not in answer.headers
        assert answer.headers["Cache-Control"] == ("public, max-age=3600" if path.endswith("css") else "public, max-age=90")
        for name in ("Content-Security-Policy", "X-Frame-Options", "Referrer-Policy", "X-Content-Type-Options", "Cross-Origin-Opener-Policy",
                     "Cross-Origin-Resource-Policy", "Permissions-Policy"):
            assert answer.headers[name] == fetch(world, "/console/")[0].headers[name] and len(answer.headers.get_all(name)) == 1
        for known in (answer.headers["ETag"], f'"other", W/{answer.headers["ETag"]}'):
            again, nothing = fetch(world, path, If_None_Match=known if not path.endswith("css") else answer.headers["ETag"])
            assert (again.status, nothing, again.headers["ETag"]) == (304, "", answer.headers["ETag"])
        assert fetch(world, path, If_None_Match='"other"')[1] == body
        assert fetch(world, path, "POST")[0].status == 405
    assert fetch(world, "/public")[0].status == 404
    assert fetch(world, "/public/nothing")[0].status == 404


def test_it_follows_the_ledger(world):
    number = pledge(world)
    open_page(world)
    wait_entry(world, 1)
    pledge(world, name="赵六", amount="50")
    world.ctl("pledge", "void", number, "--why", "donor", "--note", "记错")
    wait_entry(world, 3)
    assert document(world)["totals"][0]["fen"]["pledged"] == 5000
    page = wait_page(world)[1]
    assert "赵*" in page and "王**" not in page


def test_many_pages(world):
    rows = "姓名,金额\n" + "".join(f"甲{i},{i + 1}\n" for i in range(230))
    (world.dir / "list.csv").write_text(rows, encoding="utf-8")
    world.ctl("pledge", "import", str(world.dir / "list.csv"), "--region", TOWNSHIP)
    open_page(world)
    wait_entry(world, 230)
    seen = set()
    for page in (1, 2, 3):
        answer, text = fetch(world, f"/public/?page={page}")
        assert answer.status == 200
        seen |= set(re.findall(r"513327-\d{4}-\d{6}-\d\d", text))
        assert ('rel="prev"' in text, 'rel="next"' in text) == (page > 1, page < 3)
        assert len(json.loads(fetch(world, f"/public/donors.json?page={page}")[1])["donors"]) == (100 if page < 3 else 30)
    assert len(seen) == 230
    for odd in ("99", "-1", "x", "0", "18446744073709551616"):
        assert fetch(world, f"/public/?page={odd}")[0].status == 200


def test_visitors_need_no_redis(world):
    pledge(world)
    open_page(world)
    wait_entry(world, 1)
    world.stop_redis()
    for _ in range(50):
        answer, page = fetch(world)
        assert answer.status == 200 and "王**" in page
    world.start_redis()
    wait_until(world.daemons["a"].ready, what="the daemon has Redis again")
    pledge(world)
    wait_entry(world, 2)


def test_the_list_comes_off_and_totals_stay(world):
    pledge(world, on=today(-20))
    open_page(world, public_to=today(-8), notice_days=8)
    assert "王**" in wait_page(world)[1] and document(world)["notice_until"] == today()
    settings(world, public_to=today(-8), notice_days=7)
    page = wait_page(world)[1]
    assert "王**" not in page and "公示期已满" in page and "100.00" in page
    donors = document(world, "donors")
    assert donors["donors"] == [] and donors["shown"] is False and document(world)["totals"][0]["fen"]["pledged"] == 10000


def test_an_address_that_asks_too_often(make_world):
    world = make_world(daemon={"behind_tls": "yes"})
    pledge(world)
    open_page(world)
    settings(world, public_per_minute=3, public_refresh="1h")
    others = (f"198.51.100.{i}" for i in range(250))
    wait_until(lambda: fetch(world, X_Forwarded_For=next(others))[0].status == 200, what="the page is there")
    answers = [fetch(world, X_Forwarded_For="6.6.6.6, 192.0.2.7") for _ in range(4)]
    assert [answer.status for answer, _ in answers] == [200, 200, 200, 429]
    refused, text = answers[3]
    assert 1 <= int(refused.headers["Retry-After"]) <= 20 and refused.headers["Cache-Control"] == "no-store" and "稍后" in text
    assert refused.headers["Strict-Transport-Security"] and refused.headers["Content-Security-Policy"]
    assert fetch(world, "/public/totals.json", X_Forwarded_For="192.0.2.7")[0].status == 429
    assert fetch(world, X_Forwarded_For="192.0.2.8")[0].status == 200


def test_all_together_ask_too_often(world):
    pledge(world)
    open_page(world)
    settings(world, public_per_second=1, public_refresh="1h")
    wait_until(lambda: fetch(world)[0].status == 200, what="the page is there")
    wait_until(lambda: fetch(world)[0].status == 429, what="a second request in a second is refused")
    assert world.daemons["a"].api("GET", "/status")[0] == 200


def test_a_ledger_that_somebody_changed_is_not_shown(world):
    pledge(world)
    pledge(world)
    open_page(world)
    wait_entry(world, 2)
    world.redis.xdel("outreach:{l}:e", "1-0")
    pledge(world, name="赵六")
    wait_entry(world, 3)  # what was read before is not read again
    settings(world, public_region="5133")
    wait_until(lambda: "public_page_not_refreshed" in world.daemons["a"].process.output(), what="the log says so")
    answer, text = fetch(world)
    assert answer.status == 503 and answer.headers["Retry-After"] == "5" and "准备" in text


def test_another_area_at_once(world):
    """After a reload nothing of the old area is shown, not even until the next refresh."""
    pledge(world)
    open_page(world, public_refresh="1h")
    settings(world, public_refresh="1h", public_region="11")
    answer, page = fetch(world)
    assert answer.status == 503 or "王**" not in page
    assert "还没有登记" in wait_page(world)[1]


def test_wrong_settings_are_told(make_world):
    world = make_world(start=False)
    world.write_config(extra_config="[ledger]\npublic_region = 5133x\npublic_from = 2026-13-01\npublic_refresh = 0s\n")
    done = world.ctl_raw("check")
    assert done.returncode != 0
    for key in ("public_region", "public_from", "public_refresh"):
        assert key in done.stderr + done.stdout
