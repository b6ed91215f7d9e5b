"""Everything a system test needs, real: redis-server, outreach-sim, outreachd, outreachctl. See conftest.py for the fixtures.

    def test_something(world):
        world.campaign("c1", rows=1000)
        world.launch("c1")
        world.wait_done("c1")
        assert world.counts("c1")["delivered"] > 900
        world.check_books("c1")

Programs come from $OUTREACH_BUILD_DIR (default build/debug). Each World has a short folder of its own under the system's temporary
folder, because the path of a Unix socket ends at 107 bytes. Children die with the test process (PR_SET_PDEATHSIG)."""
import collections
import contextlib
import ctypes
import http.client
import itertools
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import redis as redis_client

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("OUTREACH_BUILD_DIR", TOP / "build" / "debug")).resolve()
# Sanitizers and four workers on two cores: waits are ends of patience, never measures.
PATIENCE = float(os.environ.get("OUTREACH_TEST_PATIENCE", "60"))
FIRST_NUMBER = 15400000000
SECRET, CALLBACK_KEY = "Test#2026", "kT7-mW2_qZ9xRb4vLc8nHs"
EC_NAME, AP_ID, SIGN_CODE = "高山乡人民政府", "gaoshan", "DemoSign1"

Accepted = collections.namedtuple("Accepted", "request group mobile")
Reported = collections.namedtuple("Reported", "group mobile status code")

_libc = ctypes.CDLL("libc.so.6", use_errno=True)
_port_step = itertools.count()
_port_holds = []


def _die_with_parent():
    _libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def free_port():
    """A port that nobody has: below the ephemeral range, in a stretch that belongs to this xdist worker. A socket of that name in the
    abstract namespace, which leaves no file and ends with this process however it ends, keeps it from other runs side by side."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:] or 0)
    while True:
        port = 12000 + worker % 16 * 1000 + (os.getpid() + next(_port_step)) % 1000
        hold = socket.socket(socket.AF_UNIX)
        with socket.socket() as probe, contextlib.suppress(OSError):
            hold.bind(f"\0outreach-port-{port}")
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            _port_holds.append(hold)
            return port
        hold.close()


def wait_until(condition, timeout=None, what=None):
    """What condition() gives as soon as that is true; fails after `timeout` seconds with `what` (a text or a function)."""
    end = time.monotonic() + (timeout or PATIENCE)
    while True:
        got = condition()
        if got:
            return got
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout or PATIENCE:g} s: {what() if callable(what) else what or condition}")
        time.sleep(0.01)


def numbers(n, first=FIRST_NUMBER):
    """n different mobile numbers of the unallocated prefix 154, not in order."""
    return [str(first + i * 7919 % 100_000_000) for i in range(n)]


def local_minute(seconds=0):
    """A time of the daemon's (UTC+8) that long from now, as a definition has it."""
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(time.time() + seconds + 8 * 3600))


# Of an entry of the ledger, in the order of docs/ledger.md.
LEDGER_FIELDS = ("t at by src req c a y p k fen item qty unit value name mob org pub purpose note ref was why doc rc to via on due peer "
                 "fl").split()


def unpack_entry(value):
    """The fields of an entry of the ledger that say something, by name."""
    return {LEDGER_FIELDS[part[0] - 1]: part[1:].decode() for part in value.split(b"\0")[:-1]}


def pack_entry(fields):
    return b"".join(bytes([place]) + fields[name].encode() + b"\0" for place, name in enumerate(LEDGER_FIELDS, 1) if fields.get(name))


def tamper(world, entry, field, value):
    """Rewrites an entry behind the daemon's back: the same number, another value."""
    prefix = next(iter(world.redis.scan_iter("*{l}:n"))).decode()[:-1]
    rows = world.redis.xrange(prefix + "e")
    world.redis.delete(prefix + "e")
    for id_, value_of in rows:
        fields = unpack_entry(value_of[b"v"])
        if id_.decode() == f"{entry}-0":
            fields[field] = value
        world.redis.xadd(prefix + "e", {"v": pack_entry(fields)}, id=id_)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=PATIENCE)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def ask(connection, method, path, body=None):
    """(status, document) of one request; the document is the text when it is no JSON."""
    if body is not None and not isinstance(body, (str, bytes)):
        body = json.dumps(body)
    if isinstance(body, str):
        body = body.encode()
    with contextlib.closing(connection):
        connection.request(method, path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
    try:
        return answer.status, json.loads(text)
    except ValueError:
        return answer.status, text


class Process:
    """A child with its output in a file."""

    def __init__(self, name, argv, log, env=None, cwd=None, pass_fds=()):
        self.name, self.log = name, pathlib.Path(log)
        self.log_start = self.log.stat().st_size if self.log.exists() else 0
        self.started = time.monotonic()
        with open(self.log, "ab") as out:
            self.popen = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=cwd,
                                          env={**os.environ, **(env or {})}, preexec_fn=_die_with_parent, pass_fds=pass_fds)

    @property
    def pid(self):
        return self.popen.pid

    def running(self):
        return self.popen.poll() is None

    def output(self):
        """Of this process, not of those before it that wrote to the same file."""
        with open(self.log, "rb") as file:
            file.seek(self.log_start)
            return file.read().decode("utf-8", "replace")

    def send(self, number):
        if self.running():
            self.popen.send_signal(number)

    def stop(self, number=signal.SIGTERM, timeout=None):
        """Sends the signal and waits; gives the exit status."""
        self.send(number)
        if number == signal.SIGKILL:
            self.send(signal.SIGCONT)
        try:
            return self.popen.wait(timeout or PATIENCE)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
            raise AssertionError(f"{self.name} did not end by signal {number}") from None


class Sim:
    """A running outreach-sim. Keyword arguments become options: report_delay_ms=0 is --report-delay-ms 0."""

    def __init__(self, folder, **options):
        self.folder = pathlib.Path(folder)
        self.oracle_path, self.report_log = self.folder / "oracle.log", self.folder / "reports.log"
        self.port = options.pop("port", None) or free_port()
        self.control_port = free_port()
        if options.pop("pledge_log", False):
            options["pledge_log"] = self.folder / "pledges.log"
        self.options = {"ec_name": EC_NAME, "ap_id": AP_ID, "secret": SECRET, "sign_code": SIGN_CODE, "report_delay_ms": 20,
                        "uplink_delay_ms": 20, **options}
        self.process = None

    @property
    def base_url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        argv = [BUILD / "outreach-sim", "--listen", f"127.0.0.1:{self.port}", "--control", f"127.0.0.1:{self.control_port}",
                "--oracle", self.oracle_path, "--report-log", self.report_log]
        for key, value in self.options.items():
            for one in value if isinstance(value, list) else [value]:
                argv += ["--" + key.replace("_", "-"), one]
        self.process = Process("outreach-sim", argv, self.folder / "sim.log")
        wait_until(lambda: "ready\n" in self.process.output() or not self.process.running(), what="outreach-sim ready")
        assert self.process.running(), self.process.output()
        return self

    def stop(self, number=signal.SIGTERM):
        return self.process.stop(number)

    def control(self, method, path="", body=None):
        status, document = ask(http.client.HTTPConnection("127.0.0.1", self.control_port, timeout=PATIENCE), method,
                               "/control" + path, body)
        assert status == 200, document
        return document

    def fault(self, fault, **keys):
        """sim.fault("rspcod:SystemBusy", count=3); sim.fault("close", accept=True, share=0.1)."""
        return self.control("POST", "", {"fault": fault, **keys})

    def clear(self, fault=None):
        return self.control("POST", "", {"fault": fault, "off": True} if fault else {"fault": "none"})

    def hits(self, fault):
        return sum(f["hits"] for f in self.control("GET")["faults"] if f["fault"] == fault)

    def stats(self):
        return self.control("GET", "/stats")

    def uplink(self, mobile, text):
        return self.control("POST", "/uplink", {"mobile": str(mobile), "text": text})

    def report(self, body):
        """Pushes a body (a text, or what becomes JSON) to the report URL."""
        return self.control("POST", "/report", body)

    def oracle(self):
        """Who was accepted, in order: what the carrier really took."""
        with contextlib.suppress(FileNotFoundError):
            return [Accepted(int(r), g, m) for r, g, m in (line.split() for line in self.oracle_path.read_text().splitlines())]
        return []

    def reported(self):
        """Status reports that were acknowledged, in order."""
        with contextlib.suppress(FileNotFoundError):
            return [Reported(*line.split()) for line in self.report_log.read_text().splitlines()]
        return []

    def pledge_log(self):
        """What villagers wrote and meant, each reply once it was taken (options: pledge_rate, uplink_rate, pledge_log=True)."""
        keys = ("mobile", "meaning", "fen", "thousandths", "item", "unit", "name", "text")
        path = self.folder / "pledges.log"
        rows = [dict(zip(keys, line.split("\t"), strict=True))
                for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
        return [{**row, "fen": int(row["fen"]), "thousandths": int(row["thousandths"])} for row in rows]

    def wait_quiet(self, timeout=None):
        """Until no report and no uplink is owed."""
        def quiet():
            stats = self.stats()
            return stats if stats["reports"]["outstanding"] == 0 and stats["uplinks"]["outstanding"] == 0 else None
        return wait_until(quiet, timeout, lambda: f"reports outstanding: {self.stats()}")


class Daemon:
    """One outreachd of a World: its configuration, its sockets, its process."""

    def __init__(self, world, name):
        self.world, self.name = world, name
        self.port = free_port()
        self.config = world.dir / f"{name}.ini"
        self.control_socket = world.dir / f"{name}.sock"
        self.state_dir = world.dir / f"state-{name}"
        self.state_dir.mkdir()
        self.process = None

    def api(self, method, path, body=None):
        return ask(UnixConnection(self.control_socket), method, "/api/v1" + path, body)

    def ready(self):
        with contextlib.suppress(OSError, http.client.HTTPException, TypeError, KeyError):
            return self.api("GET", "/status")[1]["redis"]["health"] == "ready"
        return False


class World:
    """A private Redis, a simulator, and one or more daemons, in a folder of their own."""

    live = []  # for the log of a failed test

    def __init__(self, *, fsync="everysec", sim=None, daemon=None, carrier=None, redis=None, start=True):
        """`sim`: options of the simulator. `daemon`, `carrier`, `redis`: keys of those sections that differ from the usual."""
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="ow-"))
        World.live.append(self)
        self.fsync = fsync
        self.daemon_keys, self.carrier_keys, self.redis_keys = daemon or {}, carrier or {}, redis or {}
        (self.dir / "campaigns.d").mkdir()
        for name, secret in (("mas.secret", SECRET), ("mas.callback", CALLBACK_KEY)):
            (self.dir / name).write_text(secret)
            (self.dir / name).chmod(0o600)
        self.redis_socket = self.dir / "redis.sock"
        self.redis_process = self.redis = None
        self.daemons = {}
        self.sizes = {}  # accepted rows by campaign
        hook = f"http://127.0.0.1:{self._daemon('a').port}/hook/mas/{CALLBACK_KEY}"
        self.sim = Sim(self.dir, **{"report_url": hook + "/report", "uplink_url": hook + "/uplink", **(sim or {})})
        if start:
            self.start_redis()
            self.sim.start()
            self.start_daemon()

    # -- processes

    def start_redis(self, under=(), config=None):
        """`under`: a command that execs the one given behind it. `config`: a file to begin with; what the test needs is said on top."""
        self.redis_process = Process("redis-server", [
            *under, "redis-server", *([config] if config else []), "--port", "0", "--unixsocket", self.redis_socket, "--dir", self.dir,
            "--save", "", "--appendonly", "yes", "--appendfsync", self.fsync, "--maxmemory-policy", "noeviction",
            "--repl-diskless-sync-delay", "0"], self.dir / "redis.log")
        self.redis = redis_client.Redis(unix_socket_path=str(self.redis_socket))

        def answers():
            assert self.redis_process.running(), self.redis_process.output()
            with contextlib.suppress(redis_client.RedisError):
                return self.redis.ping()
        wait_until(answers, what="redis-server answers")

    def stop_redis(self, number=signal.SIGTERM):
        self.redis.close()
        return self.redis_process.stop(number)

    def _daemon(self, name):
        if name not in self.daemons:
            self.daemons[name] = Daemon(self, name)
        return self.daemons[name]

    def write_config(self, name="a", extra_config=""):
        daemon = self._daemon(name)
        sections = {
            "daemon": {"listen": f"127.0.0.1:{daemon.port}", "control_socket": daemon.control_socket, "state_dir": daemon.state_dir,
                       "campaigns_dir": "campaigns.d", "codes_dir": TOP / "config" / "codes",
                       "console_dir": TOP / "daemon" / "console", "id": f"daemon-{name}",
                       "log_level": "debug", **self.daemon_keys},
            "redis": {"url": f"unix://{self.redis_socket}", **self.redis_keys},
            "carrier mas": {"driver": "cloudmas", "base_url": self.sim.base_url, "submit_path": "/sms/norsubmit", "ec_name": EC_NAME,
                            "ap_id": AP_ID, "secret_key_file": "mas.secret", "sign_code": SIGN_CODE, "rate": 0, "timeout": "5s",
                            "callback_key_file": "mas.callback", "callback_allow": "127.0.0.0/8", **self.carrier_keys},
        }
        daemon.config.write_text("".join(
            f"[{section}]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items() if value is not None) + "\n"
            for section, keys in sections.items()) + extra_config, encoding="utf-8")
        return daemon.config

    def start_daemon(self, name="a", extra_config="", env=None, wait=True, under=(), pass_fds=(), program="outreachd"):
        """Starts outreachd (again) under its old ports; `program`: another one of the build. `env` may hold OUTREACH_FAILPOINT. wait=False: do not wait until it is ready.
        `under`: a command that execs the one given behind it, with the descriptors `pass_fds`."""
        daemon = self._daemon(name)
        assert daemon.process is None or not daemon.process.running(), "kill it first"
        self.write_config(name, extra_config)
        daemon.process = Process("outreachd", [*under, BUILD / program, "--config", daemon.config],
                                 self.dir / f"outreachd-{name}.log", env, self.dir, pass_fds)
        if wait:
            wait_until(lambda: daemon.ready() or not daemon.process.running(), what="outreachd ready")
            assert daemon.process.running(), daemon.process.output()
        return daemon

    def kill_daemon(self, number=signal.SIGKILL, name="a"):
        """Gives the exit status."""
        return self.daemons[name].process.stop(number)

    def wait_daemon_gone(self, name="a", timeout=None):
        """After a failpoint: until the process has ended. Gives its exit status."""
        process = self.daemons[name].process
        wait_until(lambda: not process.running(), timeout, what="outreachd ends")
        return process.popen.returncode

    def ctl_raw(self, *args, name="a", json_output=False, stdin=""):
        """The finished outreachctl: returncode, stdout, stderr."""
        argv = [BUILD / "outreachctl", "--config", self._daemon(name).config, *(["--json"] if json_output else []), *args]
        return subprocess.run([str(a) for a in argv], input=stdin, capture_output=True, text=True, timeout=PATIENCE, check=False,
                              cwd=self.dir)

    def ctl(self, *args, json=True, name="a", code=0):
        """Runs outreachctl, expects its exit code, gives the document (json=False: the text)."""
        done = self.ctl_raw(*args, name=name, json_output=json)
        assert done.returncode == code, f"outreachctl {args}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return _document(done.stdout) if json else done.stdout

    def api(self, method, path, body=None, name="a"):
        """The document of an API call on the control socket; the call must succeed."""
        status, document = self.daemons[name].api(method, path, body)
        assert status < 300, f"{method} {path}: {status} {document}"
        return document

    # -- people

    def user(self, name, roles, area="all", password=None):
        """outreachctl user add."""
        done = self.ctl_raw("user", "add", name, "--roles", roles, "--area", area, stdin=(password or PASSWORD) + "\n")
        assert done.returncode == 0, done.stderr

    def login(self, name, roles, area="all"):
        """Makes the user and gives a Browser that is logged in as it, on daemon a."""
        self.user(name, roles, area)
        browser = Browser(self)
        assert browser.login(name)[0] == 200
        return browser

    # -- campaigns

    def campaign(self, id_, rows=100, columns=("手机号",), csv=None, first=FIRST_NUMBER, **overrides):
        """Writes campaigns.d/ID.ini and ID.csv; gives the numbers. `rows`: how many, or a list (of numbers, or of tuples by
        `columns`). `csv`: the file's exact bytes instead. `overrides`: keys of either section; None leaves one out."""
        rows = numbers(rows, first) if isinstance(rows, int) else list(rows)
        rows = [row if isinstance(row, tuple) else (row,) for row in rows]
        self.sizes[id_] = len(rows)
        folder = self.dir / "campaigns.d"
        if csv is None:
            csv = "".join(",".join(map(str, row)) + "\n" for row in [tuple(columns), *rows]).encode()
        (folder / f"{id_}.csv").write_bytes(csv)

        def local(offset):
            return time.strftime("%Y-%m-%d %H:%M", time.gmtime(time.time() + offset + 8 * 3600))
        keys = {"campaign": {"id": id_, "title": "测试", "region": "513327205", "carrier": "mas", "recipients": f"{id_}.csv",
                             "start": local(-60), "end": local(2 * 86400), "window": "00:00-24:00", "class": "notice",
                             "late_after": "2d"},
                "message": {"signature": "高山乡人民政府", "text": "10月17日是全国扶贫日，请关注本乡活动。", "optout": "拒收请回复R"}}
        for key, value in overrides.items():
            section = "message" if key in ("signature", "text", "text_file", "optout", "max_segments", "empty") else "campaign"
            keys[section][key] = value
        (folder / f"{id_}.ini").write_text("".join(
            f"[{section}]\n" + "".join(f"{key} = {value}\n" for key, value in values.items() if value is not None) + "\n"
            for section, values in keys.items()), encoding="utf-8")
        return [row[list(columns).index("手机号")] if "手机号" in columns else row[0] for row in rows]

    def launch(self, id_, *args, expect=None, now=True, name="a"):
        """outreachctl campaign launch ID --now --yes --expect-recipients N. Gives its document."""
        return self.ctl("campaign", "launch", id_, *(["--now"] if now else []), "--yes", "--expect-recipients",
                        self.sizes[id_] if expect is None else expect, *args, name=name)

    def status(self, id_, name="a"):
        """campaign status --json, by way of the API (a poll costs no process)."""
        return self.api("GET", f"/campaigns/{id_}", name=name)

    def counts(self, id_, name="a"):
        return collections.Counter(self.status(id_, name)["counts"])

    def try_status(self, id_, name="a"):
        """As status(), but None while nobody can tell (the daemon or Redis is away)."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            code, document = self.daemons[name].api("GET", f"/campaigns/{id_}")
            assert code < 300 or code >= 500, document
            return document if code < 300 else None
        return None

    def wait_state(self, id_, *states, timeout=None, name="a"):
        """Until the campaign is in one of the states; gives its status."""
        def there():
            status = self.try_status(id_, name)
            return status if status and status["state"] in states else None
        return wait_until(there, timeout, lambda: f"{id_} in {states}: {self.try_status(id_, name)}")

    def wait_done(self, id_, timeout=None, name="a"):
        return self.wait_state(id_, "done", timeout=timeout, name=name)

    def wait_counts(self, id_, timeout=None, name="a", **wanted):
        """wait_counts("c", delivered=100, queued=0): until these counts are exactly so."""
        def there():
            counts = collections.Counter((self.try_status(id_, name) or {"counts": {"nobody": 1}})["counts"])
            return counts if not counts["nobody"] and all(counts[key] == value for key, value in wanted.items()) else None
        return wait_until(there, timeout, lambda: f"{id_} with {wanted}: {self.try_status(id_, name)}")

    def wait_reported(self, id_, timeout=None, name="a"):
        """Until the campaign is done and the simulator owes nothing; gives the counts."""
        self.wait_done(id_, timeout, name)
        self.sim.wait_quiet(timeout)
        return self.counts(id_, name)

    def check_books(self, id_, name="a"):
        """The buckets add up, and nobody was accepted twice by the simulator. For campaigns that share no number with others."""
        status = self.status(id_, name)
        assert sum(status["counts"].values()) == status["accepted"], status
        mobiles = collections.Counter(a.mobile for a in self.sim.oracle())
        twice = [mobile for mobile, n in mobiles.items() if n > 1]
        assert not twice, f"accepted more than once: {twice[:5]} … {len(twice)}"
        return status

    # -- end

    def close(self):
        processes = [d.process for d in self.daemons.values()] + [self.sim.process, self.redis_process]
        for process in filter(None, processes):
            process.send(signal.SIGCONT)
            process.stop(signal.SIGKILL)
        if self.redis:
            self.redis.close()
        World.live.remove(self)
        shutil.rmtree(self.dir, ignore_errors=True)

    def logs(self):
        """The ends of all logs, for the report of a failed test."""
        for path in sorted(self.dir.glob("*.log")):
            if path.name not in ("oracle.log", "reports.log"):
                yield path.name, path.read_bytes()[-20000:].decode("utf-8", "replace")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


PASSWORD = "eleven goats on the hill"


class Browser:
    """What a page does: keeps the cookie, sends the CSRF token back."""

    def __init__(self, world, name="a"):
        self.port = world.daemons[name].port
        self.cookie = self.csrf = None
        self.headers = {}

    def call(self, method, path, body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        sent = {"Content-Type": "application/json"}
        if self.cookie:
            sent["Cookie"] = self.cookie
        if self.csrf and method != "GET":
            sent["X-CSRF-Token"] = self.csrf
        sent.update({name.replace("_", "-"): value for name, value in headers.items()})
        connection.request(method, path, body=json.dumps(body) if body is not None else None, headers=sent)
        answer = connection.getresponse()
        text = answer.read().decode()
        self.headers = {name.lower(): value for name, value in answer.getheaders()}
        connection.close()
        if "set-cookie" in self.headers:
            self.cookie = self.headers["set-cookie"].split(";")[0]
        return answer.status, json.loads(text) if text.startswith("{") else text

    def login(self, user, password=PASSWORD):
        status, body = self.call("POST", "/api/v1/session", {"user": user, "password": password})
        if status == 200:
            self.csrf = body["csrf"]
        return status, body


def _document(text):
    return json.loads(text) if text.strip() else None
