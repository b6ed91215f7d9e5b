"""Mobile numbers of donors: masked for everybody who logs in, whole for who has just given the password, and then audited."""
import contextlib
import csv
import http.client
import io
import json
import re

from harness import PASSWORD, PATIENCE

TOWNSHIP = "513327205"
WHOLE, MASKED = "13800138000", "138****8000"


def world_with_pledge(world):
    number = world.ctl("pledge", "add", "--region", TOWNSHIP, "--name", "扎西 13800138000", "--mobile", WHOLE, "--amount", "5",
                       "--note", "电话 138-0013-8000")["pledge"]
    world.ctl("pledge", "arrive", number, "--amount", "2", "--note", "请打13800138000")
    return number


def forget_confirmations(world):
    for key in world.redis.scan_iter("*:{u}:s:*"):
        world.redis.hset(key, "confirmed", 0)


def questions(number):
    """Every way to a donor's number."""
    return [("GET", f"/api/v1/pledges/{number}", None), ("GET", "/api/v1/pledges", None),
            ("POST", "/api/v1/pledges/search", {"text": WHOLE}), ("POST", "/api/v1/pledges/search", {"text": number}),
            ("POST", "/api/v1/pledges/search", {"text": "扎西"}), ("GET", "/api/v1/ledger/entries", None),
            ("GET", "/api/v1/ledger/entries?format=csv", None), ("GET", "/api/v1/ledger/entries?format=jsonl&to=1", None)]


def unmasked(path, why="reason=%E5%9B%9E%E8%AE%BF"):
    return path + ("&" if "?" in path else "?") + "&".join(filter(None, ("masked=0", why)))


def is_list(method, path, body):
    """What goes out of the house: not one pledge, by whatever way it was asked for."""
    return path.split("?")[0] in ("/api/v1/pledges", "/api/v1/ledger/entries") or (method == "POST" and "-" not in body["text"])


def unmaskings(world):
    return [(line["actor"], line["act"], line["object"], line["via"], line["address"]) for line in world.ctl("audit", "list")["lines"]
            if "unmasked" in line["act"]]


def test_masked_by_default_and_whole_with_the_password(world):
    number = world_with_pledge(world)
    for role in ("finance", "auditor"):
        browser = world.login(role, role)
        forget_confirmations(world)
        for method, path, body in questions(number):
            status, answer = browser.call(method, path, body)
            assert status == 200 and MASKED in str(answer), (role, path)
            for form in (WHOLE, "138-0013-8000"):
                assert form not in str(answer), (role, path)
            why = "reason=x" if is_list(method, path, body) else ""
            status, answer = browser.call(method, unmasked(path, why), body)
            assert (status, answer["error"]["code"]) == (403, "confirm"), (role, path)
    assert unmaskings(world) == []
    assert browser.call("POST", "/api/v1/session/confirm", {"password": PASSWORD})[0] == 200
    for n, (method, path, body) in enumerate(questions(number), 1):
        needs_reason = is_list(method, path, body)
        for why in ("", "reason=", "reason=%20") if needs_reason else ():
            status, answer = browser.call(method, unmasked(path, why), body)
            assert (status, answer["error"]["code"], answer["error"]["field"]) == (400, "missing", "reason"), path
        status, answer = browser.call(method, unmasked(path) if needs_reason else unmasked(path, ""), body)
        assert status == 200 and WHOLE in str(answer), path
        assert len(unmaskings(world)) == n, path
        assert (world.ctl("audit", "list")["lines"][0]["detail"] == "回访") == needs_reason, path
        assert bool(re.search(r"auditor 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d", str(answer))) == needs_reason, path
    who, act, what, via, address = unmaskings(world)[-1]  # newest first
    assert (who, act, what, via, address) == ("auditor", "pledge unmasked", number, "session", "127.0.0.1")


def test_no_whole_number_in_an_address(world):
    """What looks for somebody by her number comes in a body; on the machine itself no proxy stands in between."""
    number = world_with_pledge(world)
    status, answer = world.login("qiu", "finance", TOWNSHIP).call("GET", f"/api/v1/pledges?mobile={WHOLE}")
    assert (status, answer["error"]["field"]) == (400, "mobile") and "search" in answer["error"]["message"]
    assert [one["number"] for one in world.api("GET", f"/pledges?mobile={WHOLE}")["pledges"]] == [number]


def test_a_search_finds_by_the_whole_number_only(world):
    number = world_with_pledge(world)
    browser = world.login("qiu", "finance", TOWNSHIP)
    for text in (WHOLE, "138 0013 8000", "+86 13800138000"):
        found = browser.call("POST", "/api/v1/pledges/search", {"text": text})[1]["pledges"]
        assert [(one["number"], one["mobile"]) for one in found] == [(number, MASKED)]
    assert browser.call("POST", "/api/v1/pledges/search", {"text": "13800138001"})[1]["pledges"] == []
    state_now = browser.call("GET", f"/api/v1/pledges/{number}")[1]["state"]
    for text in (WHOLE, number):
        for state, expected in ((state_now, [number]), ("unconfirmed", [])):
            found = browser.call("POST", "/api/v1/pledges/search", {"text": text, "state": state})[1]["pledges"]
            assert [one["number"] for one in found] == expected
    assert browser.call("POST", "/api/v1/pledges/search", {"text": WHOLE, "state": "lost"})[1]["error"]["field"] == "state"


def test_each_line_of_the_ledger_says_who_took_it(world):
    world_with_pledge(world)
    world_with_pledge(world)
    browser = world.login("auditor", "auditor")
    path = "/api/v1/ledger/entries?format=csv"
    rows = list(csv.DictReader(io.StringIO(browser.call("GET", unmasked(path))[1])))
    assert len(rows) == 4 and all(row["watermark"].startswith("auditor 20") for row in rows) and rows[0]["mobile"] == WHOLE
    connection = http.client.HTTPConnection("127.0.0.1", browser.port, timeout=PATIENCE)
    with contextlib.closing(connection):
        connection.request("GET", unmasked("/api/v1/ledger/entries?format=jsonl"), headers={"Cookie": browser.cookie})
        lines = [json.loads(line) for line in connection.getresponse().read().splitlines()]
    assert len(lines) == 4 and all(line["watermark"].startswith("auditor 20") for line in lines)
    assert "watermark" not in browser.call("GET", path)[1]
    assert "watermark" not in world.ctl("ledger", "export", "--csv", json=False)


def test_a_program_never_gets_them(world):
    number = world_with_pledge(world)
    browser = world.login("qiu", "finance", TOWNSHIP)
    token = browser.call("POST", "/api/v1/tokens", {"title": "accounts"})[1]["token"]
    browser.cookie = browser.csrf = None
    assert browser.call("GET", f"/api/v1/pledges/{number}", Authorization=f"Bearer {token}")[1]["mobile"] == MASKED
    for method, path, body in questions(number):
        status, answer = browser.call(method, unmasked(path) if is_list(method, path, body) else unmasked(path, ""), body, Authorization=f"Bearer {token}")
        assert status == 403 and answer["error"]["code"] in ("token", "area"), (path, answer)
    assert unmaskings(world) == []


def test_who_has_the_machine_sees_them(world):
    number = world_with_pledge(world)
    assert world.ctl("pledge", "show", number)["mobile"] == WHOLE
    rows = list(csv.DictReader(io.StringIO(world.ctl("ledger", "export", "--csv", json=False))))
    assert rows[0]["mobile"] == WHOLE
    status, document = world.daemons["a"].api("GET", f"/pledges/{number}?masked=1")
    assert status == 200 and document["mobile"] == MASKED and WHOLE not in str(document)
    assert unmaskings(world) == []


def test_a_pledge_of_another_area_is_not_shown_and_not_audited(world):
    number = world_with_pledge(world)
    browser = world.login("qiu", "finance", "513328")
    assert browser.call("GET", f"/api/v1/pledges/{number}?masked=0")[0] == 404
    assert unmaskings(world) == []
