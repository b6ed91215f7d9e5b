"""The Debian package, from lintian to purge, in a clean Debian 12 that really runs (root.py). $OUTREACH_BUILD_DIR (default build/release) is
where it is built."""
import collections
import json
import os
import pathlib
import re
import shutil
import subprocess
import tarfile
import time

import pytest
from root import NotHere, Root, why_not

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("OUTREACH_BUILD_DIR", TOP / "build" / "release")).resolve()
VERSION = re.search(r"^project\(outreachd VERSION (\S+)", (TOP / "CMakeLists.txt").read_text(encoding="utf-8"), re.M).group(1)
CAMPAIGN, RECIPIENTS = "2026-10-17-gaoshan", 774
SECRET = "Demo#2026"
KEPT = ("/var/lib/outreachd", "/var/lib/outreachd-redis", "/etc/outreachd/campaigns.d")

# Pushes a reply every few ms, each on a connection of its own, until its input ends; then prints how the answers were.
PUSHER = r"""
import collections, http.client, select, sys
key, answers, n = sys.argv[1], collections.Counter(), 0
while not select.select([sys.stdin], [], [], 0.002)[0]:
    n += 1
    body = '{"mobile": "154%08d", "smsContent": "R", "sendTime": "2026-10-17 09:00:00", "addSerial": ""}' % n
    try:
        connection = http.client.HTTPConnection("127.0.0.1", 10170, timeout=60)
        connection.request("POST", "/hook/mas/%s/uplink" % key, body)
        answers[str(connection.getresponse().status)] += 1
    except (OSError, http.client.HTTPException) as error:
        answers[repr(error)] += 1
print(dict(answers))
"""


def build(target):
    done = subprocess.run(["cmake", "--build", BUILD, "--target", target], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]


@pytest.fixture(scope="module")
def deb():
    build("package")
    architecture = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True).stdout.strip()
    path = BUILD / f"outreachd_{VERSION}_{architecture}.deb"
    assert path.exists()
    return path


def test_lintian_finds_no_error(deb):
    if shutil.which("lintian") is None:
        assert os.environ.get("CI") != "true", "lintian is missing (scripts/packages)"
        pytest.skip("lintian is missing: install the packages of scripts/packages")
    done = subprocess.run(["lintian", "--allow-root", "--fail-on", "error", deb], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_one_version(deb):
    for program in ("outreachd", "outreachctl", "outreach-sim"):
        said = subprocess.run([BUILD / program, "--version"], capture_output=True, text=True, check=True).stdout
        assert said.strip() == f"{program} {VERSION}"
    said = subprocess.run(["dpkg-deb", "-f", deb, "Version"], capture_output=True, text=True, check=True).stdout
    assert said.strip() == VERSION
    assert re.search(r"^## (\S+) ", (TOP / "CHANGELOG.md").read_text(encoding="utf-8"), re.M).group(1) == VERSION


def test_man_pages_are_in_it(deb):
    if shutil.which("scdoc") is None:
        assert os.environ.get("CI") != "true", "scdoc is missing (scripts/packages)"
        pytest.skip("scdoc is missing: install the packages of scripts/packages")
    listed = subprocess.run(["dpkg-deb", "-c", deb], capture_output=True, text=True, check=True).stdout
    for page in (TOP / "docs/man").glob("*.scd"):
        assert f"/usr/share/man/man{page.stem[-1]}/{page.stem}.gz" in listed


def test_source_archive_is_the_source():
    build("package_source")
    with tarfile.open(BUILD / f"outreachd-{VERSION}.tar.xz") as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    assert {"CMakeLists.txt", "daemon/ROOMS", "scripts/packages", "packaging/package.cmake", ".clang-format"} <= names
    wrong = [name for name in names if name.startswith(("build", ".git/")) or "__pycache__" in name]
    assert not wrong, wrong[:5]


def skip(reason):
    assert not os.environ.get("OUTREACH_PACKAGE_MUST_RUN"), reason
    print(f"skipped: {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="module")
def root(deb):
    reason = why_not()
    if reason:
        skip(reason)
    with Root() as made:
        try:
            made.make("systemd-sysv", "dbus")
            shutil.copy(deb, made.path("/root/outreachd.deb"))
            # The network ends here: the booted system has one of its own, with nothing in it.
            made.fetch("update")
            made.fetch("install", "-y", "--no-install-recommends", "--download-only", "/root/outreachd.deb")
            made.boot()
        except NotHere as error:
            skip(str(error))
        yield made


def install(root):
    return root.run("apt-get", "-q", "install", "-y", "--no-install-recommends", "--reinstall", "/root/outreachd.deb")


def ctl(root, *args, user="official"):
    return json.loads(root.run("runuser", "-u", user, "--", "outreachctl", "--json", *args).stdout)


def is_active(root, unit):
    return root.run("systemctl", "is-active", unit, code=None).stdout.strip()


def main_pid(root):
    return int(root.run("systemctl", "show", "-P", "MainPID", "outreachd").stdout)


def wait_ready(root):
    """Until a person of the group can see that Redis is there."""
    def ready():
        done = root.run("runuser", "-u", "official", "--", "outreachctl", "--json", "status", code=None)
        return done.returncode == 0 and json.loads(done.stdout)["redis"]["health"] == "ready"
    root.wait(ready, lambda: root.run("journalctl", "-n", "40", "--no-pager", code=None).stdout)


def journal(root):
    return root.run("journalctl", "--no-pager", "-o", "cat", "-u", "outreachd").stdout


def callback_key(root):
    return root.path("/etc/outreachd/secrets/mas.callback").read_text(encoding="ascii").strip()


def counts(root):
    return collections.Counter(ctl(root, "campaign", "status", CAMPAIGN)["counts"])


class Pusher:
    """Replies that come in without a pause, as from a carrier."""

    def __init__(self, root):
        argv = ["nsenter", "-t", str(root.pid), "-n", "/usr/bin/python3", "-c", PUSHER, callback_key(root)]
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def stop(self):
        return self.process.communicate("\n", timeout=120)[0].strip()


# ---- the life of one installation, in order


def test_install_starts_nothing(root):
    install(root)
    for unit in ("outreachd.service", "outreachd.socket", "outreachd-redis.service"):
        assert is_active(root, unit) == "inactive"
        assert root.run("systemctl", "is-enabled", unit, code=None).stdout.strip() in ("disabled", "static")
    modes = root.shell("stat -c '%n %a %U %G' /etc/outreachd/secrets /etc/outreachd/secrets/* /etc/outreachd/campaigns.d").stdout.split("\n")
    assert modes[:4] == ["/etc/outreachd/secrets 750 root outreachd", "/etc/outreachd/secrets/mas.callback 600 root root",
                         "/etc/outreachd/secrets/mas.secret 600 root root", "/etc/outreachd/campaigns.d 2770 root outreachd"]
    assert re.fullmatch(r"[0-9a-f]{32}", callback_key(root))
    done = root.run("outreachd", "--check")
    assert "placeholder" in done.stderr and "no mistakes" in done.stdout
    assert root.run("systemctl", "--failed", "--no-legend").stdout.strip() == ""


def test_start_after_editing_one_file(root):
    ini = root.path("/etc/outreachd/outreachd.ini")
    ini.write_text(ini.read_text(encoding="utf-8").replace("base_url = http://127.0.0.1:1992", "base_url = http://127.0.0.1:2992")
                   .replace("rate = 500", "rate = 400"), encoding="utf-8")
    root.run("systemctl", "start", "outreachd")
    root.run("useradd", "--groups", "outreachd", "official")
    wait_ready(root)
    assert is_active(root, "outreachd-redis.service") == "active"
    assert root.run("systemctl", "show", "-P", "NRestarts", "outreachd").stdout.strip() == "0"


def test_who_is_not_in_the_group_may_not_send(root):
    root.run("useradd", "stranger")
    done = root.run("runuser", "-u", "stranger", "--", "outreachctl", "status", code=None)
    assert done.returncode != 0
    done = root.run("runuser", "-u", "stranger", "--", "cat", "/etc/outreachd/secrets/mas.callback", code=None)
    assert done.returncode != 0


def test_it_runs_confined(root):
    for unit, user in (("outreachd", "outreachd"), ("outreachd-redis", "outreachd-redis")):
        pid = root.run("systemctl", "show", "-P", "MainPID", unit).stdout.strip()
        status = dict(line.split(":", 1) for line in root.run("cat", f"/proc/{pid}/status").stdout.splitlines())
        assert status["Seccomp"].strip() == "2" and status["NoNewPrivs"].strip() == "1"
        assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
        assert root.run("stat", "-c", "%U", f"/proc/{pid}").stdout.strip() == user
        limits = root.run("cat", f"/proc/{pid}/limits").stdout
        assert re.search(r"Max core file size +0 +0 ", limits)
        mounts = [line.split() for line in root.run("cat", f"/proc/{pid}/mountinfo").stdout.splitlines()]
        assert [m[5].split(",")[0] for m in mounts if m[4] == "/"][-1] == "ro"


def test_the_774_in_the_installed_system(root):
    root.path("/etc/outreachd/secrets/mas.secret").write_text(SECRET + "\n", encoding="utf-8")
    root.run("systemctl", "restart", "outreachd")  # a new secret is a new credential
    wait_ready(root)
    examples = "/usr/share/doc/outreachd/examples/campaigns.d"
    root.run("runuser", "-u", "official", "--", "cp", f"{examples}/gaoshan.csv", f"{examples}/{CAMPAIGN}.ini", "/etc/outreachd/campaigns.d/")
    ini = root.path(f"/etc/outreachd/campaigns.d/{CAMPAIGN}.ini")

    def local(offset):
        return time.strftime("%Y-%m-%d %H:%M", time.gmtime(time.time() + offset + 8 * 3600))
    text = ini.read_text(encoding="utf-8")
    for key, value in (("start", local(-60)), ("end", local(86400)), ("window", "00:00-24:00"), ("rate", "400")):
        text = re.sub(rf"^{key} *=.*", f"{key} = {value}", text, flags=re.M)
    ini.write_text(text, encoding="utf-8")
    hook = f"http://127.0.0.1:10170/hook/mas/{callback_key(root)}"
    root.shell(f"install -m 600 /etc/outreachd/secrets/mas.secret /root/sim.secret && systemd-run -q --unit=sim outreach-sim "
               f"--listen 127.0.0.1:2992 --ec-name 高山乡人民政府 --ap-id gaoshan --secret-file /root/sim.secret --sign-code DemoSign1 "
               f"--oracle /root/oracle.log --report-log /root/reports.log --report-url {hook}/report --uplink-url {hook}/uplink "
               "--report-delay-ms 100 --uplink-rate 0")
    ctl(root, "campaign", "launch", CAMPAIGN, "--now", "--yes", "--expect-recipients", str(RECIPIENTS))
    root.wait(lambda: ctl(root, "campaign", "status", CAMPAIGN)["state"] == "done" and counts(root)["accepted"] == 0,
              lambda: str(ctl(root, "campaign", "status", CAMPAIGN)) + journal(root)[-3000:], timeout=120)
    accepted = [line.split()[2] for line in root.path("/root/oracle.log").read_text(encoding="utf-8").splitlines()]
    assert len(accepted) == len(set(accepted)) == RECIPIENTS
    final = {line.split()[1]: line.split()[3] for line in root.path("/root/reports.log").read_text(encoding="utf-8").splitlines()}
    assert counts(root)["delivered"] == sum(code == "DELIVRD" for code in final.values()) > 700
    assert sum(counts(root).values()) == RECIPIENTS


@pytest.mark.parametrize("timer", sorted(p.stem for p in (TOP / "systemd").glob("*.timer")))
def test_what_a_timer_starts_works(root, timer):
    root.run("systemctl", "start", f"{timer}.service")
    root.run("systemctl", "enable", "--now", f"{timer}.timer")
    assert is_active(root, f"{timer}.timer") == "active"


def test_reload(root):
    ini = root.path("/etc/outreachd/outreachd.ini")
    good = ini.read_text(encoding="utf-8")
    pid = main_pid(root)
    ini.write_text(good.replace("rate = 400", "rate = 450").replace("log_level = info", "log_level = debug"), encoding="utf-8")
    root.run("systemctl", "reload", "outreachd")
    assert ctl(root, "status")["last_reload"]["ok"] and main_pid(root) == pid
    better = ini.read_text(encoding="utf-8")
    ini.write_text(better.replace("rate = 450", "rate = fast"), encoding="utf-8")
    assert root.run("systemctl", "reload", "outreachd", code=None).returncode != 0
    refused = ctl(root, "status")["last_reload"]
    assert not refused["ok"] and "rate" in refused["message"]
    assert "rate" in journal(root)
    assert main_pid(root) == pid and is_active(root, "outreachd") == "active"
    ini.write_text(better, encoding="utf-8")
    # A secret written now is not taken by a reload, and that is said.
    root.path("/etc/outreachd/secrets/mas.secret").write_text("another\n", encoding="utf-8")
    root.run("systemctl", "reload", "outreachd")
    last = ctl(root, "status")["last_reload"]
    assert last["ok"] and "restart" in last["message"]
    root.path("/etc/outreachd/secrets/mas.secret").write_text(SECRET + "\n", encoding="utf-8")


def test_a_restart_loses_no_webhook(root):
    pusher = Pusher(root)
    time.sleep(0.3)
    before = main_pid(root)
    for _ in range(3):
        root.run("systemctl", "restart", "outreachd")
    assert main_pid(root) != before
    wait_ready(root)
    answers = pusher.stop()
    assert re.fullmatch(r"\{'200': \d+\}", answers), answers


def test_a_crash_is_mended(root):
    before = main_pid(root)
    root.run("systemctl", "kill", "--kill-whom=main", "--signal=KILL", "outreachd")
    # Whoever connects now waits for the next process.
    argv = ["nsenter", "-t", str(root.pid), "-n", "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "60", "-d", "[]",
            f"http://127.0.0.1:10170/hook/mas/{callback_key(root)}/report"]
    assert subprocess.run(argv, capture_output=True, text=True, check=False).stdout in ("200", "400")
    assert main_pid(root) not in (0, before)


def test_a_stop_is_a_stop(root):
    root.run("systemctl", "stop", "outreachd")
    root.wait(lambda: is_active(root, "outreachd-redis.service") == "inactive", "Redis stops with it")
    argv = ["nsenter", "-t", str(root.pid), "-n", "curl", "-s", "--max-time", "5", "http://127.0.0.1:10170/healthz"]
    assert subprocess.run(argv, check=False, capture_output=True).returncode == 7, "refused"
    root.run("systemctl", "enable", "--now", "outreachd.socket")
    assert subprocess.run([*argv, "--max-time", "60"], check=False, capture_output=True).returncode == 0, "the socket starts it"
    wait_ready(root)
    root.run("systemctl", "restart", "outreachd")
    root.run("systemctl", "disable", "--now", "outreachd.socket")
    assert "socket_taken_over name=outreachd.socket" in journal(root)
    root.run("systemctl", "restart", "outreachd")
    wait_ready(root)


def page_commands(heading):
    """The lines of the blocks of commands under a heading of docs/operations.md, up to the next heading."""
    page = (TOP / "docs/operations.md").read_text(encoding="utf-8")
    part = re.search(rf"^{re.escape(heading)}$(.*?)(?=^#+ )", page, re.M | re.S).group(1)
    return [line for block in re.findall(r"^```sh\n(.*?)^```$", part, re.M | re.S) for line in block.splitlines() if line.strip()]


def type_at_terminal(root, line, answers="", editor=""):
    """What a person types: the line in a shell with a terminal, her answers, and what her editor puts where `systemctl edit` says."""
    root.path("/root/typed").write_text(editor, encoding="utf-8")
    root.path("/root/editor").write_text('#!/bin/sh\nexec sed -i "/^### Anything between here/r /root/typed" "$1"\n', encoding="ascii")
    root.path("/root/editor").chmod(0o755)
    root.path("/root/line").write_text(line + "\n", encoding="utf-8")
    # The answers come when they are asked for: what is typed ahead stays in the terminal until then.
    return root.shell(f"printf '%s' '{answers}' | SYSTEMD_EDITOR=/root/editor SHELL=/bin/sh script -qec 'sh -e /root/line' /dev/null")


def type_as_written(root, lines, answers=""):
    """The lines in order; what is indented under a line is typed into the editor that it opens."""
    lines = list(lines)
    while lines:
        line, inside = lines.pop(0), []
        while lines and lines[0].startswith("    "):
            inside.append(lines.pop(0).strip())
        type_at_terminal(root, line, answers, "".join(f"{one}\n" for one in inside))


def test_backup_and_restore_as_the_page_says(root):
    """Typed as it stands in docs/operations.md, from the timer to the looks after a restore into an empty Redis."""
    ctl(root, "pledge", "add", "--region", "513327205201", "--name", "李四", "--amount", "10")
    books, entries = counts(root), ctl(root, "ledger", "verify")["entries"]
    type_as_written(root, page_commands("## Backup and restore"))
    newest = max(root.path("/var/lib/outreachd/backups").glob("*.backup"), key=lambda path: path.stat().st_mtime)
    assert b":{mas}:" not in newest.read_bytes(), "the last one was made with a passphrase"
    assert b":{mas}:" in root.path("/root/outreach.backup").read_bytes()
    # Another machine: the same configuration, nothing in Redis.
    root.shell("systemctl stop outreachd outreachd-redis && rm -rf /var/lib/outreachd-redis/* && systemctl start outreachd")
    wait_ready(root)
    assert ctl(root, "campaign", "status", CAMPAIGN)["state"] == "draft", "nobody knows of a launch"
    restore, *looks = page_commands("### Restore")
    type_as_written(root, [restore], "restore\n")
    type_as_written(root, looks)
    [carrier] = ctl(root, "status")["carriers"]
    assert carrier["state"] == "paused" and "restored from a backup" in carrier["reason"]
    assert counts(root) == books
    verified = ctl(root, "ledger", "verify")
    assert verified["ok"] and verified["entries"] == entries > 0
    root.run("outreachctl", "carrier", "resume", "mas")
    # The locked one too, with what was written down elsewhere.
    root.run("outreachctl", "restore", "--yes", "--replace", "--passphrase", "/etc/outreachd/secrets/backup.passphrase",
             f"/var/lib/outreachd/backups/{newest.name}")
    type_as_written(root, looks)
    assert counts(root) == books
    root.run("outreachctl", "carrier", "resume", "mas")
    # What the operator wrote is hers: neither an upgrade nor a purge takes it away.
    root.shell("rm -r /etc/systemd/system/outreachd-backup.service.d /etc/outreachd/secrets/backup.passphrase && systemctl daemon-reload")


def test_upgrade_over_itself(root):
    ini = root.path("/etc/outreachd/outreachd.ini").read_text(encoding="utf-8")
    before, books, key = main_pid(root), counts(root), callback_key(root)
    pusher = Pusher(root)
    time.sleep(0.3)
    install(root)
    wait_ready(root)
    answers = pusher.stop()
    assert re.fullmatch(r"\{'200': \d+\}", answers), answers
    assert main_pid(root) not in (0, before), "the new program runs"
    assert root.path("/etc/outreachd/outreachd.ini").read_text(encoding="utf-8") == ini
    assert callback_key(root) == key and counts(root) == books


def test_remove_and_install_again(root):
    books = counts(root)
    root.run("systemctl", "enable", "outreachd")
    root.run("apt-get", "-q", "remove", "-y", "outreachd")
    assert "outreachd" not in root.shell("cat /proc/[0-9]*/cmdline /proc/[0-9]*/cgroup | tr '\\0' ' '", code=None).stdout
    assert root.path("/etc/outreachd/outreachd.ini").exists() and not root.path("/usr/sbin/outreachd").exists()
    install(root)
    assert root.run("systemctl", "is-enabled", "outreachd").stdout.strip() == "enabled", "as it was before"
    root.run("systemctl", "start", "outreachd")
    wait_ready(root)
    assert counts(root) == books


def test_purge_keeps_the_ledger(root):
    done = root.run("apt-get", "-q", "purge", "-y", "outreachd")
    for folder in KEPT:
        assert f"outreachd: {folder} is kept" in done.stdout + done.stderr
        assert any(root.path(folder).iterdir()) or folder == "/var/lib/outreachd"
    left = {str(p.relative_to(root.path("/etc/outreachd"))) for p in root.path("/etc/outreachd").iterdir()}
    assert left == {"campaigns.d"}, left
    assert not list(root.path("/etc/systemd/system").rglob("outreachd*"))
    assert root.run("systemctl", "--failed", "--no-legend").stdout.strip() == ""
