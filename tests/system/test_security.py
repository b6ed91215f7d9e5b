"""Holes that somebody tried to get through, each shut: docs/security.md says what was decided."""
import contextlib
import http.client
import json
import socket

import pytest

from harness import CALLBACK_KEY, PASSWORD, PATIENCE, Browser, wait_until

HERE, THERE = "513327205", "513328201"


def code(answer):
    return answer[0], answer[1]["error"]["code"]


def everything(redis):
    """All that lies in Redis, as one text."""
    kinds = {b"hash": redis.hgetall, b"string": redis.get, b"set": redis.smembers, b"stream": redis.xrange,
             b"zset": lambda key: redis.zrange(key, 0, -1), b"list": lambda key: redis.lrange(key, 0, -1)}
    return str([(key, kinds[redis.type(key)](key)) for key in redis.scan_iter("*")])


# ---- passwords and logins ----

def test_no_quick_digest_of_a_password_is_kept(world):
    """An Idempotency-Key would keep a plain SHA-256 of the body, with the password in it, for a day."""
    root = world.login("root", "admin")
    root.call("POST", "/api/v1/session", {"user": "root", "password": PASSWORD}, Idempotency_Key="k1")
    root.login("root")
    root.call("POST", "/api/v1/session/confirm", {"password": PASSWORD}, Idempotency_Key="k2")
    root.call("POST", "/api/v1/users", {"name": "li", "password": PASSWORD, "roles": ["viewer"], "area": ""}, Idempotency_Key="k3")
    root.call("POST", "/api/v1/users/li/password", {"password": PASSWORD + "!"}, Idempotency_Key="k4")
    root.call("POST", "/api/v1/session/password", {"old": PASSWORD, "new": PASSWORD + "?"}, Idempotency_Key="k5")
    assert not list(world.redis.scan_iter("*:{u}:i:*"))
    assert root.login("root", PASSWORD + "?")[0] == 200 and Browser(world).login("li", PASSWORD + "!")[0] == 200


def test_a_token_confirms_and_ends_no_login(world):
    """One's own token and password, and the cookie of somebody else: her login must not become a confirmed one."""
    victim, thief = world.login("chen", "township"), world.login("thief", "viewer")
    made = thief.call("POST", "/api/v1/tokens", {"title": "x"})[1]["token"]
    key, = [key for key in world.redis.scan_iter("*:{u}:s:*") if world.redis.hget(key, "user") == b"chen"]
    world.redis.hset(key, "confirmed", 0)
    program = Browser(world)
    program.cookie = victim.cookie
    bearer = {"Authorization": f"Bearer {made}"}
    assert code(program.call("POST", "/api/v1/session/confirm", {"password": PASSWORD}, **bearer)) == (403, "role")
    assert world.redis.hget(key, "confirmed") == b"0"
    assert code(program.call("DELETE", "/api/v1/session", **bearer)) == (403, "role")
    assert code(program.call("POST", "/api/v1/session/password", {"old": PASSWORD, "new": "quite another one"}, **bearer)) == (403, "role")
    assert victim.call("GET", "/api/v1/session")[0] == 200


@pytest.mark.parametrize("forwarded", ["10.0.0.{n}, 203.0.113.7", "10.0.0.{n}, 203.0.113.7, 127.0.0.1", "2001:db8:1:2::{n}", "10.0.0.{n}, unknown"])
def test_what_a_client_says_of_itself_is_not_counted_by(make_world, forwarded):
    world = make_world(daemon={"behind_tls": "yes"})
    answers = [Browser(world).call("POST", "/api/v1/session", {"user": f"user{n}", "password": "x"}, X_Forwarded_For=forwarded.format(n=n))[0]
               for n in range(1, 63)]
    assert answers[0] == 401 and answers[-1] == 429


def test_the_last_line_of_several_counts(make_world):
    """Proxies that add a line of their own, and do not change the one that came."""
    world = make_world(daemon={"behind_tls": "yes"})
    port = world.daemons["a"].port

    def guess(n):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.putrequest("POST", "/api/v1/session")
        body = b'{"user": "nobody%d", "password": "x"}' % n
        for name, value in (("X-Forwarded-For", f"10.0.0.{n}"), ("Content-Length", str(len(body))), ("X-Forwarded-For", "203.0.113.7")):
            connection.putheader(name, value)
        connection.endheaders(body)
        status = connection.getresponse().status
        connection.close()
        return status
    assert [guess(n) for n in range(1, 63)][-1] == 429
    assert world.ctl("audit", "list")["lines"][0]["address"] == "203.0.113.7"


@pytest.mark.parametrize("name", ["chen", "CHEN", "Chen ", "ｃｈｅｎ", "che\u0301n", "chen\u200b"])
def test_other_ways_to_write_a_name_are_nobody(world, name):
    world.user("chen", "viewer")
    assert (Browser(world).login(name)[0] == 200) == (name == "chen")


# ---- rights that are taken away ----

class Stream:
    """A request whose answer has begun and is read as far as the test wants."""

    def __init__(self, world, path, *, cookie=None, bearer=None, name="a"):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(("127.0.0.1", world.daemons[name].port))
        who = f"Cookie: {cookie}" if cookie else f"Authorization: Bearer {bearer}"
        self.socket.sendall(f"GET /api/v1{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{who}\r\n\r\n".encode())
        assert self.socket.recv(100).startswith(b"HTTP/1.1 200")

    def rest(self):
        """All that still comes until the other side ends it; fails when it does not."""
        got = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := self.socket.recv(1 << 20):
                got += piece
        self.socket.close()
        return got


def test_a_stream_ends_with_what_it_was_let_in_by(make_world):
    """At another daemon too: who takes rights away may do it anywhere."""
    world = make_world()
    world.start_daemon("b")
    chen, li, out = world.login("chen", "viewer finance", "51"), world.login("li", "viewer", "51"), world.login("out", "viewer")
    tokens = [chen.call("POST", "/api/v1/tokens", {"title": f"t{n}", "area": "5133"})[1] for n in range(2)]
    streams = {
        "changed": Stream(world, "/events", cookie=chen.cookie, name="b"),
        "dropped": Stream(world, "/events", bearer=tokens[0]["token"]),
        "narrowed": Stream(world, "/events", bearer=tokens[1]["token"], name="b"),
        "disabled": Stream(world, "/events", cookie=li.cookie),
        "out": Stream(world, "/events", cookie=out.cookie),
    }
    stays = Stream(world, "/events", cookie=world.login("stays", "viewer").cookie, name="b")
    assert out.call("DELETE", "/api/v1/session")[0] == 200
    assert chen.call("DELETE", f"/api/v1/tokens/{tokens[0]['id']}")[0] == 200
    world.ctl("user", "change", "chen", "--area", "50")
    assert world.ctl_raw("user", "disable", "li").returncode == 0
    for stream in streams.values():
        stream.rest()
    stays.socket.settimeout(0.1)
    with pytest.raises(TimeoutError):
        while True:
            assert stays.socket.recv(65536), "who has lost nothing is let alone"
    stays.socket.close()


@pytest.mark.parametrize("with_token", [True, False])
def test_a_download_ends_with_what_it_was_let_in_by(world, with_token):
    world.campaign("c1", rows=100_000, start="2035-01-01 08:00", end="2035-12-01 08:00")
    world.launch("c1", now=False)
    world.wait_state("c1", "scheduled")
    chen = world.login("chen", "operator")
    path = "/campaigns/c1/report?format=jsonl&masked=0"
    if with_token:
        download = Stream(world, path, bearer=chen.call("POST", "/api/v1/tokens", {"title": "t"})[1]["token"])
    else:
        download = Stream(world, path, cookie=chen.cookie)
    whole = Stream(world, path, cookie=world.login("li", "operator").cookie)
    assert world.ctl_raw("user", "disable", "chen").returncode == 0
    wait_until(lambda: "event=download_ended user=chen" in world.daemons["a"].process.output())
    assert not download.rest().endswith(b"0\r\n\r\n"), "it came whole"
    assert whole.socket.recv(100)
    whole.socket.close()
    assert world.daemons["a"].process.running()


# ---- a second pair of eyes ----

def launch(browser, id_, people, **more):
    return browser.call("POST", "/api/v1/campaigns/launch", {"file": id_, "expect_recipients": people, "now": True, **more})


@pytest.fixture
def eyes(make_world):
    """Ten people without a second person; wang and zhao write, li approves."""
    world = make_world(daemon={"four_eyes_over": 10})
    world.api("POST", "/areas/all/live", {"reason": "ready", "actor": "root"})
    return world, world.login("wang", "township", HERE), world.login("li", "approver", HERE)


def test_many_small_campaigns_are_a_large_one(eyes):
    world, wang, li = eyes
    for n in range(4):
        world.campaign(f"c{n}", rows=5, first=15400000000 + n * 1000, region=f"{HERE}00{n}")
    assert launch(wang, "c0", 5)[0] == 202 and launch(wang, "c1", 5)[0] == 202
    status, answer = launch(wang, "c2", 5)
    assert (status, answer["error"]["code"]) == (409, "approval") and "with 10 of the last 24 hours" in answer["error"]["message"]
    made = wang.call("POST", "/api/v1/tokens", {"title": "another self"})[1]["token"]
    program = Browser(world)
    body = {"file": "c3", "expect_recipients": 5, "now": True}
    assert code(program.call("POST", "/api/v1/campaigns/launch", body, Authorization=f"Bearer {made}")) == (409, "approval")
    assert wang.call("GET", "/api/v1/drafts/c2/plan")[0] == 200
    draft = wang.call("GET", "/api/v1/drafts/c2")[1]
    assert draft["approval"]["needed"] is True and draft["launchable"] is False and "second person" in draft["blocked"]
    assert wang.call("POST", "/api/v1/drafts/c2/ask", {})[0] == 200 and li.call("POST", "/api/v1/drafts/c2/approve", {})[0] == 200
    assert launch(wang, "c2", 5)[0] == 202
    assert launch(world.login("zhao", "township", HERE), "c3", 5)[0] == 202, "another's day is another's"
    # A day later it is another day.
    key, = world.redis.scan_iter("*:{dr}:l:wang")
    for id_, value in world.redis.hgetall(key).items():
        at, people = value.split(b":")
        world.redis.hset(key, id_, b"%d:%s" % (int(at) - 24 * 3600 * 1000, people))
    world.campaign("c4", rows=5, first=15400009000)
    assert launch(wang, "c4", 5)[0] == 202
    assert set(world.redis.hgetall(key)) == {b"c4"}


def test_the_same_campaign_counts_once(eyes):
    world, wang, _ = eyes
    world.campaign("c1", rows=8)
    assert launch(wang, "c1", 7)[0] == 202  # the import finds eight, and ends
    wait_until(lambda: "8" in ((wang.call("GET", "/api/v1/campaigns/c1")[1].get("import") or {}).get("reason") or ""))
    assert launch(wang, "c1", 8)[0] == 202
    world.wait_done("c1")


def test_an_approval_is_for_one_launch(eyes):
    world, wang, li = eyes
    world.campaign("c1", rows=30)
    assert wang.call("POST", "/api/v1/drafts/c1/ask", {})[0] == 200 and li.call("POST", "/api/v1/drafts/c1/approve", {})[0] == 200
    assert launch(wang, "c1", 30)[0] == 202
    world.wait_done("c1")
    assert code(launch(wang, "c1", 30, again=True, reason="once more")) == (409, "approval")
    assert len(world.sim.oracle()) == 30


def test_who_ever_changed_it_does_not_approve(eyes):
    world, wang, li = eyes
    both = world.login("both", "township approver", HERE)
    world.campaign("c1", rows=30)
    for browser, title in ((both, "一"), (wang, "二")):
        version = browser.call("GET", "/api/v1/drafts/c1")[1]["version"]
        assert browser.call("POST", "/api/v1/drafts/c1", {"version": version, "fields": {"title": title}})[0] == 200
    assert wang.call("POST", "/api/v1/drafts/c1/ask", {})[0] == 200
    status, answer = both.call("POST", "/api/v1/drafts/c1/approve", {})
    assert status == 409 and "second person" in answer["error"]["message"]
    assert li.call("POST", "/api/v1/drafts/c1/approve", {})[0] == 200


# ---- pushes of carriers ----

REPORT = [{"reportStatus": "DELIVRD", "errorCode": "DELIVRD", "mobile": "15400000001", "submitDate": "20261017090000",
           "receiveDate": "20261017090010", "msgGroup": "1017090000000000000001"}]


def push(world, key=CALLBACK_KEY, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", world.daemons["a"].port, timeout=10)
    connection.request("POST", f"/hook/mas/{key}/report", json.dumps(REPORT), {name.replace("_", "-"): value for name, value in headers.items()})
    status = connection.getresponse().status
    connection.close()
    return status


def test_behind_a_proxy_a_push_comes_from_who_sent_it(make_world):
    world = make_world(daemon={"behind_tls": "yes"}, carrier={"callback_allow": "192.0.2.0/24 127.0.0.1"})
    assert push(world) == 200 and push(world, X_Forwarded_For="192.0.2.7") == 200
    assert push(world, X_Forwarded_For="203.0.113.7") == 403
    assert push(world, X_Forwarded_For="192.0.2.7, 203.0.113.7") == 403
    assert push(world, X_Forwarded_For="127.0.0.1, 203.0.113.7") == 403
    assert push(world, X_Forwarded_For="192.0.2.7, unknown") == 403
    assert "peer=203.0.113.7" in world.daemons["a"].process.output()


def test_without_a_proxy_a_push_comes_from_its_connection(make_world):
    world = make_world(carrier={"callback_allow": "192.0.2.0/24"})
    assert push(world) == 403 and push(world, X_Forwarded_For="192.0.2.7") == 403


def test_a_key_of_a_push_is_in_no_log(world):
    assert push(world, key=CALLBACK_KEY + "x") == 404 and push(world, key="guess-guess-guess") == 404
    log = world.daemons["a"].process.output()
    assert CALLBACK_KEY not in log and "guess-guess" not in log and "event=refused" in log


# ---- other people's areas ----

def test_an_operator_of_an_area_sees_its_campaigns_only(world):
    for place, region, first in (("here", HERE, 15400000000), ("there", THERE, 15450000000)):
        world.campaign(f"sent-{place}", rows=3, region=region, first=first, start="2035-01-01 08:00", end="2035-12-01 08:00")
        world.launch(f"sent-{place}", now=False)
        world.campaign(f"bad-{place}", rows=3, region=region, first=first)
        world.api("POST", "/campaigns/launch", {"file": f"bad-{place}", "actor": "x", "now": True, "expect_recipients": 7})
    world.ctl("pledge", "add", "--region", THERE, "--amount", "10")
    world.wait_state("sent-there", "scheduled")
    wait_until(lambda: [i["phase"] for i in world.api("GET", "/status")["imports"]] == ["failed"] * 2)
    everywhere = world.login("all", "operator").call("GET", "/api/v1/status")[1]
    status = world.login("op", "operator", HERE).call("GET", "/api/v1/status")[1]
    assert {c["id"] for c in everywhere["campaigns"]} == {"sent-here", "sent-there"}
    assert {c["id"] for c in status["campaigns"]} == {"sent-here"}
    assert {c["id"] for c in everywhere["imports"]} == {"bad-here", "bad-there"} and {c["id"] for c in status["imports"]} == {"bad-here"}
    assert "there" not in str(status) and status["ledger"]["totals"] == {} != everywhere["ledger"]["totals"]


def test_what_another_area_holds_is_not_spent(world):
    for region, name in ((THERE, "a"), (HERE, "b")):
        made = world.ctl("pledge", "add", "--region", region, "--amount", "10", "--name", name)["pledge"]
        world.ctl("pledge", "arrive", made, "--amount", "10")
    clerk = world.login("chen", "finance", HERE)
    deliver = f"/api/v1/pledges/{made}/deliver"
    assert code(clerk.call("POST", deliver, {"request": "r1", "amount": "10", "via": THERE, "to": HERE})) == (403, "area")
    assert clerk.call("POST", deliver, {"request": "r2", "amount": "4", "via": HERE})[0] == 201
    assert clerk.call("POST", deliver, {"request": "r3", "amount": "4", "to": THERE})[0] == 201, "it may go anywhere"
    assert world.login("boss", "finance").call("POST", deliver, {"request": "r4", "amount": "1", "via": THERE})[0] == 201


def test_the_ticket_of_another_pledge(world):
    made = {}
    for region in (THERE, HERE):
        made[region] = world.ctl("pledge", "add", "--region", region, "--amount", "10")["pledge"]
    entry = world.ctl("pledge", "arrive", made[THERE], "--amount", "10")["entry"]
    own = world.ctl("pledge", "arrive", made[HERE], "--amount", "10")["entry"]
    clerk = world.login("chen", "finance", HERE)
    ticket = f"/api/v1/pledges/{made[HERE]}/ticket"
    assert code(clerk.call("POST", ticket, {"request": "r1", "document": "T-1", "entry": entry})) == (404, "no_entry")
    assert clerk.call("POST", ticket, {"request": "r2", "document": "T-1", "entry": own})[0] == 201


def test_no_number_in_whole_beside_the_columns_of_the_list(world):
    world.campaign("c1", rows=[("15400000001", "家里 154-0000-0002/１５４００００００３３", "+8615400000004")], columns=("手机号", "备注", "另一个"))
    world.launch("c1")
    world.wait_done("c1")
    text = world.login("op", "operator", HERE).call("GET", "/api/v1/campaigns/c1/report?with=columns")[1]
    assert "154-****-0002" in text and "154****0001" in text and "154****0004" in text and "１５４＊＊＊＊００３３" in text, text
