"""Holes that somebody tried to get through, each shut: docs/security.md says what was decided."""
import contextlib
import csv
import http.client
import io
import json
import re
import socket
import threading

import pytest

from harness import CALLBACK_KEY, PASSWORD, PATIENCE, Browser, numbers, wait_until

HERE, THERE = "513327205", "513328201"


def code(answer):
    return answer[0], answer[1]["error"]["code"]


@pytest.mark.parametrize("tls", ["yes", "no"])
def test_what_is_no_page_has_the_headers_too(make_world, tls):
    world = make_world(daemon={"behind_tls": tls})
    for path in ("/healthz", "/readyz", "/metrics", "/nowhere", "/hook/mas/wrong/report", "/api/v1/session", "/api/v1/nowhere", "/console/nowhere"):
        connection = http.client.HTTPConnection("127.0.0.1", world.daemons["a"].port, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request("GET", path)
            headers = connection.getresponse().headers
        for name in ("Content-Security-Policy", "X-Frame-Options", "Referrer-Policy", "X-Content-Type-Options"):
            assert len(headers.get_all(name, [])) == 1, (path, name)
        assert len(headers.get_all("Strict-Transport-Security", [])) == (tls == "yes"), path


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


def test_nothing_that_was_looked_for_is_kept(world):
    """Each key would keep 64 KB of pledges, with numbers, for a day: enough of them fill Redis."""
    boss = world.login("boss", "finance operator township")
    world.ctl("pledge", "add", "--region", HERE, "--amount", "10", "--name", "张三", "--mobile", "15400000009")
    world.campaign("c1", rows=1)
    for n, (path, body) in enumerate((("/pledges/search", {"text": "张三"}), ("/optouts/check", {"number": "15400000009"}), ("/ledger/verify", {}),
                                      ("/text/count", {"signature": "x", "text": "x", "optout": "", "carrier": "mas"}))):
        assert boss.call("POST", f"/api/v1{path}", body, Idempotency_Key=f"k{n}")[0] == 200, path
    assert not list(world.redis.scan_iter("*:{u}:i:*"))


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


def counted(world):
    """The addresses that attempts were counted for."""
    return {key.decode().split(":ld:")[1] for key in world.redis.scan_iter("*:{u}:ld:*")}


@pytest.mark.parametrize("forwarded,counts", [("10.0.0.{n}, 203.0.113.7", "203.0.113.7"), ("10.0.0.{n}, 203.0.113.7, 127.0.0.1", "203.0.113.7"),
                                              ("2001:db8:1:2::{n}", "2001:db8:1:2::/64"), ("10.0.0.{n}, unknown", "unknown")])
def test_what_a_client_says_of_itself_is_not_counted_by(make_world, forwarded, counts):
    world = make_world(daemon={"behind_tls": "yes"})
    for n in range(1, 4):
        assert Browser(world).call("POST", "/api/v1/session", {"user": f"user{n}", "password": "x"}, X_Forwarded_For=forwarded.format(n=n))[0] == 401
    assert counted(world) == {counts}
    key, = world.redis.scan_iter("*:{u}:ld:*")
    world.redis.set(key, int(world.redis.time()[0]) * 1000 + 3600_000)  # all of it is used up
    assert Browser(world).call("POST", "/api/v1/session", {"user": "another", "password": "x"}, X_Forwarded_For=forwarded.format(n=9))[0] == 429


def test_the_last_line_of_several_counts(make_world):
    """Proxies that add a line of their own, and do not change the one that came."""
    world = make_world(daemon={"behind_tls": "yes"})
    connection = http.client.HTTPConnection("127.0.0.1", world.daemons["a"].port, timeout=PATIENCE)
    connection.putrequest("POST", "/api/v1/session")
    body = b'{"user": "nobody", "password": "x"}'
    for name, value in (("X-Forwarded-For", "10.0.0.1"), ("Content-Type", "application/json"), ("Content-Length", str(len(body))), ("X-Forwarded-For", "203.0.113.7")):
        connection.putheader(name, value)
    connection.endheaders(body)
    assert connection.getresponse().status == 401
    connection.close()
    assert counted(world) == {"203.0.113.7"} and world.ctl("audit", "list")["lines"][0]["address"] == "203.0.113.7"


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
    assert out.call("DELETE", "/api/v1/session")[0] == 204
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
    path = "/campaigns/c1/report?format=jsonl&masked=0&reason=x"
    if with_token:
        download = Stream(world, "/campaigns/c1/report?format=jsonl", bearer=chen.call("POST", "/api/v1/tokens", {"title": "t"})[1]["token"])
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
    assert code(program.call("POST", "/api/v1/campaigns/launch", body, Authorization=f"Bearer {made}")) == (403, "token")
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


def test_an_area_back_in_trial_sends_nothing_more_for_real(world):
    world.api("POST", "/areas/all/live", {"reason": "ready", "actor": "root"})
    boss = world.login("boss", "township operator", HERE)
    world.campaign("c1", rows=4, start="2035-01-01 08:00", end="2035-12-01 08:00", window="00:00-24:00")
    assert launch(boss, "c1", 4, now=False)[0] == 202
    world.wait_state("c1", "scheduled")
    assert boss.call("POST", "/api/v1/campaigns/c1/pause", {"reason": "x"})[0] == 200
    world.campaign("d1", rows=1)
    world.api("POST", f"/areas/{HERE}/trial", {"reason": "complaints", "actor": "root"})
    for path, body in (("c1/resume", {}), ("c1/resolve", {"as": "resend", "reason": "x"}), ("c1/resend", {"only": "rejected", "reason": "x"}),
                       ("test", {"file": "d1", "to": "15400000001"}), ("launch", {"file": "d1", "expect_recipients": 1, "now": True})):
        assert code(boss.call("POST", f"/api/v1/campaigns/{path}", body)) == (409, "trial"), path
    copy = make(boss, copy_of="c1", region=f"{HERE}001")[1]["id"]
    assert code(launch(boss, copy, 4)) == (409, "trial"), "a village has the standing of its township"
    assert boss.call("POST", "/api/v1/campaigns/c1/cancel", {"reason": "x"})[0] == 200 and world.sim.oracle() == []


def test_a_key_of_a_check_is_none_of_a_booking(world):
    clerk = world.login("chen", "finance", HERE)

    def give(query):
        connection = http.client.HTTPConnection("127.0.0.1", clerk.port, timeout=PATIENCE)
        connection.request("POST", f"/api/v1/pledges/import?region={HERE}{query}", "姓名,金额\n张三,1\n".encode(),
                           {"Cookie": clerk.cookie, "X-CSRF-Token": clerk.csrf, "Content-Type": "text/csv", "Idempotency-Key": "k1"})
        answer = connection.getresponse()
        got = answer.status, json.loads(answer.read())
        connection.close()
        return got
    assert give("&check=1")[1]["booked"] == 0
    assert code(give("")) == (409, "key_reused"), "not the answer of the check"


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


# ---- the disk ----

def put(browser, id_, data, at=0, last=0, name="a.csv"):
    connection = http.client.HTTPConnection("127.0.0.1", browser.port, timeout=PATIENCE)
    connection.request("PUT", f"/api/v1/drafts/{id_}/recipients?at={at}&last={last}&name={name}", data,
                       {"Cookie": browser.cookie, "X-CSRF-Token": browser.csrf})
    answer = connection.getresponse()
    got = answer.status, json.loads(answer.read())
    connection.close()
    return got


def temporary(world):
    return [path for path in (world.dir / "campaigns.d").iterdir() if path.name.startswith(".draft-")]


def make(browser, **more):
    return browser.call("POST", "/api/v1/drafts", {"title": "x", "region": HERE, "carrier": "mas", **more})


def test_nobody_takes_the_uploads_of_all(world):
    wang, li = world.login("wang", "township", HERE), world.login("li", "township", HERE)
    ids = [make(wang)[1]["id"] for _ in range(6)]
    for id_ in ids:
        assert put(wang, id_, b"x")[0] == 200
    assert len(temporary(world)) == 4
    assert code(put(wang, ids[0], b"x", at=1)) == (409, "offset"), "it made room for a newer one"
    assert put(wang, ids[5], b"x", at=1)[0] == 200
    assert put(li, ids[0], b"x")[0] == 200 and len(temporary(world)) == 5


def test_nobody_fills_the_disk_in_a_day(make_world):
    world = make_world(daemon={"upload_daily": "7m"})
    wang, li = world.login("wang", "township", HERE), world.login("li", "township", HERE)
    id_ = make(wang)[1]["id"]
    list_ = b"\xe6\x89\x8b\xe6\x9c\xba\xe5\x8f\xb7\n" + b"15400000001\n" * 80_000  # a part, less than a megabyte
    assert put(wang, id_, list_, last=1)[0] == 200
    assert put(wang, id_, list_, at=5 << 40, last=1)[1]["error"]["code"] == "offset", "what is refused anyway costs nothing"
    for _ in range(2):
        assert make(wang)[0] == 201
    for _ in range(3):
        assert make(wang, copy_of=id_)[0] == 201
    assert code(make(wang, copy_of=id_)) == (409, "too_many") and code(make(wang)) == (409, "too_many")
    assert code(put(wang, id_, list_, last=1)) == (409, "too_many")
    assert make(li, copy_of=id_)[0] == 201


def test_the_disk_is_not_filled_to_its_end(make_world):
    world = make_world(daemon={"disk_free_min": "1048576m"})
    wang = world.login("wang", "township", HERE)
    assert code(make(wang)) == (503, "disk")
    world.campaign("c1", rows=3)
    assert code(put(wang, "c1", b"x", last=1)) == (503, "disk") and temporary(world) == []


def test_lists_show_the_newest_drafts(world):
    """Ids begin with their day. More than the 500 that are read for one list must hide old drafts, not new ones."""
    world.campaign("2026-01-01-1", rows=1)
    text = (world.dir / "campaigns.d" / "2026-01-01-1.ini").read_text(encoding="utf-8")
    for n in range(2, 510):
        (world.dir / "campaigns.d" / f"2026-01-01-{n}.ini").write_text(text.replace("2026-01-01-1", f"2026-01-01-{n}"), encoding="utf-8")
    wang = world.login("wang", "township", HERE)
    made = make(wang)[1]["id"]
    assert made in [campaign["id"] for campaign in wang.call("GET", "/api/v1/campaigns")[1]["campaigns"]]


# ---- drafts that point elsewhere ----

@pytest.mark.parametrize("value", ["x\nrecipients = ../../../etc/passwd", "x\rrecipients = /etc/passwd", "x\r\n[message]\r\ntext_file = /etc/passwd", "x\u2028recipients = /etc/passwd",
                                   "x ; y", "x\u0085recipients = /etc/passwd", "[campaign]", "= =", "x\u0000y"])
def test_no_value_becomes_another_key(world, value):
    wang = world.login("wang", "township", HERE)
    for field in ("title", "signature", "text", "dedup_group", "window", "optout"):
        id_ = make(wang)[1]["id"]
        version = wang.call("GET", f"/api/v1/drafts/{id_}")[1]["version"]
        wang.call("POST", f"/api/v1/drafts/{id_}", {"version": version, "fields": {field: value}})
        lines = (world.dir / "campaigns.d" / f"{id_}.ini").read_text(encoding="utf-8").split("\n")
        assert [line for line in lines if line.startswith("recipients")] == [f"recipients = {id_}.csv"]
        assert not [line for line in lines if line.startswith("text_file") and "passwd" in line]
        assert "root:" not in str(wang.call("GET", f"/api/v1/drafts/{id_}")) + str(wang.call("GET", f"/api/v1/drafts/{id_}/plan"))
    assert make(wang, title=value)[0] in (201, 400)


@pytest.mark.parametrize("id_", ["../x", "..", ".hidden", "a/b", "a%2fb", "-x", "a\\b", "a b", "x" * 65, "x\n", "x\u0000", "a;b", 'a"b'])
def test_no_id_leaves_its_folder(world, id_):
    wang = world.login("wang", "township", HERE)
    assert make(wang, id=id_)[0] == 400
    assert make(wang, copy_of=id_)[0] in (400, 404)
    assert launch(wang, id_, 1)[0] == 400
    assert list((world.dir / "campaigns.d").iterdir()) == []


def test_a_link_in_place_of_a_list_is_replaced_not_followed(world):
    wang = world.login("wang", "township", HERE)
    id_ = make(wang)[1]["id"]
    secret = world.dir / "secret"
    secret.write_text("do not touch")
    (world.dir / "campaigns.d" / f"{id_}.csv").symlink_to(secret)
    assert put(wang, id_, "手机号\n15400000001\n".encode(), last=1)[0] == 200
    assert secret.read_text() == "do not touch" and not (world.dir / "campaigns.d" / f"{id_}.csv").is_symlink()
    (world.dir / "campaigns.d" / f"{id_}.csv").unlink()
    (world.dir / "campaigns.d" / f"{id_}.csv").symlink_to(secret)
    assert wang.call("DELETE", f"/api/v1/drafts/{id_}")[0] == 200
    assert secret.read_text() == "do not touch"


def test_campaigns_of_another_area_by_every_way_in(world):
    world.campaign("theirs", rows=3, region=THERE)
    world.campaign("sent", rows=3, region=THERE, first=15450000000)
    world.launch("sent")
    world.wait_done("sent")
    world.api("POST", "/areas/all/live", {"reason": "ready", "actor": "root"})
    boss = world.login("boss", "township approver operator", HERE)
    for id_ in ("theirs", "sent", "sent-r1"):
        assert code(make(boss, copy_of=id_))[0] == 404
        assert code(launch(boss, id_, 3)) in ((404, "no_campaign"), (400, "invalid"))
        assert code(boss.call("POST", "/api/v1/campaigns/test", {"file": id_, "to": "15400000001"}))[0] == 404
        for act, body in (("resend", {"only": "rejected", "reason": "x"}), ("resolve", {"as": "resend", "reason": "x"}), ("pause", {"reason": "x"}),
                          ("resume", {}), ("cancel", {"reason": "x"})):
            assert code(boss.call("POST", f"/api/v1/campaigns/{id_}/{act}", body))[0] == 404, (id_, act)
        for path in (f"/campaigns/{id_}/report?with=columns", f"/campaigns/{id_}/resend?only=rejected", f"/drafts/{id_}/plan", f"/drafts/{id_}/rejected"):
            assert boss.call("GET", f"/api/v1{path}")[0] == 404
        assert boss.call("POST", f"/api/v1/drafts/{id_}/approve", {})[0] == 404
    # A draft of one's own does not become theirs, nor the other way round.
    id_ = make(boss)[1]["id"]
    version = boss.call("GET", f"/api/v1/drafts/{id_}")[1]["version"]
    for region in (THERE, "51", ""):
        assert code(boss.call("POST", f"/api/v1/drafts/{id_}", {"version": version, "fields": {"region": region}})) == (403, "area")
    # A name like a child of theirs shows nothing of their list.
    world.campaign("sent-r7", rows=1, region=HERE)
    world.launch("sent-r7")
    world.wait_done("sent-r7")
    (world.dir / "campaigns.d" / "sent-r7.ini").unlink()
    text = str(boss.call("GET", "/api/v1/campaigns/sent-r7/report?with=columns&masked=0&reason=x"))
    assert "1545" not in text


def test_pledges_of_another_area_by_every_way_in(world):
    theirs = world.ctl("pledge", "add", "--region", THERE, "--amount", "10", "--name", "李四", "--mobile", "15400000009")["pledge"]
    receipt = world.ctl("pledge", "arrive", theirs, "--amount", "10")["receipt"]
    world.ctl("pledge", "add", "--region", HERE, "--amount", "1", "--name", "李四", "--mobile", "15400000009")
    clerk, boss = world.login("chen", "finance viewer", HERE), world.login("boss", "finance")
    for text in (theirs, receipt):
        assert clerk.call("POST", "/api/v1/pledges/search", {"text": text})[1]["pledges"] == []
        assert code(clerk.call("GET", f"/api/v1/pledges/{text}")) == (404, "no_pledge")
    for text in ("15400000009", "李四"):
        found = clerk.call("POST", "/api/v1/pledges/search", {"text": text})[1]["pledges"]
        assert [pledge["region"] for pledge in found] == [HERE]
    # A cursor of somebody who sees all is worth no more than one's own.
    cursor = boss.call("GET", "/api/v1/pledges?limit=1")[1]["cursor"]
    for query in (f"cursor={cursor}", f"cursor={cursor}&limit=500", f"region={THERE}&cursor={cursor}", "region=unassigned", "region=0"):
        answer = clerk.call("GET", f"/api/v1/pledges?{query}")
        assert answer[0] in (400, 403) or {pledge["region"] for pledge in answer[1]["pledges"]} <= {HERE}, (query, answer)
    paper = f"姓名,金额,地区\n张三,1,{THERE}\n".encode()
    connection = http.client.HTTPConnection("127.0.0.1", clerk.port, timeout=PATIENCE)
    connection.request("POST", f"/api/v1/pledges/import?region={HERE}&partial=1", paper, {"Cookie": clerk.cookie, "X-CSRF-Token": clerk.csrf, "Content-Type": "text/csv"})
    assert json.loads(connection.getresponse().read())["booked"] == 0
    connection.close()


# ---- what leaves as a table ----

EVIL = ["=cmd|'/c calc'!A1", "+1+1", "-1-1", "@SUM(1)", "\t=1", "＝1+1", "＠x"]


def formulas(text):
    """Cells that a spreadsheet would run."""
    return [cell for row in csv.reader(io.StringIO(text.lstrip("\ufeff"))) for cell in row if cell[:1] in ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")]


def test_no_cell_is_a_formula(world):
    root = world.login("root", "township finance viewer operator auditor approver")
    world.campaign("c1", rows=[(number, evil) for number, evil in zip(numbers(len(EVIL)), EVIL, strict=True)], columns=("手机号", "=备注"))
    world.launch("c1")
    world.wait_done("c1")
    world.campaign("d1", rows=[(evil, evil) for evil in EVIL], columns=("手机号", "=备注"), text="你好((=备注))")
    for n, evil in enumerate(EVIL):
        body = {"request": f"r{n}", "region": HERE, "amount": "1", "name": evil, "note": evil, "purpose": evil, "document": evil, "public": "name"}
        root.call("POST", "/api/v1/pledges", body if "\t" not in evil else {**body, "name": "x", "note": "x", "purpose": "x", "document": "x"})
        root.call("POST", "/api/v1/pledges", {"request": f"g{n}", "region": HERE, "item": evil.strip(), "quantity": "1", "unit": evil.strip().replace("|", "")[:10], "name": evil.strip()})
    for path in ("/campaigns/c1/report", "/campaigns/c1/report?with=columns", "/drafts/d1/rejected", "/drafts/d1/sample", "/ledger/entries?format=csv"):
        status, text = root.call("GET", f"/api/v1{path}")
        assert status == 200 and formulas(text) == [], path
    for command in (("ledger", "publish", "--region", HERE, "--from", "2020-01-01", "--to", "2035-01-01", "--csv"), ("totals", "--region", HERE, "--csv"),
                    ("pledge", "list", "--csv"), ("ledger", "export", "--csv"), ("campaign", "report", "c1", "--csv"), ("campaign", "report", "c1", "--excel")):
        done = world.ctl_raw(*command)
        assert done.returncode == 0 and len(done.stdout) > 100 and formulas(done.stdout) == [], (command, done)


# ---- requests that are two, or none ----

def raw(world, text):
    """All answers to the bytes, until the other side ends or nothing comes any more."""
    connection = socket.create_connection(("127.0.0.1", world.daemons["a"].port), PATIENCE)
    got = b""
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        connection.sendall(text.encode("latin-1"))
        while piece := connection.recv(65536):
            got += piece
    connection.close()
    return got


def statuses(got):
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3}) ", got)]


ASKED = "GET /api/v1/session HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = ASKED.replace("Host", "Connection: close\r\nHost")


@pytest.mark.parametrize("head", [
    "Content-Length: 0\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 0", "Transfer-Encoding : chunked", "Transfer-Encoding: xchunked", "Transfer-Encoding: identity",
    "Content-Length: 0\r\nContent-Length: 44", "Content-Length: 44, 0", "Content-Length: +0", "Content-Length: -1", "Content-Length: 0x10", "Content-Length: 0 0",
    "Content-Length:\x0b0", "Content-Length: 0\x0b", "Content-Length :0", "Content Length: 0", "Content-Length\x0b: 0", "Content-Length:", "X\x01: y"])
def test_no_request_hides_in_another(world, head):
    got = statuses(raw(world, f"POST /api/v1/optouts HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n{LAST}"))
    assert len(got) == 1 and set(got) <= {400, 411, 413, 501}, got
    assert Browser(world).call("GET", "/api/v1/session")[0] == 401


@pytest.mark.parametrize("path", ["/api/v1/../v1/users", "/api/v1//users", "//api/v1/users", "/api/v1/%2e%2e/v1/users", "/api/v1/users/", "/API/v1/users", "/api/v1/users%00", "/api/v1/users;x",
                                  "/./api/v1/users", "/console/../api/v1/users", "/console/..%2f..%2fetc%2fpasswd", "/console/%2e%2e/%2e%2e/etc/passwd", "/../../etc/passwd", "/metrics/", "/hook/../metrics"])
def test_no_path_is_read_in_two_ways(world, path):
    admin = world.login("root", "admin")
    got = raw(world, f"GET {path} HTTP/1.1\r\nHost: x\r\nCookie: {admin.cookie}\r\nConnection: close\r\n\r\n")
    assert statuses(got) in ([404], [400], [405]) and b"root:" not in got and b'"users"' not in got


@pytest.mark.parametrize("line", ["GET http://evil.example/api/v1/users HTTP/1.1", "GET //evil.example/api/v1/users HTTP/1.1", "GET /api/v1/users HTTP/1.0", "GET /api/v1/users HTTP/9.9", "GET /api/v1/users",
                                  "GET\t/api/v1/users\tHTTP/1.1", "GET /api/v1/users HTTP/1.1 HTTP/1.1", "\x00GET /api/v1/users HTTP/1.1", "GET /api/v1/users?" + "a=b&" * 3000 + " HTTP/1.1",
                                  "GET " + "/a" * 20000 + " HTTP/1.1"])
def test_strange_request_lines(world, line):
    got = statuses(raw(world, f"{line}\r\nHost: x\r\nConnection: close\r\n\r\n"))
    assert set(got) <= {400, 401, 404, 413, 414, 431, 500, 501, 505}, got
    assert Browser(world).call("GET", "/api/v1/session")[0] == 401


def test_many_requests_on_one_connection(world):
    assert statuses(raw(world, ASKED * 199 + LAST)) == [401] * 200


@pytest.mark.parametrize("headers", [{"Origin": "null"}, {"Origin": "http://evil.example"}, {"Origin": "https://127.0.0.1"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
                                     {"Content-Type": "text/plain", "Origin": "http://evil.example"}])
def test_a_form_of_another_page_does_nothing(world, headers):
    browser = world.login("op", "operator")
    assert code(browser.call("POST", "/api/v1/optouts", {"numbers": ["15400000001"]}, **{name.replace("-", "_"): value for name, value in headers.items()})) == (403, "csrf")
    browser.csrf = None
    assert code(browser.call("POST", "/api/v1/optouts", {"numbers": ["15400000001"]}, Content_Type="text/plain")) == (403, "csrf")
    assert not [name for name in browser.headers if name.startswith("access-control")]
    got = raw(world, "OPTIONS /api/v1/optouts HTTP/1.1\r\nHost: x\r\nOrigin: http://evil.example\r\nAccess-Control-Request-Method: POST\r\nConnection: close\r\n\r\n")
    assert b"access-control" not in got.lower()


@pytest.mark.parametrize("body", ['{"numbers": [' + "1" * 5000 + "]}", '{"numbers": [1e999]}', '{"numbers": [-9223372036854775809]}', '{"a":' * 3000 + "1" + "}" * 3000, '{"numbers": ["15400000001"], "numbers": []}',
                                  '{"numbers": "\\ud800"}', '{"\\u0000": 1}', "\ufeff{}", '{"numbers": ["15400000001"]} x'])
def test_bodies_that_two_readers_read_in_two_ways(world, body):
    browser = world.login("op", "operator")
    connection = http.client.HTTPConnection("127.0.0.1", browser.port, timeout=PATIENCE)
    connection.request("POST", "/api/v1/optouts", body.encode("utf-8", "surrogatepass"), {"Cookie": browser.cookie, "X-CSRF-Token": browser.csrf, "Content-Type": "application/json"})
    assert connection.getresponse().status == 400
    connection.close()
    assert world.daemons["a"].process.running()


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


def test_pushes_that_are_no_use(world):
    """Forged without the key, repeated, without end, of a number that was never written to: nothing is sent, no state is made."""
    world.campaign("c1", rows=3)
    world.launch("c1")
    before = world.wait_reported("c1")
    oracle = world.sim.oracle()
    forged = [{**REPORT[0], "mobile": taken.mobile, "msgGroup": taken.group, "reportStatus": "UNDELIV", "errorCode": "UNDELIV"} for taken in oracle]

    def push_body(body, key=CALLBACK_KEY):
        connection = http.client.HTTPConnection("127.0.0.1", world.daemons["a"].port, timeout=PATIENCE)
        connection.request("POST", f"/hook/mas/{key}/report", body)
        status = connection.getresponse().status
        connection.close()
        return status
    for key in ("x", CALLBACK_KEY[:-1], CALLBACK_KEY + "x", CALLBACK_KEY.upper(), "", "..", CALLBACK_KEY + "%2f"):
        assert push_body(json.dumps(forged), key) == 404
    assert push_body(json.dumps(forged), CALLBACK_KEY + "%00") == 400
    assert push_body(json.dumps(forged * 3)) == 200 and push_body(json.dumps(REPORT)) == 200
    assert push_body(json.dumps(REPORT * 5000)) in (200, 413)
    assert push_body("[" * 100_000) == 400 and push_body('[{"a":' * 20_000) == 400
    assert world.counts("c1")["delivered"] == before["delivered"] and world.sim.oracle() == oracle
    assert world.api("GET", "/totals")["tree"] == {}


def test_a_key_of_a_push_is_in_no_log(world):
    assert push(world, key=CALLBACK_KEY + "x") == 404 and push(world, key="guess-guess-guess") == 404
    log = world.daemons["a"].process.output()
    assert CALLBACK_KEY not in log and "guess-guess" not in log and "event=refused" in log


def test_a_flood_of_wrong_keys_takes_nothing_from_the_carrier(make_world):
    """Wrong keys as fast as they go while a campaign is reported, from another address and from the carrier's own."""
    world = make_world(daemon={"webhook_wrong_per_minute": "30"})
    port, over = world.daemons["a"].port, threading.Event()
    seen = {"127.0.0.1": set(), "127.0.0.2": set()}

    def flood(address):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE, source_address=(address, 0))
        while not over.is_set():
            connection.request("POST", f"/hook/mas/{CALLBACK_KEY[::-1]}/report", json.dumps(REPORT))
            answer = connection.getresponse()
            answer.read()
            seen[address].add((answer.status, answer.getheader("Retry-After") is not None))
        connection.close()
    threads = [threading.Thread(target=flood, args=(address,)) for address in seen]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: all((429, True) in statuses for statuses in seen.values()), what="the flood is throttled")
        world.campaign("c1", rows=300)
        world.launch("c1")
        counts = world.wait_reported("c1")
        assert push(world) == 200
    finally:
        over.set()
        for thread in threads:
            thread.join()
    answers = world.api("GET", "/status")["webhooks"]
    assert counts["accepted"] == counts["ambiguous"] == 0 < counts["delivered"]
    assert answers["failed"] == answers["refused_address"] == 0 < answers["throttled"]
    assert all(statuses == {(404, False), (429, True)} for statuses in seen.values())
    log = world.daemons["a"].process.output()
    assert 1 <= log.count("event=throttled") <= 2 and CALLBACK_KEY[::-1] not in log


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
