"""The second host of docs/operations.md: its configurations, taken from the page, run on three addresses of this machine with real Redis, Sentinel
and HAProxy. What the page says that this protects against, and what not, is what happens."""
import collections
import contextlib
import os
import random
import re
import shutil
import signal

import pytest
import redis as redis_client

from harness import TOP, Process, wait_until

PAGE = (TOP / "docs/operations.md").read_text(encoding="utf-8")
PASSWORD = "Zwei-Haeuser-1"
HOSTS = (1, 2, 3)


def block(name):
    """The block of the page that is this file."""
    part = re.search(r"^## A second host$.*?(?=^## )", PAGE, re.M | re.S).group()
    return re.search(rf"^```{re.escape(name)}\n(.*?)^```$", part, re.M | re.S).group(1)


class Hosts:
    """Three machines: addresses of their own, the ports of the page."""

    def __init__(self, world):
        self.dir = world.dir
        self.net = f"127.{random.randint(64, 254)}.{random.randint(1, 254)}."
        self.processes = collections.defaultdict(dict)  # by host, by program
        (world.dir / "redis.password").write_text(PASSWORD + "\n", encoding="ascii")
        (world.dir / "redis.password").chmod(0o600)

    def address(self, host):
        return f"{self.net}{host}"

    def text(self, name, host):
        """As the page says: its own address where it says so, and the password."""
        own = {"redis.conf": 2, "sentinel.conf": 2}.get(name, 0)
        lines = block(name).splitlines()
        lines[:own] = [line.replace("10.0.0.1", f"10.0.0.{host}") for line in lines[:own]]
        text = "\n".join(lines).replace("127.0.0.1:6380", f"10.0.0.{host}:6380")  # one HAProxy a machine, and all on this one
        return text.replace("10.0.0.", self.net).replace("PASSWORD", PASSWORD) + "\n"

    def folder(self, host, program):
        folder = self.dir / f"{program}-{host}"
        folder.mkdir(exist_ok=True)
        return folder

    def run(self, host, program, argv):
        self.processes[host][program] = Process(program, argv, self.dir / f"{program}-{host}.log")

    def start_redis(self, host, replica):
        folder = self.folder(host, "redis")
        conf = folder / "redis.conf"
        conf.write_text(f"dir {folder}\nrepl-diskless-sync-delay 0\n" + self.text("redis.conf", host)
                        + (f"replicaof {self.address(1)} 6379\n" if replica else ""), encoding="ascii")
        self.run(host, "redis", ["redis-server", conf])

    def start_sentinel(self, host):
        folder = self.folder(host, "sentinel")
        conf = folder / "sentinel.conf"
        conf.write_text(f"port 26379\ndir {folder}\n" + self.text("sentinel.conf", host), encoding="ascii")
        self.run(host, "sentinel", ["redis-server", conf, "--sentinel"])

    def start_haproxy(self, host):
        conf = self.folder(host, "haproxy") / "haproxy.cfg"
        conf.write_text(self.text("haproxy.cfg", host), encoding="ascii")
        self.run(host, "haproxy", ["haproxy", "-db", "-f", conf])

    @contextlib.contextmanager
    def client(self, host, port=6379):
        client = redis_client.Redis(host=self.address(host), port=port, password=PASSWORD if port == 6379 else None, socket_timeout=5,
                                    decode_responses=True)
        try:
            yield client
        finally:
            client.close()

    def ask(self, host, *command, port=6379):
        """None while it does not answer."""
        with self.client(host, port) as client, contextlib.suppress(redis_client.RedisError, OSError):
            return client.execute_command(*command)

    def replication(self, host):
        with self.client(host) as client, contextlib.suppress(redis_client.RedisError, OSError):
            return client.info("replication")
        return {}

    def start(self):
        for host in HOSTS:
            self.start_redis(host, replica=host != 1)
        wait_until(lambda: self.replication(1).get("min_slaves_good_slaves") == 2, what=lambda: f"two replicas: {self.replication(1)}")
        for host in HOSTS:
            self.start_sentinel(host)
        wait_until(lambda: all(str(self.ask(host, "SENTINEL", "CKQUORUM", "outreach", port=26379)).startswith("OK 3 usable")
                               and len(self.ask(host, "SENTINEL", "REPLICAS", "outreach", port=26379) or []) == 2 for host in HOSTS),
                   what="three Sentinels that know each other")
        for host in (1, 2):
            self.start_haproxy(host)

    def kill(self, host):
        for process in self.processes[host].values():
            process.stop(signal.SIGKILL)

    def signal(self, host, program, number):
        self.processes[host][program].send(number)

    def close(self):
        for host in HOSTS:
            for process in self.processes[host].values():
                process.send(signal.SIGCONT)
            self.kill(host)


@pytest.fixture
def two(make_world):
    """A world with three machines; daemon a, which the carrier knows, is on the second of them, daemon b on the first."""
    if shutil.which("haproxy") is None:
        assert os.environ.get("CI") != "true", "haproxy is missing (scripts/packages)"
        pytest.skip("haproxy is missing: install the packages of scripts/packages")
    world = make_world(start=False, carrier={"batch_max": 20, "rate": 500, "connections": 2, "timeout": "1s"})
    hosts = Hosts(world)
    try:
        hosts.start()
        world.sim.start()
        url = re.search(r"^url *= *(\S+)$", block("outreachd.ini"), re.M).group(1)
        for name, host in (("a", 2), ("b", 1)):
            world.redis_keys = {"url": url.replace("127.0.0.1", hosts.address(host)), "password_file": "redis.password"}
            world.start_daemon(name)
        yield world, hosts
    finally:
        for name in list(world.daemons):
            if world.daemons[name].process:
                world.kill_daemon(name=name)
        hosts.close()


def master(hosts, among):
    found = [host for host in among if hosts.replication(host).get("role") == "master"]
    return found[0] if len(found) == 1 else None


def sent(world):
    return collections.Counter(accepted.mobile for accepted in world.sim.oracle())


def test_the_first_machine_is_lost(two):
    """Redis, Sentinel, HAProxy and daemon of it at once, while both send. The other goes on by itself, and the first comes back."""
    world, hosts = two
    wait_until(lambda: {d["id"] for d in world.api("GET", "/status")["daemons"]} == {"daemon-a", "daemon-b"}, what="both on one queue")
    people = world.campaign("oct17", rows=3500)
    world.launch("oct17")
    wait_until(lambda: all(
        "event=request campaign=oct17" in world.daemons[name].process.output() for name in "ab"), what="both send")
    world.kill_daemon(name="b")
    hosts.kill(1)
    # Nobody is asked anything, and it is said what is the matter.
    wait_until(lambda: "Nothing is sent and webhooks are answered 503" in world.ctl("status", json=False), what="status says it")
    wait_until(lambda: master(hosts, (2, 3)), what="a new master")
    before = len(sent(world))
    wait_until(lambda: len(sent(world)) > before, what="the daemon goes on")
    world.wait_state("oct17", "done", timeout=120)
    # What the dead daemon had under way is ambiguous; reports cure what had left, and of the rest a person says that it had not.
    wait_until(lambda: world.counts("oct17")["accepted"] == 0 and world.counts("oct17")["ambiguous"] == len(people) - len(sent(world)), timeout=120,
               what=lambda: f"reports cure what they can: {world.counts('oct17')}, {len(sent(world))} sent")
    world.ctl("campaign", "resolve", "oct17", "--ambiguous", "resend", "--reason", "the portal has none of it")
    world.wait_counts("oct17", timeout=120, queued=0, inflight=0, ambiguous=0, accepted=0)
    assert set(sent(world)) == set(map(str, people))

    # The machine comes back as it went; the daemon never takes its Redis for the master.
    hosts.start_redis(1, replica=False)
    wait_until(lambda: hosts.replication(1).get("role") == "slave" and hosts.replication(1).get("master_link_status") == "up",
               what=lambda: f"a replica again: {hosts.replication(1)}")
    hosts.start_sentinel(1)
    hosts.start_haproxy(1)
    world.redis_keys["url"] = world.redis_keys["url"].replace(hosts.address(2), hosts.address(1))
    world.start_daemon("b")
    again = world.campaign("again", rows=20, first=15400005000)
    world.launch("again", name="b")
    world.wait_counts("again", name="b", timeout=120, delivered=sum(1 for _ in again))


def test_what_the_new_master_lacks_is_sent_again(two):
    """What the page says that it does not protect against: for less than min-replicas-max-lag nothing reaches the replicas, then the master is lost."""
    world, hosts = two
    world.kill_daemon(signal.SIGTERM, name="b")
    people = world.campaign("oct17", rows=3500)
    assert hosts.ask(1, "CONFIG", "SET", "min-replicas-max-lag", "600") == "OK"  # a slow machine needs longer for the same
    world.launch("oct17")
    wait_until(lambda: len(sent(world)) >= 100, what="it sends")
    for host in (2, 3):
        hosts.signal(host, "redis", signal.SIGSTOP)
    known = len(world.daemons["a"].process.output())

    def sent_unheard():
        """A chunk that was claimed, and sent of, while nothing reaches a replica."""
        since = world.daemons["a"].process.output()[known:]
        claimed = re.findall(r"event=claimed campaign=oct17 (chunk=\d+) ", since)
        return any(re.search(rf"event=request campaign=oct17 {chunk} .* outcome=accepted", since) for chunk in claimed)
    wait_until(sent_unheard, what="requests that the replicas do not hear of")
    for host in HOSTS:  # what was on its way to a replica goes with it
        hosts.processes[host]["redis"].stop(signal.SIGKILL)
    for host in (2, 3):
        hosts.start_redis(host, replica=True)
    wait_until(lambda: master(hosts, (2, 3)), what="a new master")
    world.wait_state("oct17", "done", timeout=120)
    world.sim.wait_quiet()
    got = sent(world)
    assert set(got) == set(map(str, people))
    twice = {mobile for mobile, n in got.items() if n > 1}
    assert twice and max(got.values()) == 2, got.most_common(3)
    # Who they may be is found as the page says.
    command = re.search(r"^journalctl .*?\| (grep .*)$", re.search(r"^## A second host$.*?(?=^## )", PAGE, re.M | re.S).group(), re.M).group(1)
    assert command == "grep -B 20 event=not_ready | grep event=request"
    lines = [line for line in world.daemons["a"].process.output().splitlines() if " DEBUG " not in line]
    first = next(i for i, line in enumerate(lines) if "event=request" in line)
    lost = next(i for i, line in enumerate(lines) if "event=not_ready" in line and i > first)
    assert any("event=request campaign=oct17" in line for line in lines[max(0, lost - 20):lost])
