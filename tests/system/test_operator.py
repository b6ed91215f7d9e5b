"""outreachctl in the hands of a person: on a terminal, with somebody who types."""
import json
import os
import pty
import re
import select
import signal
import subprocess
import time

from harness import BUILD, PATIENCE, TOP, wait_until


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, world, *args):
        self.master, slave = pty.openpty()
        argv = [BUILD / "outreachctl", "--config", world.daemons["a"].config, *args]
        self.process = subprocess.Popen([str(a) for a in argv], stdin=slave, stdout=slave, stderr=slave, cwd=world.dir, close_fds=True)
        os.close(slave)
        self.text = ""

    def read_until(self, pattern):
        end = time.monotonic() + PATIENCE
        while not re.search(pattern, self.text):
            assert time.monotonic() < end, self.text
            ready, _, _ = select.select([self.master], [], [], 0.1)
            if ready:
                try:
                    self.text += os.read(self.master, 65536).decode("utf-8", "replace")
                except OSError:  # the other end is closed
                    assert re.search(pattern, self.text), self.text
        return self.text

    def type(self, line):
        os.write(self.master, line.encode() + b"\n")

    def end(self):
        code = self.process.wait(PATIENCE)
        os.close(self.master)
        return code


def test_the_id_is_asked_for(world):
    world.campaign("spring", rows=30)
    terminal = Terminal(world, "campaign", "launch", "spring", "--now")
    terminal.read_until(r"Send to 30 people\? Type the campaign's id \(spring\)")
    terminal.type("sprung")
    terminal.read_until("nothing was done")
    assert terminal.end() == 1
    assert world.status("spring")["state"] == "draft"

    terminal = Terminal(world, "campaign", "launch", "spring", "--now")
    terminal.read_until("Type the campaign's id")
    terminal.type("spring")
    terminal.read_until("spring is launched")
    assert terminal.end() == 0
    assert world.wait_done("spring")["accepted"] == 30


def test_without_a_terminal_nothing_is_launched(world):
    world.campaign("spring", rows=30)
    done = world.ctl_raw("campaign", "launch", "spring", "--now", stdin="spring\n")
    assert done.returncode == 1 and "--yes" in done.stderr
    assert world.status("spring")["state"] == "draft"


def test_cancel_is_asked_for_on_a_terminal(world):
    world.campaign("spring", rows=30)
    world.ctl("carrier", "pause", "mas", "--reason", "test")
    world.launch("spring")
    terminal = Terminal(world, "campaign", "cancel", "spring", "--reason", "typo")
    terminal.read_until("ends the campaign for good")
    terminal.type("no")
    assert terminal.end() == 1
    terminal = Terminal(world, "campaign", "cancel", "spring", "--reason", "typo")
    terminal.read_until("Type the campaign's id")
    terminal.type("spring")
    terminal.read_until("spring is cancelled: cancelled 30 of 30")
    assert terminal.end() == 0


def test_watch_redraws_one_line_and_ends_with_the_campaign(make_world):
    world = make_world(carrier={"rate": 40})
    world.campaign("spring", rows=120)
    world.launch("spring")
    terminal = Terminal(world, "campaign", "status", "spring", "--watch")
    terminal.read_until(r"\r\x1b\[K\[#*-+\] +\d+ %  \d+/120  sending")
    world.ctl("campaign", "pause", "spring", "--reason", "wrong phone number", "--actor", "clerk1")
    terminal.read_until("waiting: paused by clerk1: wrong phone number")
    world.ctl("campaign", "resume", "spring")
    terminal.read_until(r"100 %  120/120  done")
    assert terminal.end() == 0


def test_watch_without_a_terminal_writes_plain_lines(make_world):
    world = make_world(carrier={"rate": 40})
    world.campaign("spring", rows=90)
    world.launch("spring")
    done = world.ctl_raw("campaign", "status", "spring", "--watch")
    assert done.returncode == 0 and "\r" not in done.stdout and "\x1b" not in done.stdout
    assert "sending" in done.stdout and "100 %  90/90  done" in done.stdout


def test_watch_ends_with_ctrl_c(world):
    world.campaign("spring", rows=20)
    world.ctl("carrier", "pause", "mas", "--reason", "test")
    world.launch("spring")
    terminal = Terminal(world, "campaign", "status", "spring", "--watch")
    terminal.read_until("waiting:")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == -signal.SIGINT
    assert world.counts("spring")["queued"] == 20


def test_a_report_of_many_is_streamed_whole(world):
    """More than the socket buffers hold, to a reader that is slow at first."""
    numbers = world.campaign("spring", rows=30000)
    world.ctl("carrier", "pause", "mas", "--reason", "test")
    world.launch("spring")
    terminal = subprocess.Popen([str(BUILD / "outreachctl"), "--config", str(world.daemons["a"].config), "campaign", "report", "spring",
                                 "--csv"], stdout=subprocess.PIPE, cwd=world.dir)
    wait_until(lambda: select.select([terminal.stdout], [], [], 0)[0], what="the report begins")
    assert world.api("GET", "/status")["daemon"] == "daemon-a"  # others are served meanwhile
    rows = terminal.stdout.read().decode().splitlines()
    assert terminal.wait(PATIENCE) == 0
    assert rows[0] == "number,state,code,meaning,updated_at,submitted_at,region"
    assert sorted(row.split(",")[0] for row in rows[1:]) == sorted(numbers)


def test_a_launch_from_a_file_elsewhere(world, tmp_path):
    world.campaign("spring", rows=20)
    for ending in ("ini", "csv"):
        (world.dir / "campaigns.d" / f"spring.{ending}").rename(tmp_path / f"spring.{ending}")
    world.ctl("campaign", "status", "spring", code=3)
    world.launch(tmp_path / "spring.ini", expect=20)
    assert world.wait_done("spring")["accepted"] == 20


def test_optouts_from_a_file(world):
    done = world.ctl_raw("optout", "import", "-", "--reason", "list", stdin="手机号,备注\n13900000001,x\n+86 139-0000-0002\n\nabc\n")
    assert done.returncode == 1 and "line 5" in done.stderr and "2 opted out" in done.stdout
    assert world.ctl("optout", "check", "13900000002")["opted_out"] is True
    exported = world.ctl("optout", "export", json=False).splitlines()
    assert [line.split(",")[0] for line in exported] == ["number", "13900000001", "13900000002"]
    world.ctl("optout", "remove", "13900000002")  # a reason is a courtesy
    assert world.ctl("optout", "check", "13900000002")["opted_out"] is False


def test_as_many_optouts_a_call_as_the_page_says(world):
    page = (TOP / "docs" / "api.md").read_text()
    most = int(re.search(r"`POST /api/v1/optouts` takes `numbers` \(at most ([\d ]+)\)", page)[1].replace(" ", ""))
    limit = int(re.search(r"\(`limit` is at most ([\d ]+),", page)[1].replace(" ", ""))
    many = [str(15400000000 + i) for i in range(most + 1)]
    call = {"scope": "marketing", "source": "import", "actor": "test", "reason": "list"}
    assert world.daemons["a"].api("POST", "/optouts", {**call, "numbers": many})[0] == 400
    assert world.api("POST", "/optouts", {**call, "numbers": many[:-1]}) == {"given": most, "fresh": most}
    lookup = {"class": "notice", "numbers": many[:-1]}
    assert world.api("POST", "/recipients/lookup", lookup)["flags"] == "1" * most
    assert world.daemons["a"].api("GET", f"/optouts?limit={limit + 1}")[0] == 400
    assert len(world.api("GET", f"/optouts?limit={limit}")["optouts"]) == limit
    assert len(world.ctl("optout", "export", json=False).splitlines()) == 1 + most
    done = world.ctl_raw("optout", "import", "-", "--reason", "list", stdin="\n".join(many) + "\n")
    assert f"{most + 1} opted out ({most} of them had already)" in done.stdout, "in two calls"


def test_json_is_one_document_of_everything():
    """Also of what the program says about itself, and of a mistake, wherever --json stands."""
    def document(code, *args):
        done = subprocess.run([BUILD / "outreachctl", *args], capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert done.returncode == code, done
        return json.loads(done.stdout)

    every = document(0, "--json", "help")["commands"]
    names = [row["command"] for row in every]
    assert {"check", "campaign launch", "help", "completion"} <= set(names) and len(names) == len(set(names))
    one = document(0, "--json", "help", "campaign", "resolve")["commands"]
    assert one == [row for row in every if row["command"] == "campaign resolve"] and one[0]["examples"]
    assert document(0, "campaign", "resolve", "--help", "--json")["commands"] == one
    choices = {row["option"]: row["choices"] for row in one[0]["options"]}
    assert choices["--ambiguous"] == ["resend", "accept", "fail"]
    assert [row["command"] for row in document(0, "--json", "help", "carrier")["commands"]] == \
        [name for name in names if name.startswith("carrier ")]
    script = (TOP / "config" / "outreachctl.bash-completion").read_text(encoding="utf-8")
    assert document(0, "--json", "completion") == {"shell": "bash", "script": script}
    assert document(0, "--version", "--json")["program"] == "outreachctl"
    assert document(2, "status", "--bogus", "--json")["error"]["code"] == "usage"


def test_a_pause_for_a_time(world):
    """It says until when and what waits, is in the audit, and ends by itself."""
    world.campaign("oct17", rows=30)
    assert world.ctl("carrier", "pause", "mas", "--for", "2h", "--reason", "their platform restarts", json=False) == "carrier mas is paused for 2h\n"
    world.launch("oct17")
    wait_until(lambda: world.api("GET", "/carriers")["carriers"][0]["held"] == 30, what="what waits is counted")
    carrier = world.api("GET", "/carriers")["carriers"][0]
    assert carrier["state"] == "paused" and carrier["resume_at"] and carrier["held_campaigns"] == 1
    assert re.search(r"30 recipients wait, since \S+ \S+ until \S+ \S+ by \S+: their platform restarts", world.ctl("carrier", "list", json=False))
    [said] = [line for line in world.ctl("status")["attention"] if line.startswith("Carrier mas")]
    assert "30 recipients of 1 campaign wait for it." in said and "It goes on by itself at " in said
    assert world.status("oct17")["waiting"]["until"] == carrier["resume_at"]
    [line] = [line for line in world.ctl("audit", "list")["lines"] if line["act"] == "POST /api/v1/carriers/{name}/pause"]
    assert line["after"].endswith(" for=2h"), line
    # Another pause takes its place; this one ends soon.
    world.ctl("carrier", "pause", "mas", "--for", "1s", "--reason", "almost")
    world.wait_counts("oct17", queued=0, inflight=0)
    carrier = world.api("GET", "/carriers")["carriers"][0]
    assert carrier["state"] == "running" and not carrier["resume_at"] and carrier["held"] == 0
    # One without a time stays until somebody resumes.
    world.ctl("carrier", "pause", "mas", "--reason", "new contract")
    assert not world.api("GET", "/carriers")["carriers"][0]["resume_at"]
    for wrong in ("0s", "500ms", "31d", "soon", "-5m"):
        refused = world.ctl_raw("carrier", "pause", "mas", "--for", wrong)
        assert refused.returncode == 1 and "30m" in refused.stderr, refused.stderr
