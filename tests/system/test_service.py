"""The daemon as a service: what it tells systemd, and the sockets that outlive it. No systemd is needed: Manager stands in for it, with the
protocols of sd_notify(3) and sd_listen_fds(3)."""
import contextlib
import http.client
import os
import select
import signal
import socket
import threading
import time

import pytest
from harness import CALLBACK_KEY, PATIENCE, ask, wait_until

UPLINK = '{{"mobile": "{}", "smsContent": "R", "sendTime": "2026-10-17 09:00:00", "addSerial": ""}}'


class Manager:
    """What systemd is to a service: it hears its notifications and keeps its sockets."""

    def __init__(self, world):
        self.world = world
        self.path = world.dir / "notify.sock"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.socket.setblocking(False)
        self.heard, self.store, self.mine = [], {}, {}

    def listen(self):
        """Everything that was said since the last time, as lines."""
        lines = []
        with contextlib.suppress(BlockingIOError):
            while True:
                data, fds, _, _ = socket.recv_fds(self.socket, 4096, 4)
                said = data.decode().splitlines()
                lines += said
                name = next((line[7:] for line in said if line.startswith("FDNAME=")), "")
                if "FDSTORE=1" in said:
                    self.store[name] = fds[0]
                if "FDSTOREREMOVE=1" in said:
                    os.close(self.store.pop(name))
        self.heard += lines
        return lines

    def heard_within(self, line, n=1):
        return wait_until(lambda: self.listen() is not None and self.heard.count(line) >= n, what=lambda: f"{line} in {self.heard}")

    def unit_socket(self, port, kind=socket.SOCK_STREAM):
        """A socket of outreachd.socket."""
        one = socket.socket(socket.AF_INET, kind)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind(("127.0.0.1", port))
        if kind == socket.SOCK_STREAM:
            one.listen(64)
        self.mine["outreachd.socket"] = one.detach()

    def start(self, wait=True, **env):
        fds = {**self.mine, **self.store}
        shell = "".join(f"exec {3 + i}<&{fd} {fd}<&-; " for i, fd in enumerate(fds.values()))
        shell += 'export LISTEN_PID=$$; exec "$@"'
        env = {"NOTIFY_SOCKET": str(self.path), "LISTEN_FDS": str(len(fds)), "LISTEN_FDNAMES": ":".join(fds), **env}
        # Numbers far above 3, so that none is overwritten before it is copied.
        assert all(fd > 3 + len(fds) for fd in fds.values())
        self.heard.clear()
        return self.world.start_daemon(env=env, wait=wait, under=["bash", "-c", shell, "manager"], pass_fds=tuple(fds.values()))

    def close(self):
        for fd in [*self.store.values(), *self.mine.values()]:
            os.close(fd)
        self.socket.close()


@pytest.fixture
def manager(make_world):
    world = make_world(start=False, sim={"reports": "none"})
    world.start_redis()
    world.sim.start()
    made = Manager(world)
    yield made
    made.listen()
    made.close()


def push(port, mobile):
    """One reply, on a connection of its own. Gives the status of the answer."""
    return ask(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE), "POST", f"/hook/mas/{CALLBACK_KEY}/uplink",
               UPLINK.format(mobile))[0]


def connect_and_ask(port):
    """A connection whose request has been sent, before anybody reads it."""
    waiting = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
    body = UPLINK.format("15400000099").encode()
    waiting.sendall(f"POST /hook/mas/{CALLBACK_KEY}/uplink HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
    return waiting


def test_systemd_hears_ready_reload_watchdog_and_stop(manager):
    daemon = manager.start(WATCHDOG_USEC="400000")
    manager.heard_within("READY=1")
    manager.heard_within("WATCHDOG=1", 3)
    # The beat comes from the loop: one that stands still is not alive.
    daemon.process.send(signal.SIGSTOP)
    manager.listen()
    manager.heard.clear()
    assert not select.select([manager.socket], [], [], 1.0)[0]
    daemon.process.send(signal.SIGCONT)
    manager.heard_within("WATCHDOG=1")
    manager.heard.clear()
    daemon.process.send(signal.SIGHUP)
    manager.heard_within("RELOADING=1")
    manager.heard_within("READY=1")
    assert manager.world.kill_daemon(signal.SIGTERM) == 0
    manager.heard_within("STOPPING=1")


def test_ready_means_that_it_can_answer(manager):
    """What is typed behind `systemctl start` needs no second try; a Redis that is away holds the start up for seconds, not for good."""
    begun = time.monotonic()
    daemon = manager.start(wait=False)
    manager.heard_within("READY=1")
    took = time.monotonic() - begun
    assert daemon.api("GET", "/status")[1]["redis"]["health"] == "ready" or took > 3, took
    manager.world.kill_daemon(signal.SIGTERM)
    manager.world.stop_redis()
    daemon = manager.start(wait=False)
    manager.heard_within("READY=1")
    assert daemon.api("GET", "/status")[1]["redis"]["health"] != "ready"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_restart_loses_no_webhook(manager, number):
    """Somebody pushes all the time, another connects exactly while no daemon runs; all are answered 200."""
    daemon = manager.start()
    wait_until(lambda: manager.listen() or manager.store, what="the port is left with systemd")
    ends, down_at, stop, pushed = [], [], threading.Event(), 0

    def push_all_the_time():
        nonlocal pushed
        while not stop.is_set():
            pushed += 1
            began = time.monotonic()
            try:
                status = push(daemon.port, f"154{pushed:08d}")
            except (OSError, http.client.HTTPException) as error:
                status = repr(error)
            ends.append((began, status))

    pusher = threading.Thread(target=push_all_the_time)
    if number == signal.SIGTERM:  # what a killed process was reading is lost with it, and pushed again by the carrier
        pusher.start()
        wait_until(lambda: len(ends) > 5, what="some pushes")
    assert manager.world.kill_daemon(number) == (0 if number == signal.SIGTERM else -number)
    down_at.append(time.monotonic())
    with connect_and_ask(daemon.port) as waiting:
        down_at.append(time.monotonic())
        assert not select.select([waiting], [], [], 0.05)[0], "nobody is there to answer"
        manager.start()
        assert b" 200 " in waiting.recv(4096).splitlines()[0]
    if number == signal.SIGTERM:
        before = len(ends)
        wait_until(lambda: len(ends) > before + 5, what="pushes go on")
        stop.set()
        pusher.join()
        assert {status for _, status in ends} == {200}
        assert push(daemon.port, "15411111111") == 200
    assert "name=listen" in daemon.process.output()
    optouts = manager.world.ctl("optout", "export", json=False).splitlines()
    assert any("15400000099" in line for line in optouts)


def test_the_socket_unit_is_served(manager):
    port = manager.world._daemon("a").port  # noqa: SLF001
    manager.unit_socket(port)
    with connect_and_ask(port) as early:
        daemon = manager.start()
        assert b" 200 " in early.recv(4096).splitlines()[0], "who came before the first start"
    manager.listen()
    assert not manager.store, "systemd has it already"
    assert manager.world.kill_daemon(signal.SIGTERM) == 0
    with connect_and_ask(port) as waiting:
        manager.start()
        assert b" 200 " in waiting.recv(4096).splitlines()[0]
    assert "listen_differs" not in daemon.process.output()


def test_a_socket_unit_with_another_address_is_told_and_both_are_served(manager):
    from harness import free_port
    other = free_port()
    manager.unit_socket(other)
    daemon = manager.start()
    assert "event=listen_differs" in daemon.process.output()
    assert push(other, "15400000001") == 200
    assert push(daemon.port, "15400000002") == 200


def test_a_changed_listen_lets_the_old_port_go(manager):
    from harness import free_port
    daemon = manager.start()
    wait_until(lambda: manager.listen() or manager.store, what="the port is left with systemd")
    assert manager.world.kill_daemon(signal.SIGTERM) == 0
    old, daemon.port = daemon.port, free_port()
    manager.start()
    assert push(daemon.port, "15400000001") == 200
    manager.heard_within("FDSTOREREMOVE=1")
    wait_until(lambda: manager.listen() or manager.store, what="the new one is left with systemd")
    with pytest.raises(ConnectionRefusedError):
        push(old, "15400000002")


def test_what_is_no_listening_socket_is_refused(manager):
    manager.unit_socket(manager.world._daemon("a").port, socket.SOCK_DGRAM)  # noqa: SLF001
    daemon = manager.start(wait=False)
    wait_until(lambda: not daemon.process.running(), what="it refuses")
    assert daemon.process.popen.returncode == 1
    assert "no listening TCP socket" in daemon.process.output()


def test_a_broken_campaign_does_not_keep_the_daemon_down(world):
    """What the unit checks before it starts is what would keep it from starting."""
    import subprocess
    from harness import BUILD
    (world.dir / "campaigns.d" / "broken.ini").write_text("nonsense\n")
    config = world.daemons["a"].config

    def check(option):
        return subprocess.run([BUILD / "outreachd", "--config", config, option], capture_output=True, text=True, timeout=PATIENCE,
                              check=False)
    assert check("--check").returncode == 1
    done = check("--check-config")
    assert done.returncode == 0 and "broken" not in done.stdout + done.stderr
    config.write_text(config.read_text() + "\n[carier x]\n")
    done = check("--check-config")
    assert done.returncode == 1 and "carier" in done.stderr
