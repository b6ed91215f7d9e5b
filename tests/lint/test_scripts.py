"""Shell scripts: strict mode, executable, and clean under shellcheck."""

import os
import shutil
import subprocess
import sys

import pytest

from house import TOP, problems, short


def shell_scripts():
    for folder in ("scripts", ".ci", "packaging"):
        for path in sorted((TOP / folder).rglob("*")):
            if path.is_file() and path.read_bytes()[:2] == b"#!":
                first = path.read_bytes().split(b"\n", 1)[0]
                if first.endswith((b"bash", b"/sh", b" sh")):
                    yield path


def complaints(files):
    if shutil.which("shellcheck") is None:
        assert os.environ.get("CI") != "true", "shellcheck is missing (scripts/packages)"
        pytest.skip("shellcheck is missing: install the packages of scripts/packages")
    run = subprocess.run(["shellcheck", "--severity=warning", "--format=gcc", *map(str, files)],
                         capture_output=True, text=True, cwd=TOP)
    return run.stdout if run.returncode else ""


def test_scripts_are_clean_under_shellcheck():
    files = list(shell_scripts())
    assert files
    said = complaints(files)
    assert not said, "\n" + said


def test_scripts_can_be_started():
    problems(f"{short(p)}: not executable" for p in shell_scripts() if not os.access(p, os.X_OK))


def strict_mode(path):
    """Debian's maintainer scripts are for a shell that has no pipefail."""
    return "set -euo pipefail" if path.read_bytes().startswith((b"#!/usr/bin/env bash", b"#!/bin/bash")) else "set -eu\n"


def test_scripts_stop_at_the_first_failure():
    problems(
        f"{short(p)}: no {strict_mode(p)}"
        for p in shell_scripts()
        if os.access(p, os.X_OK) and strict_mode(p) not in p.read_text(encoding="utf-8")
    )


def test_rule_shellcheck(tmp_path):
    bad = tmp_path / "bad"
    bad.write_text("#!/usr/bin/env bash\nfor f in $(ls *.c); do rm $f; unused=1; done\n")
    assert "warning" in complaints([bad])


def test_the_bench_keeps_the_order_of_its_tables():
    names = subprocess.run([sys.executable, TOP / "tests" / "bench" / "bench.py", "--list"], check=True, capture_output=True, text=True,
                           env={**os.environ, "OUTREACH_BUILD_DIR": str(TOP), "PYTHONDONTWRITEBYTECODE": "1"}).stdout.split()
    sending = ["redis_bytes_per_recipient", "redis_bytes_per_recipient_named", "daemon_rss_mib_1m", "daemon_rss_mib_100k", "import_rows_per_s",
               "accepted_per_s_chunked", "messages_per_s_single", "reports_per_s"]
    ledger = ["ledger_entries_per_s", "ledger_entries_per_s_webhook", "ledger_entries_per_s_webhook_alone", "ledger_bytes_per_pledge"]
    assert names[:len(sending) + len(ledger)] == sending + ledger
