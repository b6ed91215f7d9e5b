"""Mobile numbers of donors: masked for everybody who logs in, whole for who has just given the password, and then audited."""
import csv
import io

from harness import PASSWORD

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
    return [("GET", f"/api/v1/pledges/{number}", None), ("GET", "/api/v1/pledges", None), ("GET", f"/api/v1/pledges?mobile={WHOLE}", None),
            ("POST", "/api/v1/pledges/search", {"text": WHOLE}), ("POST", "/api/v1/pledges/search", {"text": number}),
            ("POST", "/api/v1/pledges/search", {"text": "扎西"}), ("GET", "/api/v1/ledger/entries", None),
            ("GET", "/api/v1/ledger/entries?format=csv", None), ("GET", "/api/v1/ledger/entries?format=jsonl&to=1", None)]


def unmasked(path):
    return path + ("&" if "?" in path else "?") + "masked=0"


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
            status, answer = browser.call(method, unmasked(path), body)
            assert (status, answer["error"]["code"]) == (403, "confirm"), (role, path)
    assert unmaskings(world) == []
    assert browser.call("POST", "/api/v1/session/confirm", {"password": PASSWORD})[0] == 200
    for n, (method, path, body) in enumerate(questions(number), 1):
        status, answer = browser.call(method, unmasked(path), body)
        assert status == 200 and WHOLE in str(answer), path
        assert len(unmaskings(world)) == n, path
    who, act, what, via, address = unmaskings(world)[-1]  # newest first
    assert (who, act, what, via, address) == ("auditor", "pledge unmasked", number, "session", "127.0.0.1")


def test_a_search_finds_by_the_whole_number_only(world):
    number = world_with_pledge(world)
    browser = world.login("qiu", "finance", TOWNSHIP)
    for text in (WHOLE, "138 0013 8000", "+86 13800138000"):
        found = browser.call("POST", "/api/v1/pledges/search", {"text": text})[1]["pledges"]
        assert [(one["number"], one["mobile"]) for one in found] == [(number, MASKED)]
    assert browser.call("POST", "/api/v1/pledges/search", {"text": "13800138001"})[1]["pledges"] == []


def test_a_program_says_that_it_wants_them(world):
    number = world_with_pledge(world)
    browser = world.login("qiu", "finance", TOWNSHIP)
    token = browser.call("POST", "/api/v1/tokens", {"title": "accounts"})[1]["token"]
    browser.cookie = browser.csrf = None
    assert browser.call("GET", f"/api/v1/pledges/{number}", Authorization=f"Bearer {token}")[1]["mobile"] == MASKED
    assert browser.call("GET", f"/api/v1/pledges/{number}?masked=0", Authorization=f"Bearer {token}")[1]["mobile"] == WHOLE
    assert unmaskings(world)[0][:4] == ("qiu", "pledge unmasked", number, "token")


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
