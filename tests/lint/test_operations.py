"""docs/operations.md says what to do about everything the daemon or Prometheus may complain of, and its links lead somewhere."""
import re

import yaml

from house import TOP, problems

PAGE = (TOP / "docs/operations.md").read_text(encoding="utf-8")


def sentences():
    """What daemon/api/attention.c may say, with … where its values are."""
    text = (TOP / "daemon/api/attention.c").read_text(encoding="utf-8")
    for call in re.findall(r'\bsay\(&?view,\s*((?:"(?:[^"\\]|\\.)*"|PRId64|\s)+)', text):
        whole = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', call.replace("PRId64", '"d"')))
        yield re.sub(r"%%|%[a-z]+", "…", whole)


def quotes(row):
    """The pieces of a sentence that the first cell of a row quotes."""
    return re.findall(r"`([^`]+)`", row.split(" | ")[0])


def explains(row, sentence):
    """The pieces stand in the sentence in this order, and are enough to know it by."""
    at = 0
    for piece in quotes(row):
        at = sentence.find(piece, at) + 1
        if at == 0:
            return False
    return sum(map(len, quotes(row))) >= 15


def test_every_attention_sentence_is_explained():
    found = list(sentences())
    assert len(found) > 12
    rows = [row for row in PAGE.splitlines() if row.startswith("| ")]
    problems(f"docs/operations.md does not explain: {sentence}" for sentence in found if not any(explains(row, sentence) for row in rows))


def test_every_alert_is_explained():
    rules = yaml.safe_load((TOP / "config/prometheus/alerts.yml").read_text(encoding="utf-8"))
    names = [rule["alert"] for group in rules["groups"] for rule in group["rules"]]
    problems(f"docs/operations.md does not explain {name}" for name in names if f"| `{name}` |" not in PAGE)


def anchors(text):
    """As GitHub makes them of headings."""
    heads = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def test_links_lead_somewhere():
    found = []
    for path in [*TOP.glob("*.md"), *(TOP / "docs").rglob("*.md")]:
        text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if "://" in target:
                continue
            name, _, anchor = target.partition("#")
            other = (path.parent / name).resolve() if name else path
            if not other.exists():
                found.append(f"{path.relative_to(TOP)}: {target} is not there")
            elif anchor and anchor not in anchors(other.read_text(encoding="utf-8")):
                found.append(f"{path.relative_to(TOP)}: {target}: no such heading")
    problems(found)
