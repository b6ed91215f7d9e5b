"""Clients that leave in the middle of every slow answer, and a daemon that stops or reloads while they wait. Under the sanitizers
this finds what is used after it was freed, and what is never freed."""
import contextlib
import json
import random
import signal
import socket
import struct
import threading

import pytest

from harness import PASSWORD, PATIENCE, Browser, UnixConnection, numbers, wait_until

LEAVES = 6


def open_unix(path):
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(PATIENCE)
    connection.connect(str(path))
    return connection


class Slow:
    """Requests whose answers take more than one turn of the loop, for a user who may do all of it."""

    def __init__(self, world):
        self.world = world
        world.campaign("c1", rows=5000)
        world.api("POST", "/areas/all/live", {"reason": "x", "actor": "x"})
        world.launch("c1")
        world.wait_done("c1")
        world.campaign("d1", rows=[(n, "x" * (i % 40)) for i, n in enumerate(numbers(4000))] + [("12", "bad")] * 3000, columns=("手机号", "姓名"))
        world.campaign("c2", rows=50)
        for n in range(30):
            world.api("POST", "/pledges", {"request": f"p{n}", "region": "513327205", "amount": "1", "actor": "x"})
        self.browser = world.login("boss", "township approver finance viewer operator admin auditor")
        self.n = 0

    def requests(self):
        """(method, path, body, type) of the listening port."""
        self.n += 1
        n = self.n
        lists = ("手机号\n" + "\n".join(numbers(3000)) + "\n").encode()
        paper = ("姓名,金额\n" + "".join(f"张{i},1\n" for i in range(400))).encode()
        return [
            ("POST", "/session", {"user": "boss", "password": PASSWORD}),
            ("POST", "/session/confirm", {"password": PASSWORD}),
            ("POST", "/session/password", {"old": "wrong wrong wrong", "new": "a new password of mine"}),
            ("POST", "/users", {"name": f"u{n}", "password": PASSWORD, "roles": ["viewer"], "area": ""}),
            ("POST", f"/users/u{n}/password", {"password": PASSWORD}),
            ("GET", "/drafts/d1/plan", None),
            ("GET", "/drafts/d1/preview?at=5", None),
            ("GET", "/drafts/d1/rejected", None),
            ("GET", "/drafts/d1/sample", None),
            ("POST", "/drafts/d1/ask", {}),
            ("POST", "/drafts", {"title": "x", "region": "513327205", "carrier": "mas", "copy_of": "d1"}),
            ("PUT", f"/drafts/d1/recipients?at=0&last=1&name=l{n}.csv", lists),
            ("GET", "/campaigns/c1/report?format=csv", None),
            ("GET", "/campaigns/c1/report?with=columns", None),
            ("GET", "/campaigns/c1/report?format=jsonl&masked=0&reason=x", None),
            ("GET", "/campaigns", None),
            ("GET", "/campaigns/c1/resend?only=rejected", None),
            ("POST", "/campaigns/c1/resend", {"only": "rejected", "reason": "x"}),
            ("POST", "/campaigns/launch", {"file": "c2", "again": True, "reason": "x", "expect_recipients": 50}),
            ("POST", "/campaigns/test", {"file": "c1", "to": "15400000001"}),
            ("GET", "/events", None),
            ("GET", "/status", None),
            ("GET", "/totals?children=1", None),
            ("GET", "/totals/day", None),
            ("GET", "/totals/messages", None),
            ("GET", "/ledger/entries?format=csv", None),
            ("GET", "/ledger/audit", None),
            ("GET", "/ledger/publish?region=51&from=2026-01-01&to=2026-12-31", None),
            ("POST", "/ledger/verify", {}),
            ("POST", "/audit/verify", {}),
            ("POST", "/pledges/import?region=513327205", paper),
            ("POST", "/pledges/search", {"text": "张"}),
            ("POST", "/pledges/search", {"text": "513327-2026-000123-54"}),
            ("POST", "/drafts", {"id": f"x{n}", "title": "x", "region": "513327205", "carrier": "mas"}),
            ("POST", f"/drafts/x{n}", {"version": "x", "fields": {"title": "y"}}),
            ("DELETE", f"/drafts/x{n}", None),
            ("POST", "/drafts/d1/approve", {}),
            ("POST", "/carriers/mas/pause", {"reason": "x"}),
            ("POST", "/carriers/mas/resume", {}),
            ("POST", "/areas/51", {"own_numbers": ["15400000001"]}),
            ("POST", "/areas/51/live", {"reason": "x"}),
            ("POST", "/campaigns/c2/pause", {"reason": "x"}),
            ("POST", "/campaigns/c2/resume", {}),
            ("POST", "/tokens", {"title": f"t{n}"}),
            ("GET", "/audit?limit=500", None),
            ("GET", "/optouts", None),
            ("POST", "/optouts", {"numbers": numbers(1000, 15460000000)}),
            ("POST", "/reload", {}),
            ("POST", "/pledges", {"request": f"q{n}", "region": "513327205", "amount": "1"}),
        ]

    def bytes_of(self, method, path, body):
        raw = isinstance(body, bytes)
        data = body if raw else json.dumps(body).encode() if body is not None else b""
        kind = "text/csv" if raw else "application/json"
        head = [f"{method} /api/v1{path} HTTP/1.1", "Host: x", f"Content-Type: {kind}", f"Content-Length: {len(data)}"]
        if path != "/session":
            head += [f"Cookie: {self.browser.cookie}", f"X-CSRF-Token: {self.browser.csrf}"]
        return "\r\n".join(head).encode() + b"\r\n\r\n" + data

    def begin(self, method, path, body):
        connection = socket.create_connection(("127.0.0.1", self.browser.port), PATIENCE)
        connection.sendall(self.bytes_of(method, path, body))
        return connection

    def control(self, method, path):
        connection = open_unix(self.world.daemons["a"].control_socket)
        connection.sendall(f"{method} /api/v1{path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".encode())
        return connection


def leave(connection, how):
    """how 0: reset at once; 1: a byte of the answer, then reset; 2: both halves closed; 3: the sending half first."""
    with contextlib.suppress(OSError):
        if how == 1:
            connection.recv(1)
        if how == 3:
            connection.shutdown(socket.SHUT_WR)
            connection.recv(64)
        if how in (0, 1):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@pytest.fixture
def slow(make_world):
    world = make_world(daemon={"test_daily": "100000"})
    return Slow(world)


def test_a_client_leaves_in_the_middle_of_each_answer(slow):
    chance = random.Random(7)
    for _ in range(LEAVES):
        for request in slow.requests():
            connection = slow.begin(*request)
            with contextlib.suppress(OSError):
                if chance.random() < 0.5:
                    connection.settimeout(chance.random() / 50)
                    connection.recv(1)
            connection.settimeout(PATIENCE)
            leave(connection, chance.randrange(4) if not request[1].startswith("/events") else chance.randrange(3))
    with slow.control("GET", "/backup") as backup:
        backup.recv(100)
    wait_until(lambda: Browser(slow.world).call("GET", "/api/v1/session")[0] == 401, what="served")
    assert slow.world.daemons["a"].process.running()
    assert slow.world.kill_daemon(signal.SIGTERM) == 0, slow.world.daemons["a"].process.output()[-3000:]


@pytest.mark.parametrize("reloads", [True, False])
def test_the_daemon_stops_while_all_of_them_wait(slow, reloads):
    """Each answer is whole, or an error, or the connection ends; nothing hangs, and the daemon ends cleanly."""
    waiting = [slow.begin(*request) for _ in range(3) for request in slow.requests()]
    waiting.append(slow.control("GET", "/backup"))
    process = slow.world.daemons["a"].process
    if reloads:
        process.send(signal.SIGHUP)
        assert slow.world.daemons["a"].api("GET", "/status")[0] == 200
        waiting += [slow.begin(*request) for request in slow.requests()]
    readers = [threading.Thread(target=drain, args=(connection,)) for connection in waiting[::2]]
    for reader in readers:
        reader.start()
    assert slow.world.kill_daemon(signal.SIGTERM) == 0, process.output()[-3000:]
    for reader in readers:
        reader.join(PATIENCE)
        assert not reader.is_alive()
    for connection in waiting:
        connection.close()


def drain(connection):
    with contextlib.suppress(OSError):
        while connection.recv(65536):
            pass
