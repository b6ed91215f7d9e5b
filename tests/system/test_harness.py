"""What the harness itself promises to runs side by side."""
import pathlib
import subprocess
import sys
import tempfile

FOLDER = pathlib.Path(__file__).resolve().parent
TAKE = """
import itertools, os, sys
sys.path.insert(0, sys.argv[1])
import harness
harness._port_step = itertools.count(int(sys.argv[2]) - os.getpid() % 1000)  # every process begins at the same port
print(harness.free_port(), flush=True)
sys.stdin.read()
"""


def taken():
    return set(pathlib.Path(tempfile.gettempdir()).glob("outreach-port-*"))


def test_ports_belong_to_one_process_and_leave_no_files():
    before = taken()
    runs = [subprocess.Popen([sys.executable, "-c", TAKE, FOLDER, "77"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for _ in range(5)]
    ports = [int(run.stdout.readline()) for run in runs]
    assert len(set(ports)) == 5, f"two have the same: {ports}"
    runs[0].kill()  # however it ends
    for run in runs:
        run.communicate()
    assert not [file for file in taken() - before if file.name.rsplit("-", 1)[1] in map(str, ports)]
