"""docs/logs.md names every event that the programs log, with its level and its fields, and none that they do not."""
import re
from typing import NamedTuple

from house import TOP, line_of, problems, short, sources, without_comments

LEVELS = {"LOG_ERROR": "error", "LOG_WARN": "warn", "LOG_INFO": "info", "LOG_DEBUG": "debug"}
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')


class Event(NamedTuple):
    subject: str  # "" where the call names it by a variable: then it is a carrier or a campaign
    word: str
    levels: frozenset
    fields: frozenset
    is_open: bool  # the line ends in a %s that brings fields of its own
    where: str


def arguments(text, opening):
    """What stands between the bracket at `opening` and its partner, split at the commas of that depth."""
    found, depth, begin, at = [], 0, opening + 1, opening
    while True:
        string = STRING.match(text, at)
        if string:
            at = string.end()
            continue
        if text[at] in "([{":
            depth += 1
        elif text[at] in ")]}":
            depth -= 1
        if (text[at] == "," and depth == 1) or depth == 0:
            found.append(" ".join(text[begin:at].split()))
            begin = at + 1
        if depth == 0:
            return found
        at += 1


def calls(text, name):
    """(offset, arguments) of each call of a function, definitions and prototypes left out."""
    for match in re.finditer(rf"\b{name}\s*\(", text):
        line = text[text.rfind("\n", 0, match.start()) + 1:match.start()]
        if not re.match(r"\s*(static |void |enum |const )", line):
            yield match.start(), arguments(text, match.end() - 1)


def enclosing(text, offset):
    """Name and text of the function around an offset: a definition begins in the first column."""
    heads = [m for m in re.finditer(r"^(?:\w[\w \*]*?)\b(\w+)\(", text, re.M) if m.start() < offset]
    return heads[-1].group(1), text[heads[-1].start():offset]


def levels(expression, before):
    named = re.findall(r"LOG_[A-Z]+", expression)
    if not named and re.fullmatch(r"\w+", expression):
        named = re.findall(r"LOG_[A-Z]+", " ".join(re.findall(rf"\b{expression}\s*=([^;]*);", before)))
    return frozenset(LEVELS[name] for name in named)


def words_of(call_args, position):
    """The words that an argument may be, when it is nothing but words in quotes: one, or `condition ? "one" : "other"`."""
    rest = STRING.sub("", re.sub(r"^[^?\"]*\?", "", call_args[position]))
    return STRING.findall(call_args[position]) if re.fullmatch(r"[\s:]*", rest) else []


def events_of(path):
    text = without_comments(path.read_text(encoding="utf-8"))
    for offset, args in calls(text, "log_line"):
        where = f"{short(path)}:{line_of(text, offset)}"
        form = "".join(STRING.findall(args[2]))
        literal = STRING.fullmatch(args[1])
        subject = literal.group(1) if literal else ""
        function, before = enclosing(text, offset)
        fields = frozenset(re.findall(r"\b([a-z_]+)=", form)) - {"event"}
        is_open = form.endswith(" %s")
        word = re.match(r"event=([a-z_]+|%s)(?= |$)", form)
        assert word, f"{where}: a line of the log begins with event=WORD"
        if word.group(1) != "%s":
            found = levels(args[0], before)
            assert found, f"{where}: its level cannot be read"
            yield Event(subject, word.group(1), found, fields, is_open, where)
            continue
        named = words_of(args, 3)
        if named:
            at_levels = re.findall(r"LOG_[A-Z]+", args[0])  # one of two words at one of two levels: in the same order
            for i, each in enumerate(named):
                own = at_levels[i] if len(at_levels) == len(named) else args[0]
                yield Event(subject, each, levels(own, before), fields, is_open, where)
            continue
        # The word is the caller's: so is the level.
        by_callers = list(calls(text, function))
        assert by_callers, f"{where}: nobody calls {function} in this file"
        for at, given in by_callers:
            each = [STRING.fullmatch(arg).group(1) for arg in given if re.fullmatch(r'"[a-z_]+"', arg)][0]
            yield Event(subject, each, levels(" ".join(given), ""), fields, is_open, f"{short(path)}:{line_of(text, at)}")


def events():
    return [event for path in sources("*.c") if path.name != "log.c" for event in events_of(path)]


def documented():
    """{(subject, event): (levels, fields)} of the tables of docs/logs.md."""
    found, subject = {}, None
    for line in (TOP / "docs/logs.md").read_text(encoding="utf-8").splitlines():
        heading = re.match(r"^#+ (?:`([^`]+)`)?", line)
        if heading:
            subject = heading.group(1)
        row = re.match(r"^\| `([a-z_]+)` \| ([^|]+) \| ([^|]*)\| ([^|]+) \| ([^|]+) \|$", line)
        if row and subject:
            assert (subject, row.group(1)) not in found, f"docs/logs.md: {row.group(1)} stands twice"
            found[subject, row.group(1)] = (frozenset(row.group(2).split(", ")), frozenset(re.findall(r"`([a-z_]+)`", row.group(3))))
    return found


def test_the_tables_are_the_code():
    page, rows, wrong = documented(), {}, []
    for event in events():
        subject = event.subject
        if not subject:
            where = [name for name in ("carrier/NAME", "campaign/ID") if (name, event.word) in page]
            subject = where[0] if where else "carrier/NAME"
        if (subject, event.word) not in page:
            wrong.append(f"{event.where}: docs/logs.md does not list {event.word} under `{subject}`")
            continue
        rows.setdefault((subject, event.word), []).append(event)
    for (subject, word), (said_levels, said_fields) in page.items():
        having = rows.get((subject, word), [])
        if not having:
            wrong.append(f"docs/logs.md lists {word} under `{subject}`, which nothing logs")
            continue
        have_levels = frozenset().union(*(event.levels for event in having))
        have_fields = frozenset().union(*(event.fields for event in having))
        if have_levels != said_levels:
            wrong.append(f"docs/logs.md: {word} under `{subject}` is {', '.join(sorted(have_levels))}")
        if not have_fields <= said_fields or (have_fields != said_fields and not any(event.is_open for event in having)):
            wrong.append(f"docs/logs.md: {word} under `{subject}` has the fields {', '.join(sorted(have_fields))}")
    assert len(rows) > 60
    problems(wrong)


if __name__ == "__main__":
    for one in sorted(events()):
        print(one.subject or "?", one.word, ",".join(sorted(one.levels)), ",".join(sorted(one.fields)), one.where)
