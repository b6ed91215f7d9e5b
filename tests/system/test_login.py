"""Logging in over the listening port: sessions, roles, areas, forged requests."""
import re

import pytest

from harness import PASSWORD, Browser

def code(answer):
    return answer[0], answer[1]["error"]["code"]


def test_a_login_is_a_cookie_and_ends(world):
    browser = world.login("wang.li", "township viewer", "513327205")
    cookie = browser.headers["set-cookie"]
    assert re.fullmatch(r"sid=[0-9a-f]{64}; Path=/; HttpOnly; SameSite=Strict", cookie), cookie
    status, me = browser.call("GET", "/api/v1/session")
    assert status == 200 and me["user"] == "wang.li" and me["roles"] == ["township", "viewer"] and me["area"] == "513327205"
    for header in ("content-security-policy", "x-content-type-options", "referrer-policy", "x-frame-options"):
        assert header in browser.headers
    assert browser.headers["cache-control"] == "no-store"
    assert browser.call("DELETE", "/api/v1/session")[0] == 200
    browser.cookie = cookie.split(";")[0]
    assert code(browser.call("GET", "/api/v1/session")) == (401, "session")


def test_nothing_without_a_login(world):
    browser = Browser(world)
    assert code(browser.call("GET", "/api/v1/campaigns")) == (401, "session")
    assert code(browser.call("POST", "/api/v1/users", {})) == (401, "session")
    browser.cookie = "sid=" + "0" * 64
    assert code(browser.call("GET", "/api/v1/totals")) == (401, "session")
    # Only for the control socket: not even there.
    assert code(browser.call("POST", "/api/v1/recipients/lookup", {})) == (404, "no_route")


def test_unknown_user_wrong_password_and_disabled_look_the_same(world):
    world.user("chen", "viewer")
    world.user("gone", "viewer")
    assert world.ctl_raw("user", "disable", "gone").returncode == 0
    answers = [Browser(world).login(*who) for who in (("nobody", PASSWORD), ("chen", "not the password"), ("gone", PASSWORD))]
    assert all(answer == answers[0] for answer in answers) and code(answers[0]) == (401, "login")


def test_forged_requests_are_refused(world):
    browser = world.login("root", "admin operator")
    csrf, browser.csrf = browser.csrf, None
    assert code(browser.call("POST", "/api/v1/reload", {})) == (403, "csrf")
    browser.csrf = "0" * 64
    assert code(browser.call("POST", "/api/v1/reload", {})) == (403, "csrf")
    browser.csrf = csrf
    assert code(browser.call("POST", "/api/v1/reload", {}, Origin="http://evil.example")) == (403, "csrf")
    assert code(browser.call("POST", "/api/v1/reload", {}, Sec_Fetch_Site="cross-site")) == (403, "csrf")
    assert browser.call("POST", "/api/v1/reload", {}, Origin=f"http://127.0.0.1:{browser.port}")[0] == 200
    assert code(browser.call("POST", "/api/v1/reload", {"actor": "somebody else"})) == (400, "invalid")


def test_role_is_checked(world):
    viewer = world.login("chen", "viewer")
    assert viewer.call("GET", "/api/v1/totals")[0] == 200
    assert code(viewer.call("GET", "/api/v1/status")) == (403, "role")
    assert code(viewer.call("POST", "/api/v1/carriers/mas/pause", {"reason": "x"})) == (403, "role")
    assert code(viewer.call("GET", "/api/v1/users")) == (403, "role")


def test_area_is_checked(world):
    world.campaign("here", rows=2, region="513327205")
    world.campaign("there", rows=2, region="513328201")
    here = world.ctl("pledge", "add", "--region", "513327205", "--amount", "10")["pledge"]
    there = world.ctl("pledge", "add", "--region", "513328201", "--amount", "20")["pledge"]
    browser = world.login("wang.li", "township finance viewer", "513327205")
    assert [row["id"] for row in browser.call("GET", "/api/v1/campaigns")[1]["campaigns"]] == ["here"]
    assert browser.call("GET", "/api/v1/campaigns/here")[0] == 200
    assert code(browser.call("GET", "/api/v1/campaigns/there")) == (404, "no_campaign")
    assert code(browser.call("POST", "/api/v1/campaigns/launch", {"file": "there"})) == (404, "no_campaign")
    assert code(browser.call("POST", "/api/v1/campaigns/launch", {"file": "/etc/passwd"})) == (400, "invalid")
    assert browser.call("GET", f"/api/v1/pledges/{here}")[0] == 200
    assert code(browser.call("GET", f"/api/v1/pledges/{there}")) == (404, "no_pledge")
    assert [row["number"] for row in browser.call("GET", "/api/v1/pledges")[1]["pledges"]] == [here]
    assert code(browser.call("GET", "/api/v1/pledges?region=51")) == (403, "area")
    assert code(browser.call("POST", "/api/v1/pledges", {"request": "1", "region": "513328201", "amount": "1"})) == (403, "area")
    status, added = browser.call("POST", "/api/v1/pledges", {"request": "1", "region": "513327205", "amount": "1"})
    assert status == 201, added
    totals = browser.call("GET", "/api/v1/totals")[1]
    assert totals["region"] == "513327205" and totals["total"]["fen"] == 1100
    assert code(browser.call("GET", "/api/v1/totals?region=513328201")) == (403, "area")
    assert code(browser.call("GET", "/api/v1/ledger/entries")) == (403, "area")
    found = browser.call("POST", "/api/v1/pledges/search", {"text": there})[1]
    assert found["pledges"] == []


def test_a_changed_user_is_logged_out(world):
    for change in (("disable", "u"), ("change", "u", "--roles", "viewer finance"), ("passwd", "u")):
        world.ctl_raw("user", "enable", "u")
        browser = world.login("u", "viewer") if change[0] == "disable" else Browser(world)
        if change[0] != "disable":
            assert browser.login("u")[0] == 200
        done = world.ctl_raw("user", *change, stdin=PASSWORD + "\n")
        assert done.returncode == 0, done.stderr
        assert code(browser.call("GET", "/api/v1/session")) == (401, "session"), change


def test_sensitive_acts_ask_for_the_password_again(world):
    browser = world.login("root", "admin")
    # As if the login had been some time ago.
    for key in world.redis.scan_iter("*:{u}:s:*"):
        world.redis.hset(key, "confirmed", 0)
    new = {"name": "li", "roles": ["viewer"], "area": "51", "password": PASSWORD}
    assert code(browser.call("POST", "/api/v1/users", new)) == (403, "confirm")
    assert code(browser.call("POST", "/api/v1/session/confirm", {"password": "wrong"})) == (403, "login")
    assert browser.call("POST", "/api/v1/session/confirm", {"password": PASSWORD})[0] == 200
    assert browser.call("POST", "/api/v1/users", new)[0] == 201
    assert code(browser.call("POST", "/api/v1/users", new)) == (409, "exists")
    names = [user["name"] for user in browser.call("GET", "/api/v1/users")[1]["users"]]
    assert names == ["li", "root"]


def test_own_password_is_changed(world):
    browser = world.login("chen", "viewer")
    other = "seven lanterns in the valley"
    assert code(browser.call("POST", "/api/v1/session/password", {"old": "no", "new": other})) == (403, "login")
    assert code(browser.call("POST", "/api/v1/session/password", {"old": PASSWORD, "new": "short"})) == (400, "invalid")
    assert browser.call("POST", "/api/v1/session/password", {"old": PASSWORD, "new": other})[0] == 200
    assert code(Browser(world).login("chen")) == (401, "login")
    assert Browser(world).login("chen", other)[0] == 200


@pytest.mark.parametrize("password", ["short", "password2026!!!!", "123456789012345", "aaaaaaaaaaaaaaaa", "x" * 129])
def test_weak_passwords_are_refused(world, password):
    done = world.ctl_raw("user", "add", "u", "--roles", "viewer", "--area", "51", stdin=password + "\n")
    assert done.returncode == 1 and "password" in done.stderr


def test_no_password_and_no_token_in_redis_or_log(world):
    browser = world.login("chen", "viewer")
    token = browser.cookie.split("=")[1]
    dump = b"".join(world.redis.dump(key) or b"" for key in world.redis.scan_iter("*"))
    names = b"".join(key if isinstance(key, bytes) else key.encode() for key in world.redis.scan_iter("*"))
    logs = "".join(text for _, text in world.logs())
    for secret in (token, PASSWORD):
        assert secret.encode() not in dump + names and secret not in logs


def test_users_are_listed(world):
    world.user("wang.li", "township", "513327205")
    table = world.ctl_raw("user", "list").stdout
    assert "wang.li" in table and "513327205" in table and "township" in table
    assert "hash" not in world.ctl("user", "list")["users"][0]
