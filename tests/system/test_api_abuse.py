"""What strangers do to the API on the listening port: bodies without end, slow readers and writers, floods of logins. Others are served."""
import concurrent.futures
import http.client
import json
import select
import socket

import pytest

from harness import PASSWORD, PATIENCE, Browser, wait_until

MIB = 1024 * 1024


def raw(port, data, address=None):
    """A connection on which `data` was sent, from an address of this machine."""
    connection = socket.create_connection(("127.0.0.1", port), PATIENCE, (address, 0) if address else None)
    connection.sendall(data)
    return connection


def answer(connection):
    """All that comes until the other side closes it, or resets."""
    got = b""
    try:
        while piece := connection.recv(65536):
            got += piece
    except ConnectionResetError:
        pass
    connection.close()
    return got


def is_closed(connection):
    if not select.select([connection], [], [], 0)[0]:
        return False
    try:
        return connection.recv(65536) == b""
    except ConnectionResetError:
        return True


def is_served(world):
    return Browser(world).call("GET", "/api/v1/session")[0] == 401


@pytest.mark.parametrize("path", ["/api/v1/session", "/api/v1/pledges/import", "/api/v1/campaigns/launch"])
def test_a_body_that_is_too_big(world, path):
    port = world.daemons["a"].port
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {3 * MIB}\r\n\r\n".encode()
    assert answer(raw(port, head + b"x" * 3 * MIB)).split(b"\r\n")[0].split()[1] == b"413"
    chunked = f"POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode() + b"1000\r\n" + b"x" * 4096 + b"\r\n0\r\n\r\n"
    assert answer(raw(port, chunked)).split(b"\r\n")[0].split()[1] == b"411"
    assert is_served(world)


def test_bodies_that_are_no_use(world):
    browser = world.login("root", "operator admin")
    for body in ("[" * 100_000, "{" * 100_000, '{"a":' * 50_000, '{"user":"a","user":"b"}', "null", "[]", '"x"', "{", "\xff\xfe", '{"a":"\\u0000"}' * 2):
        connection = http.client.HTTPConnection("127.0.0.1", browser.port, timeout=PATIENCE)
        connection.request("POST", "/api/v1/optouts", body.encode("latin-1"), {"Cookie": browser.cookie, "X-CSRF-Token": browser.csrf, "Content-Type": "application/json"})
        got = connection.getresponse()
        assert got.status == 400 and json.loads(got.read())["error"]["code"] == "json", body[:20]
        connection.close()
    assert browser.call("GET", "/api/v1/session")[0] == 200


def test_headers_and_methods_that_are_no_use(world):
    port = world.daemons["a"].port
    long = raw(port, b"GET /api/v1/session HTTP/1.1\r\nHost: x\r\nCookie: sid=" + b"a" * 100_000)
    assert not answer(long).startswith(b"HTTP/1.1 2")
    for method in (b"TRACE", b"OPTIONS", b"PATCH", b"CONNECT", b"BREW"):
        connection = raw(port, method + b" /api/v1/session HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(1000).split()[1] in (b"400", b"405", b"501"), method
        connection.close()
    for cookie in ("sid=" + "0" * 63, "sid=" + "0" * 65, "sid=" + "Z" * 64, "sid=", "xsid=" + "0" * 64, "; ; =;", "sid"):
        browser = Browser(world)
        browser.cookie = cookie
        assert browser.call("GET", "/api/v1/session")[0] == 401
    for bearer in ("Bearer", "Bearer ", "Bearer " + "x" * 5000, "Basic " + "x" * 64):
        assert Browser(world).call("GET", "/api/v1/totals", Authorization=bearer)[0] == 401


def test_slow_requests_hold_nobody_up_and_are_cut_off(world):
    """Each sends a byte now and then, which no limit on rest sees. The share of one address is theirs, the rest is everybody else's."""
    port = world.daemons["a"].port
    slow = [raw(port, b"POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n{", "127.0.0.9") for _ in range(150)]
    slow += [raw(port, b"GET /api/v1/totals HTTP/1.1\r\nX-Slow: ", "127.0.0.9") for _ in range(150)]
    browser = world.login("chen", "viewer")
    assert browser.call("GET", "/api/v1/totals")[0] == 200

    def drip():
        nonlocal slow
        for connection in slow:
            try:
                connection.send(b"x")
            except OSError:
                pass
        slow = [connection for connection in slow if not is_closed(connection)]
        return not slow
    wait_until(drip, what="all of them are cut off")
    assert browser.call("GET", "/api/v1/totals")[0] == 200


def test_a_flood_of_logins_makes_only_logins_wait(make_world):
    """Each from another address, so that nothing but the queue of one thread stands against them."""
    world = make_world(daemon={"behind_tls": "yes"})
    world.user("chen", "viewer")

    def guess(n):
        return Browser(world).call("POST", "/api/v1/session", {"user": f"user{n}", "password": "x" * 12}, X_Forwarded_For=f"10.1.{n // 250}.{n % 250}")
    with concurrent.futures.ThreadPoolExecutor(60) as pool:
        guesses = [pool.submit(guess, n) for n in range(180)]
        served = 0
        while not all(one.done() for one in guesses):
            assert is_served(world)
            served += 1
        answers = [one.result() for one in guesses]
    assert served > 0
    codes = {(status, body["error"]["code"]) for status, body in answers}
    assert codes <= {(401, "login"), (503, "busy")}, codes
    assert (401, "login") in codes
    assert Browser(world).login("chen", PASSWORD)[0] == 200


def test_an_answer_nobody_reads(world):
    """Of many rows, streamed: it waits in the reader's window, not in our memory, and others are served."""
    world.campaign("c1", rows=20_000)
    world.launch("c1")
    world.wait_done("c1")
    browser = world.login("op", "operator")
    lazy = [raw(browser.port, f"GET /api/v1/campaigns/c1/report?format=jsonl HTTP/1.1\r\nHost: x\r\nCookie: {browser.cookie}\r\n\r\n".encode()) for _ in range(20)]
    assert browser.call("GET", "/api/v1/status")[0] == 200
    for connection in lazy:
        connection.close()
    wait_until(lambda: browser.call("GET", "/api/v1/status")[0] == 200, what="served")
    assert world.daemons["a"].process.running()
