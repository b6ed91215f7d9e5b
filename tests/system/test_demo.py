"""scripts/demo as people run it, with the programs under test."""
import contextlib
import http.client
import json
import os
import pathlib
import re
import signal
import subprocess

import pytest
from harness import BUILD, PATIENCE, TOP, wait_until


def processes_of(folder):
    """Command lines of the processes that have something to do with the folder."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes()
        except OSError:
            continue
        if str(folder).encode() in line:
            found.append(line.replace(b"\0", b" ").decode("utf-8", "replace"))
    return found


@pytest.fixture
def demo(tmp_path_factory):
    """Starts scripts/demo with arguments; gives the process. Its folder lies in a short one of ours."""
    import tempfile
    folder = pathlib.Path(tempfile.mkdtemp(prefix="od-"))
    started = []

    def start(*args):
        process = subprocess.Popen(["scripts/demo", *args], cwd=TOP, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                   stdin=subprocess.DEVNULL, start_new_session=True,
                                   env={**os.environ, "OUTREACH_BUILD_DIR": str(BUILD), "XDG_RUNTIME_DIR": str(folder)})
        started.append(process)
        return process
    start.folder = folder
    yield start
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE)
    for left in folder.glob("outreach-demo.*"):
        subprocess.run(["scripts/demo", "--stop", left], cwd=TOP, check=True, timeout=PATIENCE)
    folder.rmdir()


def test_774_accounted_for_and_nothing_left(demo):
    process = demo("--exit")
    text, _ = process.communicate(timeout=6 * PATIENCE)
    assert process.returncode == 0, text
    assert re.search(r"^  all +774 +774$", text, re.M), text
    rows = re.findall(r"^  (\w+) +(\d+) +(\d+)$", text, re.M)
    assert sum(int(ours) for state, ours, _ in rows if state != "all") == 774
    assert all(ours == theirs for _, ours, theirs in rows)
    assert dict((state, int(n)) for state, n, _ in rows)["delivered"] > 700
    assert "\npledged: 620.00 yuan in 5 pledges\n" in text, text  # what five spellings mean
    assert re.findall(r"^5133272052\d\d +(\S+) ", text, re.M) == ["山口村", "云坪村", "松林村", "河坝村", "向阳村"], text
    assert "四川省甘孜藏族自治州炉霍县高山乡 (513327205)" in text, text
    assert "\neverything agrees with the entries\n" in text, text
    assert processes_of(demo.folder) == []
    assert list(demo.folder.iterdir()) == []


def test_ctrl_c_leaves_nothing(demo):
    process = demo("--exit")
    wait_until(lambda: any("outreachd --config" in line for line in processes_of(demo.folder)))
    os.killpg(process.pid, signal.SIGINT)
    text, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, text
    assert processes_of(demo.folder) == []
    assert list(demo.folder.iterdir()) == []


def test_it_can_be_left_running_and_stopped(demo):
    process = demo()
    text, _ = process.communicate(timeout=6 * PATIENCE)
    assert process.returncode == 0, text
    stop = re.search(r"scripts/demo --stop (\S+)", text)
    folder = pathlib.Path(stop[1])
    assert len([line for line in processes_of(folder) if "outreach-sim" in line or "outreachd" in line or "redis" in line]) >= 3
    status = subprocess.run([BUILD / "outreachctl", "--config", folder / "outreachd.ini", "campaign", "status", "2026-10-17-gaoshan"],
                            capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert status.returncode == 0 and "774" in status.stdout
    port = int(re.search(r"http://127\.0\.0\.1:(\d+)/console/", text)[1])
    people = re.findall(r"^  (\w+) +(\w+) +([0-9a-f]{24})$", text, re.M)
    assert {name for name, _, _ in people} == {"township", "approver", "finance", "viewer", "operator", "admin", "auditor"}
    for name, _, password in people:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request("POST", "/api/v1/session", json.dumps({"user": name, "password": password}), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            assert answer.status == 200 and json.loads(answer.read())["roles"] == [name]
    subprocess.run(["scripts/demo", "--stop", folder], cwd=TOP, check=True, timeout=PATIENCE)
    assert processes_of(folder) == [] and not folder.exists()


def test_mistakes_of_the_command_line(demo):
    for args in (["--nonsense"], ["--stop"], ["--stop", "/nowhere"]):
        process = demo(*args)
        text, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == 1 and text.startswith("demo: "), args
    process = demo("--help")
    text, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0 and "--exit" in text


def test_a_killed_demo_leaves_no_process(demo):
    process = demo("--exit")
    wait_until(lambda: any("outreachd --config" in line for line in processes_of(demo.folder)))
    process.kill()
    process.communicate(timeout=PATIENCE)
    wait_until(lambda: processes_of(demo.folder) == [], what="its children are gone")
    for left in demo.folder.glob("outreach-demo.*"):  # nobody was there to remove it
        subprocess.run(["rm", "-r", left], check=True)
