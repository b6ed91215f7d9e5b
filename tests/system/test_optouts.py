"""Opt-outs hold for the whole country: who adds how many, and that their pages put no number into an address."""
from harness import Browser, numbers

HERE = "513327205"


def code(answer):
    return answer[0], answer[1]["error"]["code"]


def add(browser, some, **body):
    return browser.call("POST", "/api/v1/optouts", {"numbers": some, **body})


def test_a_township_adds_few_and_says_why(world):
    some = numbers(401, 15460000000)
    wang = world.login("wang", "township", HERE)
    assert code(add(wang, some[:1], reason="来电要求")) == (409, "trial")
    assert not world.redis.exists("outreach:{o}:r")
    world.api("POST", f"/areas/{HERE}/live", {"actor": "root", "reason": "签名已批"})
    assert code(add(wang, some[:1])) == (400, "missing")
    assert code(add(wang, some[:1], reason="")) == (400, "invalid")
    assert code(add(wang, some[:201], reason="来电要求")) == (409, "too_many")
    assert code(add(wang, ["1"], reason="来电要求")) == (400, "invalid")
    assert add(wang, some[:199], reason="来电要求") == (200, {"given": 199, "fresh": 199})
    assert code(add(wang, some[199:201], reason="来电要求")) == (409, "too_many")
    assert add(wang, some[199:200], reason="来电要求")[0] == 200
    assert code(add(wang, some[200:201], reason="来电要求")) == (409, "too_many")
    li = world.login("li", "township", HERE)
    assert add(li, some[200:201], reason="来电要求")[0] == 200, "another's day is another's"
    program = wang.call("POST", "/api/v1/tokens", {"title": "x"})[1]["token"]
    assert code(Browser(world).call("POST", "/api/v1/optouts", {"numbers": some[201:202], "reason": "x"}, Authorization=f"Bearer {program}")) == (409, "too_many")
    # An operator, and who has the machine, are not bound.
    for role in ("operator", "township operator"):
        assert add(world.login(role[:8].strip(), role, HERE), some[201:])[0] == 200
    assert world.ctl("optout", "add", "15400000009")["fresh"] == 1


def test_how_many_a_day_is_a_setting(make_world):
    """The refusal names it; a reload takes another, and what was added before counts."""
    world = make_world(daemon={"optout_daily": 3})
    some = numbers(6, 15460000000)
    wang = world.login("wang", "township", HERE)
    world.api("POST", f"/areas/{HERE}/live", {"actor": "root", "reason": "签名已批"})
    assert wang.call("GET", "/api/v1/session")[1]["limits"]["optout_daily"] == 3
    assert add(wang, some[:3], reason="来电要求")[0] == 200
    status, answer = add(wang, some[3:4], reason="来电要求")
    assert (status, answer["error"]["code"]) == (409, "too_many")
    assert "the 3 opt-outs" in answer["error"]["message"] and "(optout_daily)" in answer["error"]["message"]
    config = world.daemons["a"].config
    config.write_text(config.read_text().replace("optout_daily = 3", "optout_daily = 5"))
    world.ctl("reload")
    assert code(add(wang, some[3:6], reason="来电要求")) == (409, "too_many")
    assert add(wang, some[3:5], reason="来电要求")[0] == 200


def test_pages_name_nobody_in_their_address(world):
    some = sorted(numbers(25, 15460000000))
    world.api("POST", "/optouts", {"numbers": some, "actor": "root"})
    op = world.login("op", "operator")
    for limit in (1, 7, 25, 1000):
        seen, cursors, cursor = [], [], ""
        while not cursors or cursor:
            status, page = op.call("GET", f"/api/v1/optouts?limit={limit}&cursor={cursor}")
            assert status == 200, page
            seen += [row["number"] for row in page["optouts"]]
            cursor = page["cursor"]
            cursors.append(cursor)
        assert seen == some and len(cursors) == len(set(cursors)) == -(-25 // limit)
        assert not any(number in cursor or f"{int(number):x}" in cursor for number in some for cursor in cursors)
    first = op.call("GET", "/api/v1/optouts?limit=1")[1]["cursor"]
    assert first != op.call("GET", "/api/v1/optouts?limit=1")[1]["cursor"], "the same place looks different each time"
    for bad in ("15460000000", first[:-1], first[:-1] + ("0" if first[-1] != "0" else "1"), "f" * len(first), first.upper() + "0", "g" * len(first)):
        status, answer = op.call("GET", f"/api/v1/optouts?cursor={bad}")
        assert (status, answer["error"]["field"]) == (400, "cursor"), bad
    assert op.call("GET", "/api/v1/optouts?after=15460000000")[1]["error"]["field"] == "after"
    assert [row["number"] for row in world.ctl("optout", "export")] == some


def test_a_cookie_takes_json_only_as_json(world):
    world.api("POST", f"/areas/{HERE}/live", {"actor": "root", "reason": "签名已批"})
    wang = world.login("wang", "township", HERE)
    body = {"numbers": ["15460000000"], "reason": "x"}
    for kind in ("text/plain", "text/plain; charset=utf-8", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonx", ""):
        assert code(wang.call("POST", "/api/v1/optouts", body, Content_Type=kind)) == (415, "content_type"), kind
    assert not world.redis.exists("outreach:{o}:r")
    for kind in ("application/json", "Application/JSON", "application/json;charset=UTF-8", "application/json ; charset=utf-8"):
        assert wang.call("POST", "/api/v1/optouts", body, Content_Type=kind)[0] == 200, kind
    token = wang.call("POST", "/api/v1/tokens", {"title": "x"})[1]["token"]
    assert Browser(world).call("POST", "/api/v1/optouts", body, Content_Type="text/plain", Authorization=f"Bearer {token}")[0] == 200, "no browser adds a token by itself"
