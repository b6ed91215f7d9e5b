"""The man pages: every key, command, option, fault and metric has its place, and mandoc has nothing to say. scripts/man makes them here from the
sources and from the programs' tables."""
import gzip
import os
import re
import shutil
import subprocess

import pytest

from house import TOP, problems

PAGES = ("outreachctl.1", "outreach-sim.1", "outreachd.ini.5", "outreach-campaign.5", "outreachd.8")
ROW = re.compile(r'ROW\("(\w+)"(?:, "(\w+)")?,')


def programs():
    """A build that has the programs which speak of themselves."""
    folders = [TOP / "build" / name for name in ("debug", "release")]
    if "OUTREACH_BUILD_DIR" in os.environ:
        folders.insert(0, type(TOP)(os.environ["OUTREACH_BUILD_DIR"]))
    for folder in folders:
        if (folder / "outreachctl").exists() and (folder / "outreach-sim").exists():
            return folder
    pytest.skip("nothing is built yet")


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    for tool in ("scdoc", "mandoc"):
        if shutil.which(tool) is None:
            assert os.environ.get("CI") != "true", f"{tool} is missing (scripts/packages)"
            pytest.skip(f"{tool} is missing: install the packages of scripts/packages")
    out = tmp_path_factory.mktemp("man")
    done = subprocess.run([TOP / "scripts/man", programs(), out], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return {name: gzip.decompress((out / f"{name}.gz").read_bytes()).decode() for name in PAGES}


@pytest.fixture(scope="module")
def shown(pages):
    """As a reader sees it, the lines of a paragraph joined."""
    found = {}
    for name, roff in pages.items():
        done = subprocess.run(["mandoc", "-Kutf-8", "-Tutf8", "-Owidth=1000"], input=roff, capture_output=True, text=True, timeout=60, check=True)
        found[name] = re.sub(".\b", "", done.stdout)
    return found


def lint(roff):
    return subprocess.run(["mandoc", "-Kutf-8", "-Tlint", "-Wwarning"], input=roff, capture_output=True, text=True, timeout=60, check=False).stdout


def test_every_source_is_a_page(pages):
    assert {path.stem for path in (TOP / "docs/man").glob("*.scd")} == set(pages)


def test_pages_are_clean_under_mandoc(pages):
    problems(f"{name}: {line}" for name, roff in pages.items() for line in lint(roff).splitlines())


def test_lint_sees_a_fault(pages):
    assert lint(pages["outreachd.8"] + ".PP\n\\[nothing\\]\n")


def terms(page):
    """What stands at the left of a tagged paragraph."""
    return re.findall(r"^ {7}(\S.*)$", page, re.M)


def test_settings(shown):
    config, section = (TOP / "config/outreachd.ini").read_text(encoding="utf-8"), None
    said = iter(shown["outreachd.ini.5"].splitlines())
    for line in config.splitlines():
        if line.startswith("["):
            section = line
            assert any(section in other for other in said), f"{section} is not in the page, or out of order"
        elif key := re.match(r"([a-z_]+) =", line):
            assert any(other.strip() == key[1] for other in said), f"{section} {key[1]} is not in the page, or out of order"
        elif line.startswith("; ") and "; default" in line:
            fact = line.removeprefix("; ")
            assert fact in shown["outreachd.ini.5"], fact


def test_keys_of_a_campaign(shown):
    rows = ROW.findall((TOP / "daemon/campaign/definition.c").read_text(encoding="utf-8"))
    keys = [key for _, key in rows]
    text = (TOP / "daemon/campaign/terms.c").read_text(encoding="utf-8")
    keys += [key for key, _ in ROW.findall(text)] + re.findall(r"^    TEXT\((\w+)\)", text, re.M)
    assert len(keys) > 30
    named = {word for term in terms(shown["outreach-campaign.5"]) for word in term.split(", ")}
    problems(f"outreach-campaign(5) does not explain {key}" for key in keys if key not in named)


def test_defaults_of_a_campaign(shown):
    for name in ("definition.c", "terms.c"):
        text = (TOP / "daemon/campaign" / name).read_text(encoding="utf-8")
        for row in re.split(r"^    (?:ROW|TEXT)\(|^};", text, flags=re.M)[1:]:
            default = re.search(r'\.def = (?:"([^"]+)"|(\w+_DEFAULT))', row)
            if default:
                key = re.findall(r'"(\w+)"', row)[0 if name == "terms.c" else 1]
                value = default[1] or re.search(rf'#define {default[2]} "([^"]+)"', text)[1]
                page = shown["outreach-campaign.5"]
                paragraph = page[re.search(rf"^ {{7}}{key}$", page, re.M).end():].split("\n\n")[0]
                assert value in paragraph and "efault" in paragraph, f"outreach-campaign(5), {key}: the default is {value}"


def test_commands(shown):
    completion = (TOP / "config/outreachctl.bash-completion").read_text(encoding="utf-8")
    rows = re.findall(r"^ +'([a-z]+ [a-z]*)'\) options='([^']*)'", completion, re.M)
    assert len(rows) > 40
    paragraphs = re.split(r"^ {7}(?=outreachctl )", shown["outreachctl.1"][shown["outreachctl.1"].index("\nCOMMANDS"):], flags=re.M)
    for path, options in rows:
        path = path.strip()
        about = [text for text in paragraphs if re.match(rf"outreachctl {path}( [^a-z]|\n|$)", text)]
        assert len(about) == 1, f"outreachctl(1) explains {path} {len(about)} times"
        assert re.search(rf"\n +outreachctl .*\b{path}", about[0]), f"{path} has no example"
        problems(f"outreachctl(1), {path}: {option} is missing" for option in options.split() if f"{option}:" not in about[0] and f"{option} " not in about[0])


def test_options_of_the_simulator(shown):
    rows = re.findall(r'^    \{"([a-z-]+)", TYPE_', (TOP / "daemon/sim/options.c").read_text(encoding="utf-8"), re.M)
    assert len(rows) > 20
    named = {term.split()[0] for term in terms(shown["outreach-sim.1"])}
    problems(f"outreach-sim(1) does not explain --{name}" for name in rows if f"--{name}" not in named)
    assert "/control/uplink" in shown["outreach-sim.1"] and "rspcod" in shown["outreach-sim.1"]


def test_options_of_the_daemon(shown):
    options = re.findall(r'\{"([a-z-]+)", \w+_argument', (TOP / "daemon/app/main.c").read_text(encoding="utf-8"))
    assert len(options) > 3
    problems(f"outreachd(8) does not explain --{name}" for name in options if f"--{name}" not in " ".join(terms(shown["outreachd.8"])))


def test_metrics(shown):
    names = re.findall(r"^\| `(outreach_\w+)` \|", (TOP / "docs/metrics.md").read_text(encoding="utf-8"), re.M)
    assert len(names) > 30
    problems(f"outreachd(8) does not explain {name}" for name in names if not any(t.split()[0] == name for t in terms(shown["outreachd.8"])))
