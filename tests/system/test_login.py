"""Logging in over the listening port: sessions, roles, areas, forged requests."""
import concurrent.futures
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
    assert browser.call("DELETE", "/api/v1/session") == (204, "")
    browser.cookie = cookie.split(";")[0]
    assert code(browser.call("GET", "/api/v1/session")) == (401, "session")


def test_a_page_that_asks_by_itself_does_not_keep_the_login(world):
    chen = world.login("chen", "operator")
    (key,) = world.redis.scan_iter("outreach:{u}:s:*")
    world.redis.pexpire(key, 100_000)
    assert chen.call("GET", "/api/v1/status", X_Unattended="1")[0] == 200
    assert 0 < world.redis.pttl(key) <= 100_000
    assert chen.call("GET", "/api/v1/status")[0] == 200
    assert world.redis.pttl(key) > 100_000


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


def test_guessing_is_slowed_down(world):
    world.user("chen", "viewer")
    guesser = Browser(world)
    answers = [guesser.login("chen", f"guess number {n}....") for n in range(11)]
    assert [answer[0] for answer in answers] == [401] * 10 + [429]
    assert code(answers[-1]) == (429, "too_many") and 1 <= int(guesser.headers["retry-after"]) <= 36
    assert guesser.login("chen")[0] == 429, "not even the right one, for now"
    assert guesser.login("other")[0] == 401, "other accounts are not touched"


def test_right_password_forgives(world):
    world.user("chen", "viewer")
    browser = Browser(world)
    for _ in range(3):
        for n in range(8):
            assert browser.login("chen", f"guess number {n}....")[0] == 401
        assert browser.login("chen")[0] == 200


def test_one_address_is_slowed_down(world):
    """By the bucket in Redis, as sixty attempts of a busy machine take longer than some of them need to be given back."""
    guesser = Browser(world)

    def now():
        seconds, micros = world.redis.time()
        return seconds * 1000 + micros // 1000
    begun = now()
    assert [guesser.login(f"user{n}")[0] for n in range(3)] == [401] * 3
    key, = world.redis.scan_iter("*:{u}:ld:*")
    assert 0 < int(world.redis.get(key)) - begun <= 3 * 5000 + now() - begun, "an attempt costs five seconds"
    world.redis.set(key, now() + 3600_000)  # all sixty are used up
    assert guesser.login("user")[0] == 429 and int(guesser.headers["retry-after"]) > 3000
    world.redis.set(key, now() + 60 * 5000 - 5000)  # one is left
    assert guesser.login("user")[0] == 401


def test_token_does_what_its_owner_may_and_no_more(world):
    world.ctl("pledge", "add", "--region", "513327205", "--amount", "10")
    owner = world.login("chen", "finance viewer", "51")
    assert code(owner.call("POST", "/api/v1/tokens", {"title": "x", "roles": ["admin"]})) == (403, "role")
    assert code(owner.call("POST", "/api/v1/tokens", {"title": "x", "area": "50"})) == (403, "area")
    status, made = owner.call("POST", "/api/v1/tokens", {"title": "wall", "roles": ["viewer"], "area": "5133", "days": 1})
    assert status == 201 and len(made["token"]) == 64

    def program(method, path, body=None, token=made["token"]):
        return Browser(world).call(method, path, body, Authorization=f"Bearer {token}")
    assert program("GET", "/api/v1/totals")[1]["region"] == "5133"
    assert code(program("GET", "/api/v1/totals?region=51")) == (403, "area")
    assert code(program("GET", "/api/v1/pledges")) == (403, "role")
    assert code(program("POST", "/api/v1/tokens", {"title": "another"})) == (403, "token")
    assert code(program("GET", "/api/v1/totals", token="0" * 64)) == (401, "session")
    assert [row["title"] for row in owner.call("GET", "/api/v1/tokens")[1]["tokens"]] == ["wall"]
    assert made["token"] not in str(owner.call("GET", "/api/v1/tokens"))
    # The owner loses the area: so does the token.
    world.ctl("user", "change", "chen", "--area", "513327")
    assert code(program("GET", "/api/v1/totals")) == (401, "session")
    world.ctl("user", "change", "chen", "--area", "51")
    assert program("GET", "/api/v1/totals")[0] == 200
    owner = Browser(world)
    owner.login("chen")
    assert owner.call("DELETE", f"/api/v1/tokens/{made['id']}")[0] == 200
    assert code(program("GET", "/api/v1/totals")) == (401, "session")


def test_tokens_end_with_the_password_or_when_their_owner_is_disabled(world):
    other = world.login("li", "viewer")
    kept = other.call("POST", "/api/v1/tokens", {"title": "li's"})[1]["token"]

    def works(token):
        return Browser(world).call("GET", "/api/v1/totals", Authorization=f"Bearer {token}")[0] == 200
    world.user("chen", "viewer")
    new = "seven lanterns in the valley"

    def by_herself(owner):
        assert owner.call("POST", "/api/v1/session/password", {"old": PASSWORD, "new": new})[0] == 200
    acts = (lambda owner: world.ctl_raw("user", "disable", "chen"), lambda owner: world.ctl_raw("user", "passwd", "chen", stdin=PASSWORD + "\n"), by_herself)
    for act in acts:
        owner = Browser(world)
        assert owner.login("chen")[0] == 200
        token = owner.call("POST", "/api/v1/tokens", {"title": "chen's"})[1]["token"]
        assert works(token)
        act(owner)
        assert not works(token)
        world.ctl_raw("user", "enable", "chen")
        assert not works(token), "it does not come back"
        assert [row["title"] for row in world.ctl("token", "list")["tokens"]] == ["li's"]
    assert works(kept), "another's is not touched"


def test_no_token_is_kept_for_a_repetition(world):
    owner = world.login("chen", "viewer", "51")
    made = [owner.call("POST", "/api/v1/tokens", {"title": "wall"}, Idempotency_Key="k")[1] for _ in range(2)]
    assert made[0]["token"] != made[1]["token"]
    kept = [world.redis.hgetall(key) for key in world.redis.scan_iter("*") if world.redis.type(key) == b"hash"]
    assert made[0]["token"] not in str(kept)


def test_the_same_key_does_it_once(world):
    browser = world.login("root", "operator")
    numbers = {"numbers": ["15400000001"], "scope": "marketing", "source": "operator"}
    first = browser.call("POST", "/api/v1/optouts", numbers, Idempotency_Key="k1")
    assert first[0] < 300 and first[1]["fresh"] == 1
    again = browser.call("POST", "/api/v1/optouts", numbers, Idempotency_Key="k1")
    assert again == first and browser.headers["idempotent-replayed"] == "true"
    other = dict(numbers, numbers=["15400000002"])
    assert code(browser.call("POST", "/api/v1/optouts", other, Idempotency_Key="k1")) == (409, "key_reused")
    assert browser.call("POST", "/api/v1/optouts", numbers, Idempotency_Key="k2")[1]["fresh"] == 0
    # A refusal leaves the key free.
    assert code(browser.call("POST", "/api/v1/optouts", {"numbers": []}, Idempotency_Key="k3")) == (400, "invalid")
    assert browser.call("POST", "/api/v1/optouts", other, Idempotency_Key="k3")[1]["fresh"] == 1
    # Another user's key is another key.
    assert "idempotent-replayed" not in (lambda b: (b.call("POST", "/api/v1/optouts", numbers, Idempotency_Key="k1"), b.headers)[1])(
        world.login("li", "operator"))


def test_behind_a_proxy_the_client_is_counted(world):
    world.daemon_keys["behind_tls"] = "yes"
    world.write_config()
    world.ctl("reload")
    guesser = Browser(world)
    answers = [guesser.call("POST", "/api/v1/session", {"user": f"user{n}", "password": "x"}, X_Forwarded_For=f"6.6.6.6, 10.0.0.{n % 2}")[0]
               for n in range(70)]
    assert answers == [401] * 70
    world.user("chen", "viewer")
    browser = Browser(world)
    assert browser.login("chen")[0] == 200
    assert browser.headers["set-cookie"].startswith("__Host-sid=") and browser.headers["set-cookie"].endswith("; Secure")


def test_only_a_trusted_proxy_is_believed(make_world):
    """From 127.0.0.1, which is no proxy here: what the header says is the client's own word, and all is counted for one address."""
    world = make_world(daemon={"behind_tls": "yes", "trusted_proxies": "10.9.8.0/24"})
    guesser = Browser(world)
    for n in range(3):
        assert guesser.call("POST", "/api/v1/session", {"user": f"user{n}", "password": "x"}, X_Forwarded_For=f"10.0.0.{n}")[0] == 401
    assert [key.decode().split(":ld:")[1] for key in world.redis.scan_iter("*:{u}:ld:*")] == ["127.0.0.1"]


def test_the_same_key_twice_at_the_same_time(world):
    browser = world.login("chen", "township", "513327205")
    body = {"title": "x", "region": "513327205", "carrier": "mas"}

    def post(_):
        one = Browser(world)
        one.cookie, one.csrf = browser.cookie, browser.csrf
        status, answer = one.call("POST", "/api/v1/drafts", body, Idempotency_Key="k")
        return status, answer["id"] if status == 201 else answer["error"]["code"]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(post, range(24)))
    made = {answer for answer in answers if answer[0] == 201}
    assert len(made) == 1 and answers - made <= {(409, "busy")}
    assert len(list((world.dir / "campaigns.d").glob("*.ini"))) == 1


def test_a_login_takes_no_token_that_somebody_else_chose(world):
    world.user("chen", "viewer")
    browser = Browser(world)
    browser.cookie = chosen = "sid=" + "a" * 64
    assert browser.login("chen")[0] == 200 and browser.cookie != chosen
    first, browser.csrf = browser.cookie, None
    assert browser.login("chen")[0] == 200 and browser.cookie != first
    for cookie in (chosen, first):
        browser.cookie = cookie
        assert code(browser.call("GET", "/api/v1/session")) == (401, "session")


def test_tokens_from_the_command_line(world):
    world.ctl("pledge", "add", "--region", "513327205", "--amount", "10")
    world.user("chen", "finance viewer", "51")
    assert world.ctl_raw("token", "add", "nobody", "--title", "x").returncode != 0
    for wrong in (("--roles", "admin"), ("--area", "50"), ("--area", "all"), ("--days", "401"), ("--days", "x")):
        assert world.ctl_raw("token", "add", "chen", "--title", "x", *wrong).returncode != 0, wrong
    done = world.ctl_raw("token", "add", "chen", "--title", "wall", "--roles", "viewer", "--area", "5133", "--days", "1")
    assert done.returncode == 0, done.stderr
    token = done.stdout.strip()
    totals = Browser(world).call("GET", "/api/v1/totals", Authorization=f"Bearer {token}")
    assert totals[0] == 200 and totals[1]["region"] == "5133"
    listed, = world.ctl("token", "list")["tokens"]
    assert (listed["owner"], listed["title"], listed["roles"]) == ("chen", "wall", ["viewer"]) and token not in str(listed)
    assert "wall" in world.ctl("token", "list", json=False)
    world.ctl("token", "drop", listed["id"], "--actor", "op1")
    assert Browser(world).call("GET", "/api/v1/totals", Authorization=f"Bearer {token}")[0] == 401
    assert world.ctl_raw("token", "drop", listed["id"]).returncode != 0
    told = {(line["act"], line["actor"]) for line in world.ctl("audit", "list")["lines"]}
    assert ("DELETE /api/v1/tokens/{id}", "op1") in told and token not in str(world.redis.xrange("outreach:{a}:audit"))
