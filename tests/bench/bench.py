#!/usr/bin/env python3
"""The figures of scripts/bench. Everything real: redis-server with AOF, outreach-sim, outreachd; they share this machine's cores.

Prints `name value unit`, one line a figure, and where a figure has a bound `# bound …` behind it. Ratios are taken against a
limit or a peer measured in the same run, because machines are noisy."""
import argparse
import contextlib
import ctypes
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import pages

BUILD = pathlib.Path(os.environ["OUTREACH_BUILD_DIR"])
PEERS = pathlib.Path(os.environ.get("PEER_BENCH_DIR", ""))
SECRET, CALLBACK = "Bench#2026", "bT7-mW2_qZ9xRb4vLc8nHs"
NUMBERS_FROM = 15400000000


def die_with_parent():
    ctypes.CDLL("libc.so.6", use_errno=True).prctl(1, signal.SIGKILL)


class Unix(http.client.HTTPConnection):
    """HTTP on a Unix socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=120)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(what, condition, timeout=120, every=0.005):
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        got = condition()
        if got:
            return got
        time.sleep(every)
    raise SystemExit(f"bench: {what}: not within {timeout} s")


class World(contextlib.AbstractContextManager):
    """A private Redis, a simulator and a daemon in a folder of their own."""

    def __init__(self, batch_max=1000, connections=8, fsync="everysec", oracle=False, **daemon):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="outreach-bench-"))
        self.children = []
        self.oracle = self.dir / "oracle.log"
        try:
            self._start(batch_max, connections, fsync, oracle, daemon)
        except BaseException:
            self.__exit__()
            raise

    def _spawn(self, name, *argv):
        log = open(self.dir / f"{name}.log", "wb")
        child = subprocess.Popen(argv, stdout=log, stderr=log, preexec_fn=die_with_parent, cwd=self.dir)
        self.children.append(child)
        return child

    def _start(self, batch_max, connections, fsync, oracle, daemon):
        self.redis_socket = self.dir / "redis.sock"
        self.redis = self._spawn("redis", "redis-server", "--port", "0", "--unixsocket", self.redis_socket, "--save", "",
                                 "--appendonly", "yes", "--appendfsync", fsync, "--maxmemory-policy", "noeviction",
                                 "--dir", self.dir)
        wait_for("redis", self.redis_socket.exists)
        self.sim_port, self.port = free_port(), free_port()
        sim = [BUILD / "outreach-sim", "--listen", f"127.0.0.1:{self.sim_port}", "--ec-name", "高山乡人民政府", "--ap-id",
               "gaoshan", "--secret", SECRET, "--sign-code", "DemoSign1", "--reports", "none"]
        self.sim = self._spawn("sim", *sim, *(["--oracle", self.oracle] if oracle else []))
        self.control = self.dir / "control.sock"
        (self.dir / "campaigns.d").mkdir()
        for name, secret in (("mas.secret", SECRET), ("mas.callback", CALLBACK)):
            (self.dir / name).write_text(secret)
            (self.dir / name).chmod(0o600)
        extra = "".join(f"{key} = {value}\n" for key, value in daemon.items())
        codes = pathlib.Path(__file__).resolve().parents[2] / "config" / "codes"
        (self.dir / "outreachd.ini").write_text(f"""[daemon]
listen = 127.0.0.1:{self.port}
control_socket = {self.control}
state_dir = {self.dir}
campaigns_dir = campaigns.d
codes_dir = {codes}
log_level = warn
{extra}
[redis]
url = unix://{self.redis_socket}

[carrier mas]
driver = cloudmas
base_url = http://127.0.0.1:{self.sim_port}
submit_path = /sms/norsubmit
ec_name = 高山乡人民政府
ap_id = gaoshan
secret_key_file = mas.secret
sign_code = DemoSign1
batch_max = {batch_max}
rate = 0
connections = {connections}
callback_key_file = mas.callback
callback_allow = 127.0.0.0/8
""")
        self.daemon = self._spawn("outreachd", BUILD / "outreachd", "--config", self.dir / "outreachd.ini")
        wait_for("outreachd", self._ready, 20)

    def _ready(self):
        if self.daemon.poll() is not None:
            raise SystemExit("bench: outreachd ended: " + (self.dir / "outreachd.log").read_text()[-2000:])
        with contextlib.suppress(OSError):
            return self.get("/api/v1/status")["redis"]["health"] == "ready"

    def get(self, path, method="GET", body=None):
        http_ = Unix(self.control)
        http_.request(method, path, json.dumps(body) if body else None, {"Content-Type": "application/json"})
        answer = http_.getresponse()
        document = json.loads(answer.read())
        if answer.status >= 300:
            raise SystemExit(f"bench: {method} {path}: {answer.status} {document}")
        return document

    def redis_info(self, section, key):
        text = subprocess.run(["redis-cli", "-s", self.redis_socket, "info", section], capture_output=True, text=True, check=True)
        return next(line.split(":")[1].strip() for line in text.stdout.splitlines() if line.startswith(key + ":"))

    def campaign(self, id_, n, named=False, future=False):
        """A campaign of n numbers, spread over the segment as real lists are: a fixed stride, no two alike."""
        with open(self.dir / "campaigns.d" / f"{id_}.csv", "w", encoding="utf-8") as out:
            out.write("手机号,姓名\n" if named else "手机号\n")
            step = 7919  # coprime to 10^8: a permutation of the segment
            tail = ",张三丰\n" if named else "\n"
            out.writelines(f"{NUMBERS_FROM + i * step % 100000000}{tail}" for i in range(n))
        now = time.time()
        day = lambda seconds: time.strftime("%Y-%m-%d %H:%M", time.gmtime(now + seconds + 8 * 3600))
        (self.dir / "campaigns.d" / f"{id_}.ini").write_text(f"""[campaign]
id = {id_}
title = bench
region = 513327205
carrier = mas
recipients = {id_}.csv
start = {day(86400 if future else -60)}
end = {day(3 * 86400)}
window = 00:00-24:00
class = notice
late_after = 2d

[message]
signature = 高山乡人民政府
text = {'((姓名))，' if named else ''}10月17日是全国扶贫日，请关注本乡活动。
optout = 拒收请回复R
""")

    def launch(self, id_, n):
        """Seconds from the request to the commit."""
        began = time.monotonic()
        self.get("/api/v1/campaigns/launch", "POST", {"file": str(self.dir / "campaigns.d" / f"{id_}.ini"), "actor": "bench",
                                                      "expect_recipients": n, "again": True, "reason": "bench"})
        wait_for("import", lambda: self._committed(id_), 300)
        return time.monotonic() - began

    def _committed(self, id_):
        view = self.get(f"/api/v1/campaigns/{id_}")
        if view.get("import") and view["import"].get("phase") == "failed":
            raise SystemExit(f"bench: import failed: {view['import']}")
        return view["state"] not in ("importing", "draft")

    def wait_accepted(self, id_, n):
        """Seconds from the first recipient accepted (seen) to the last, and how many lay between."""
        first = None
        while True:
            now, counts = time.monotonic(), self.get(f"/api/v1/campaigns/{id_}")["counts"]
            done = counts["accepted"] + counts["delivered"]
            if done and first is None:
                first = (now, done)
            if counts["ambiguous"] or counts["rejected"]:
                raise SystemExit(f"bench: not a clean run: {counts}")
            if done >= n:
                return now - first[0], n - first[1]
            time.sleep(0.01)

    def peak_rss_mib(self):
        for line in pathlib.Path(f"/proc/{self.daemon.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
        raise SystemExit("bench: no VmHWM")

    def __exit__(self, *_):
        for child in reversed(self.children):
            child.kill()
            child.wait()
        if os.environ.get("OUTREACH_BENCH_KEEP"):
            print(f"# kept {self.dir}", flush=True)
        else:
            shutil.rmtree(self.dir, ignore_errors=True)


def say(name, value, unit, note=""):
    digits = 0 if value >= 1000 else 2
    print(f"{name} {value:.{digits}f} {unit}" + (f"  # {note}" if note else ""), flush=True)


class Stall(threading.Thread):
    """Asks the daemon's listening port again and again and keeps the longest answer: what an outsider sees of a long turn."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.longest, self.ended = port, 0.0, threading.Event()

    def run(self):
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        while not self.ended.is_set():
            began = time.monotonic()
            link.request("GET", "/healthz")
            link.getresponse().read()
            self.longest = max(self.longest, time.monotonic() - began)
            time.sleep(0.002)


def redis_bytes_per_recipient(named=False):
    n = 1_000_000
    with World() as world:
        world.campaign("mem", n, named=named, future=True)
        before = int(world.redis_info("memory", "used_memory"))
        world.launch("mem", n)
        time.sleep(0.5)
        after = int(world.redis_info("memory", "used_memory"))
    say("redis_bytes_per_recipient" + ("_named" if named else ""), (after - before) / n, "bytes",
        f"bound <= {24 if named else 8}; {n} queued")


def daemon_rss(n, name):
    with World() as world:
        world.campaign("rss", n)
        world.launch("rss", n)
        world.wait_accepted("rss", n)
        say(name, world.peak_rss_mib(), "MiB", "bound <= 48; peak of import and sending")


def import_rows_per_s():
    n = 1_000_000
    with World() as world:
        world.campaign("import", n, future=True)
        stall = Stall(world.port)
        stall.start()
        took = world.launch("import", n)
        stall.ended.set()
        stall.join()
        lag = world.get("/api/v1/status").get("loop_lag_ms", -1)
    say("import_rows_per_s", n / took, "rows/s", "bound >= 400000; from the request to the commit")
    say("loop_stall_ms", stall.longest * 1000, "ms", f"bound <= 50; longest answer of /healthz meanwhile; the loop's own watch: {lag} ms")


def accepted_per_s_chunked():
    n = 3_000_000
    with World(connections=8) as world:
        world.campaign("fast", n)
        world.launch("fast", n)
        took, between = world.wait_accepted("fast", n)
    say("accepted_per_s_chunked", between / took, "recipients/s", "bound >= 1500000")


def peer_tool(directory, source, *libraries):
    target = pathlib.Path(directory) / source.removesuffix(".c")
    subprocess.run(["gcc", "-O2", "-w", "-o", target, PEERS / source, *libraries], check=True)
    return target


def bare_ceiling(directory):
    """The sender with no safety at all: messages/s."""
    tool = peer_tool(directory, "proto_limit.c", "-lcurl", "-levent", "-lhiredis", "-lcrypto")
    mock = peer_tool(directory, "mock_carrier.c")
    redis_port, port = free_port(), free_port()
    children = [subprocess.Popen(["redis-server", "--port", str(redis_port), "--bind", "127.0.0.1", "--save", "", "--appendonly",
                                  "yes", "--dir", directory], stdout=subprocess.DEVNULL, preexec_fn=die_with_parent),
                subprocess.Popen([mock, "--port", str(port)], stdout=subprocess.DEVNULL, preexec_fn=die_with_parent)]
    try:
        for wanted in (redis_port, port):
            wait_for("peer", lambda: socket.socket().connect_ex(("127.0.0.1", wanted)) == 0, 20)
        out = subprocess.run([tool, str(redis_port), str(port), "curl", "100000", "50"], capture_output=True, text=True)
        return float(out.stdout.split()[0])
    finally:
        for child in children:
            child.kill()
            child.wait()


def kannel_rate(directory):
    for source in ("mock_carrier.c", "httpload.c"):
        peer_tool(directory, source)
    out = subprocess.run([sys.executable, PEERS / "run_kannel.py", "--bin", directory, "--tmp", f"{directory}/kannel", "--store",
                          "redis", "--dlr", "redis", "--n", "20000", "--reps", "1"], capture_output=True, text=True, timeout=300)
    rates = [json.loads(line).get("rate") for line in out.stdout.splitlines() if line.startswith("{")]
    return next((rate for rate in rates if rate), None)


def bullmq_rate(directory):
    peer_tool(directory, "mock_carrier.c")
    out = subprocess.run([sys.executable, PEERS / "run_bullmq.py", "--app", os.environ["BULLMQ_APP"], "--bin", directory, "--tmp",
                          f"{directory}/bullmq", "--aof", "yes", "--keep", "1", "--reps", "1"], capture_output=True, text=True,
                         timeout=300)
    rates = [json.loads(line).get("rate") for line in out.stdout.splitlines() if line.startswith("{")]
    return next((rate for rate in rates if rate), None)


def messages_per_s_single():
    n = 200_000
    with World(batch_max=1, connections=50) as world:
        world.campaign("single", n)
        world.launch("single", n)
        took, between = world.wait_accepted("single", n)
    rate = between / took
    say("messages_per_s_single", rate, "messages/s", "bound >= 20000; one number a request, AOF on")
    if not (PEERS / "proto_limit.c").exists():
        return
    with tempfile.TemporaryDirectory() as directory:
        ceiling = bare_ceiling(directory)
        say("messages_per_s_single_share", rate / ceiling, "of the bare sender", f"bound >= 0.5; bare sender {ceiling:.0f}/s")
        if os.environ.get("BULLMQ_APP"):
            peer = bullmq_rate(directory)
            if peer:
                say("messages_per_s_single_bullmq", peer, "messages/s", f"ours is {rate / peer:.1f} times; bound >= 1")
        if shutil.which("bearerbox") or os.path.exists("/usr/sbin/bearerbox"):
            peer = kannel_rate(directory)
            if peer:
                say("messages_per_s_single_kannel", peer, "messages/s", f"ours is {rate / peer:.1f} times; bound >= 4")


def load(port, path, oracle):
    out = subprocess.run([BUILD / "bench_post_load", "127.0.0.1", str(port), path, "50", oracle], capture_output=True, text=True,
                         check=True)
    rate, refused, broken = out.stdout.split()
    if refused != "0" or broken != "0":
        raise SystemExit(f"bench: reports: {refused} refused, {broken} broken")
    return float(rate)


def reports_per_s():
    n = 300_000
    with World(oracle=True) as world:
        world.campaign("reports", n)
        world.launch("reports", n)
        world.wait_accepted("reports", n)
        world.sim.terminate()
        world.sim.wait()
        rate = load(world.port, f"/hook/mas/{CALLBACK}/report", world.oracle)
        counts = world.get("/api/v1/campaigns/reports")["counts"]
        if counts["delivered"] != n:
            raise SystemExit(f"bench: reports: {counts}")
        port = free_port()
        noop = subprocess.Popen([BUILD / "bench_evhttp_noop", str(port)], preexec_fn=die_with_parent)
        try:
            wait_for("no-op server", lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0, 20)
            ceiling = load(port, "/", world.oracle)
        finally:
            noop.kill()
            noop.wait()
    say("reports_per_s", rate, "reports/s", "bound >= 25000; one a POST, stored before the answer")
    say("reports_per_s_evhttp_noop", ceiling, "requests/s", f"ours is {rate / ceiling:.2f} of it; bound >= 0.3")


LEDGER_ROWS = int(os.environ.get("OUTREACH_BENCH_LEDGER_ROWS", "1000000"))
TOWNSHIPS = 2000


def township(i):
    """One of 2000 areas of township level in province 51: 20 counties of 100."""
    i %= TOWNSHIPS
    return f"51{33 + i // 1000:02d}{i // 100 % 10 + 21:02d}{100 + i % 100:03d}000"


def pledge(i):
    return {"actor": "bench", "request": f"bench-{i}", "region": township(i), "fen": 10000 + i % 997, "name": "张三",
            "mobile": str(NUMBERS_FROM + i * 7919 % 100000000)}


def call_of_daemon(world):
    """The arguments of or1_ledger_post as the daemon itself passes them for pledge 0, which it books."""
    import redis  # only these figures need it

    client = redis.Redis(unix_socket_path=str(world.redis_socket))
    with client.monitor() as monitor:
        world.get("/api/v1/pledges", "POST", pledge(0))
        for seen in monitor.listen():
            command = seen["command"]
            if command.startswith("FCALL or1_ledger_post "):
                break
    recorded = command.split(" ")
    fields = {recorded[i]: i for i in range(7, len(recorded) - 1, 2)}
    if recorded[fields["req"] + 1] != "bench-0" or recorded[fields["a"] + 1] != township(0):
        raise SystemExit(f"bench: not the call that was expected: {command}")
    return client, recorded, fields


# The ledger's own text as a library beside the daemon's, with one function more: it books many pledges in one call, and adds up what
# they add to totals before Redis is told. Everything else is written as ever, and the proof that follows counts all of it again.
FILL_LUA = """#!lua name=benchfill
local sums, bodies = {}, {}
local stand_in = { -- what the ledger's text takes for `redis`
    call = function(...)
        local command, key, field, by = ...
        if command == 'HINCRBY' and string.find(key, ':{l}:[tg]:') then
            local of = sums[key] or {}
            sums[key] = of
            of[field] = (of[field] or 0) + tonumber(by)
            return 0
        end
        return redis.call(...)
    end,
    sha1hex = function(text) return redis.sha1hex(text) end,
}
-- What it takes from the part of the library before it (daemon/store/outreach.lua).
local OUTCOME, READ, rouse
local function serve(functions, wake)
    rouse = wake
    for i = 1, #functions do
        bodies[functions[i][1]] = functions[i][2]
    end
end
LEDGER
-- how many arguments an entry has, which of them differ from entry to entry, the arguments of one entry, then what differs
redis.register_function('bench_fill', function(keys, args)
    local n, places = tonumber(args[1]), {}
    if rouse then
        rouse()
        rouse = nil
    end
    for place in string.gmatch(args[2], '%d+') do
        places[#places + 1] = tonumber(place)
    end
    local entry = {unpack(args, 3, n + 2)}
    for at = n + 2, #args - 1, #places do
        for i = 1, #places do
            entry[places[i]] = args[at + i]
        end
        local answer = bodies.or1_ledger_post(keys, entry)
        if answer[1] ~= 0 then
            return answer[2]
        end
    end
    for key, of in pairs(sums) do
        for field, sum in pairs(of) do
            redis.call('HINCRBY', key, field, string.format('%.0f', sum))
        end
    end
    sums = {}
    return 'OK'
end)
"""
FILL_BATCH = 1500


def command_bytes(words):
    """As redis-py packs them, but in time that grows with their number and not with its square."""
    encoded = [word.encode() for word in words]
    return b"*%d\r\n" % len(encoded) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded)


def fill(world, rows):
    """Books pledges 1 … rows-1 by the ledger's own function, those of a township one after the other. Two calls are under way at a
    time, so that Redis never waits."""
    client, template, fields = call_of_daemon(world)
    ledger = (pathlib.Path(__file__).resolve().parents[2] / "daemon" / "store" / "ledger.lua").read_text()
    client.function_load(FILL_LUA.replace("LEDGER", ledger.replace("redis.", "stand_in."), 1), replace=True)
    varying = (("req", "request"), ("a", "region"), ("fen", "fen"), ("mob", "mobile"))
    template[fields["name"] + 1] = pledge(0)["name"]
    places = " ".join(str(fields[field] + 2 - 4) for field, _ in varying)  # from 1, behind FCALL, name, 1, key
    head = ["FCALL", "bench_fill", "1", template[3], str(len(template) - 4), places, *template[4:]]
    connection = client.connection_pool.get_connection("FCALL")
    under_way = 0
    order = [i for first in range(TOWNSHIPS) for i in range(first, rows, TOWNSHIPS) if i > 0]  # township by township
    for start in range(0, len(order), FILL_BATCH):
        values = []
        for i in order[start:start + FILL_BATCH]:
            body = pledge(i)
            values += [str(body[key]) for _, key in varying]
        connection.send_packed_command([command_bytes([*head, *values])])
        under_way += 1
        is_last = start + FILL_BATCH >= len(order)
        if under_way == 2 or is_last:
            for _ in range(2 if is_last and under_way == 2 else 1):
                answer = connection.read_response()
                under_way -= 1
                if answer != b"OK":
                    raise SystemExit(f"bench: a pledge was refused: {answer}")
    client.function_delete("benchfill")


def ledger_entries_per_s():
    n = 5000
    with World() as world:
        link = Unix(world.control)
        began = time.monotonic()
        for i in range(n):
            link.request("POST", "/api/v1/pledges", json.dumps(pledge(i)), {"Content-Type": "application/json"})
            answer = link.getresponse()
            text = answer.read()
            if answer.status != 201:
                raise SystemExit(f"bench: pledge: {answer.status} {text}")
        took = time.monotonic() - began
    say("ledger_entries_per_s", n / took, "entries/s", "one client that waits for each answer")


class PledgeCampaign(World):
    """A campaign whose every recipient answers with a pledge that counts at once, and is thanked."""

    def begin(self, n):
        self.campaign("pledges", n)
        with open(self.dir / "campaigns.d" / "pledges.ini", "a", encoding="utf-8") as out:
            out.write("\n[pledge]\nconfirm = none\nreceipt_window = 00:00-24:00\n")
        self.launch("pledges", n)
        self.wait_accepted("pledges", n)

    def uplinks(self, n):
        for i in range(n):
            yield json.dumps({"mobile": str(NUMBERS_FROM + i * 7919 % 100000000), "smsContent": f"捐{i % 997 + 1}元",
                              "sendTime": "2026-10-17 09:00:00", "addSerial": "106573010158"}, ensure_ascii=False)

    def check(self, n):
        total = self.get("/api/v1/totals")["total"]
        if total != {"count": n, "fen": sum((i % 997 + 1) * 100 for i in range(n))}:
            raise SystemExit(f"bench: pledges by webhook: {total}")


def ledger_entries_per_s_webhook():
    n = 20_000
    with PledgeCampaign() as world:
        world.begin(n)
        lines = world.dir / "uplinks.txt"
        lines.write_text("".join(line + "\n" for line in world.uplinks(n)), encoding="utf-8")
        rate = load(world.port, f"/hook/mas/{CALLBACK}/uplink", lines)
        world.check(n)
    say("ledger_entries_per_s_webhook", rate, "entries/s",
        "bound >= 3000; pledges by SMS, one a POST on 50 connections, booked before the answer, thanked meanwhile")


def ledger_entries_per_s_webhook_alone():
    n = 5000
    with PledgeCampaign() as world:
        world.begin(n)
        link = http.client.HTTPConnection("127.0.0.1", world.port, timeout=30)
        bodies = [line.encode() for line in world.uplinks(n)]
        began = time.monotonic()
        for body in bodies:
            link.request("POST", f"/hook/mas/{CALLBACK}/uplink", body, {"Content-Type": "application/json"})
            answer = link.getresponse()
            text = answer.read()
            if answer.status != 200:
                raise SystemExit(f"bench: uplink: {answer.status} {text}")
        took = time.monotonic() - began
        world.check(n)
    say("ledger_entries_per_s_webhook_alone", n / took, "entries/s", "the same from one client that waits for each answer")


def ledger_filled():
    with World() as world:
        before = int(world.redis_info("memory", "used_memory"))
        fill(world, LEDGER_ROWS)
        after = int(world.redis_info("memory", "used_memory"))
        say("ledger_bytes_per_pledge", (after - before) / LEDGER_ROWS, "bytes", f"{LEDGER_ROWS} pledges in {TOWNSHIPS} townships")
        took = []
        for _ in range(51):
            began = time.monotonic()
            world.get("/api/v1/totals?region=51")
            took.append(time.monotonic() - began)
        say("totals_province_ms", sorted(took)[25] * 1000, "ms", f"bound <= 20; median of 51; {LEDGER_ROWS} pledges")
        lags, ended = [0], threading.Event()

        def watch():
            while not ended.wait(0.1):
                lags.append(world.get("/api/v1/status").get("loop_lag_ms", 0))

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        began = time.monotonic()
        proof = world.get("/api/v1/ledger/verify", "POST", {"actor": "bench"})
        seconds = time.monotonic() - began
        ended.set()
        watcher.join()
        if not proof["ok"]:
            raise SystemExit(f"bench: verify: {proof}")
    say("ledger_verify_s_1m", seconds, "s", f"bound <= 20; {LEDGER_ROWS} entries")
    say("ledger_verify_stall_ms", max(lags), "ms", "longest loop turn meanwhile, from status")


FIGURES = {
    "redis_bytes_per_recipient": redis_bytes_per_recipient,
    "redis_bytes_per_recipient_named": lambda: redis_bytes_per_recipient(named=True),
    "daemon_rss_mib_1m": lambda: daemon_rss(1_000_000, "daemon_rss_mib_1m"),
    "daemon_rss_mib_100k": lambda: daemon_rss(100_000, "daemon_rss_mib_100k"),
    "import_rows_per_s": import_rows_per_s,
    "accepted_per_s_chunked": accepted_per_s_chunked,
    "messages_per_s_single": messages_per_s_single,
    "reports_per_s": reports_per_s,
    "ledger_entries_per_s": ledger_entries_per_s,
    "ledger_entries_per_s_webhook": ledger_entries_per_s_webhook,
    "ledger_entries_per_s_webhook_alone": ledger_entries_per_s_webhook_alone,
    "ledger_bytes_per_pledge": ledger_filled,
    "totals_render_ms_1757": lambda: pages.totals_render(World, Unix, say),
    "events_reach_ms_200": lambda: pages.events_reach(World, Unix, say),
    "events_rss_mib_2000": lambda: pages.events_rss(World, Unix, say),
}
ALSO = {"totals_province_ms": "ledger_bytes_per_pledge", "ledger_verify_s_1m": "ledger_bytes_per_pledge",
        "ledger_verify_stall_ms": "ledger_bytes_per_pledge",
        "loop_stall_ms": "import_rows_per_s", "reports_per_s_evhttp_noop": "reports_per_s",
        "messages_per_s_single_bullmq": "messages_per_s_single", "messages_per_s_single_kannel": "messages_per_s_single",
        "messages_per_s_single_share": "messages_per_s_single"}


def main():
    parser = argparse.ArgumentParser(description="prints one line a figure")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    if options.list:
        print("\n".join([*FIGURES, *ALSO]))
        return
    wanted = [ALSO.get(name, name) for name in options.names] or list(FIGURES)
    unknown = [name for name in wanted if name not in FIGURES]
    if unknown:
        raise SystemExit(f"bench: no figure is called {unknown[0]}; there are: {' '.join([*FIGURES, *ALSO])}")
    for name in dict.fromkeys(wanted):
        FIGURES[name]()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    main()
