"""Alerts and dashboard speak of metrics that exist, and promtool takes the rules."""
import json
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "config/prometheus"
NAME = re.compile(r"\boutreach_[a-z_]+\b")


def known():
    rows = re.findall(r"^\| `(outreach_[a-z_]+)` \| ([^|]*) \|", (ROOT / "docs/metrics.md").read_text(), re.M)
    names = set()
    for name, labels in rows:
        names |= {name} if "le" not in labels.replace(" ", "").split(",") else {name + "_bucket", name + "_sum", name + "_count"}
    return names


def test_dashboard_knows_its_metrics():
    board = json.loads((FOLDER / "grafana.json").read_text())
    used = {name for panel in board["panels"] for target in panel["targets"] for name in NAME.findall(target["expr"])}
    assert used and used <= known()


def test_alerts_know_their_metrics():
    used = set(NAME.findall((FOLDER / "alerts.yml").read_text()))
    assert used and used <= known()


def test_promtool_takes_the_rules():
    done = subprocess.run(["promtool", "check", "rules", str(FOLDER / "alerts.yml")], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
