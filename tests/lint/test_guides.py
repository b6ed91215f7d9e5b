"""The Chinese guides speak of the console in the console's own words, and of pictures that the browser tests take."""
import json
import re

from house import TOP, problems

GUIDES = sorted((TOP / "docs/zh-CN").glob("*.md"))
WORDS = json.loads((TOP / "daemon/console/i18n/zh-CN.json").read_text(encoding="utf-8"))


def quoted(text):
    """What stands in 「」: the console's words, whole or, from six signs on, a piece of one."""
    return re.findall(r"「([^」]+)」", text)


def is_said(words):
    values = WORDS.values()
    return words in values or (len(words) >= 6 and any(words in value for value in values))


def test_words_are_the_consoles():
    assert len(GUIDES) > 1
    problems(f"{path.name}: the console does not say {words}" for path in GUIDES for words in quoted(path.read_text(encoding="utf-8"))
             if not is_said(words))


def test_pictures_are_taken():
    taken = {name for path in (TOP / "tests/browser").glob("test_*.py") for name in re.findall(r'\.pictures?\("([^"]+)"\)', path.read_text(encoding="utf-8"))}
    named = {(path.name, name) for path in GUIDES for line in path.read_text(encoding="utf-8").splitlines() if "图：" in line
             for name in re.findall(r"`([a-z-]+)`", line.split("图：", 1)[1])}
    assert len(named) > 6
    problems(f"{page}: no test takes the picture {name}" for page, name in sorted(named) if name not in taken)


def test_commands_are_there():
    completion = (TOP / "config/outreachctl.bash-completion").read_text(encoding="utf-8")
    known = {name.strip(): options for name, options in re.findall(r"^ +'([a-z]+ [a-z]*)'\) options='([^']*)'", completion, re.M)}
    found = []
    for path in [*GUIDES, TOP / "README.md", TOP / "README.zh-CN.md", TOP / "docs/operations.md"]:
        for command, rest in re.findall(r"outreachctl ([a-z]+(?: [a-z]+)?)([^\n`|]*)", "\n".join(re.findall(r"^```sh\n(.*?)^```", path.read_text(encoding="utf-8"), re.M | re.S))):
            name = command if command in known else command.split(" ")[0]
            if name not in known:
                found.append(f"{path.name}: there is no command {command}")
                continue
            allowed = set(known[name].split()) | {"--json", "--config", "--actor", "--help", "--version"}
            found += [f"{path.name}: {name} has no {option}" for option in re.findall(r"(?<!\S)--[a-z-]+", rest.split("#")[0]) if option not in allowed]
    problems(found)


def test_a_wrong_word_is_seen():
    assert not is_said("发射") and is_said("暂停")
