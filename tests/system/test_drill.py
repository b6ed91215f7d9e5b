"""The fault drill of docs/operations.md, typed as it stands there: each block of commands in turn, in one shell, and what the page shows below it
must come, with other figures."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import pytest
from harness import BUILD, PATIENCE, TOP

PAGE = (TOP / "docs/operations.md").read_text(encoding="utf-8")
MARK = "---- end of block"


def steps():
    """(commands, what the page shows below them or "") in their order."""
    drill = re.search(r"^## Fault drill$.*?(?=^## |\Z)", PAGE, re.M | re.S).group()
    found = []
    for kind, text in re.findall(r"^```(\w*)\n(.*?)^```$", drill, re.M | re.S):
        if kind == "sh":
            found.append([text, ""])
        else:
            assert found and not found[-1][1], f"a block that belongs to no commands: {text}"
            found[-1][1] = text
    return found


def pattern(line):
    """The line with any figures, any distances, and anything in place of …"""
    words = re.escape(" ".join(line.split())).replace("\\ ", " ").replace("…", ".*")
    words = re.sub(r"^\\\[.*?\\\]", lambda _: r"\[[#-]*\]", words)  # a bar
    return re.sub(r"\d+", lambda _: r"\d+", words)


def missing(shown, came):
    """Lines that are shown and did not come, in this order."""
    lines = [" ".join(line.split()) for line in came.splitlines()]
    for line in filter(str.strip, shown.splitlines()):
        if "numbers got" in line:  # how many of each there are is chance; what may not be is looked at below
            continue
        for at, got in enumerate(lines):
            if re.fullmatch(pattern(line), got):
                lines = lines[at + 1:]
                break
        else:
            yield line


@pytest.fixture
def folder():
    made = pathlib.Path(tempfile.mkdtemp(prefix="od-"))
    yield made
    for left in made.glob("outreach-demo.*"):
        subprocess.run(["scripts/demo", "--stop", left], cwd=TOP, check=True, timeout=PATIENCE)
    shutil.rmtree(made)


def test_the_drill_works_as_it_is_written(folder):
    found = steps()
    assert len(found) > 8 and sum(1 for _, shown in found if shown) > 5
    script = "".join(f"{commands}echo '{MARK}'\n" for commands, _ in found)
    log = folder / "drill.log"
    with log.open("w") as out:
        shell = subprocess.run(["bash", "-c", script], cwd=TOP, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, timeout=6 * PATIENCE,
                               check=False, start_new_session=True,
                               env={**os.environ, "OUTREACH_BUILD_DIR": str(BUILD), "XDG_RUNTIME_DIR": str(folder)})
    text = log.read_text(encoding="utf-8")
    assert shell.returncode == 0, text
    came = text.split(MARK + "\n")
    assert len(came) == len(found) + 1 and came[-1] == "", text
    assert "never: " not in text, text
    for (commands, shown), output in zip(found, came):
        assert "command not found" not in output, output
        lost = list(missing(shown, output))
        assert not lost, f"shown and did not come: {lost}\n--- of\n{commands}\n--- came\n{output}"
    # Nobody got the drill twice: once each of the demo's campaign and the drill, and at most two receipts a pledger.
    assert max(map(int, re.findall(r"^\d+ numbers got (\d+)$", text, re.M))) <= 4, text
    assert not list(folder.glob("outreach-demo.*"))
