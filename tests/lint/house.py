"""What the lint tests share: the table of rooms, the sources, and C without its comments."""

import re
from pathlib import Path
from typing import NamedTuple

TOP = Path(__file__).resolve().parents[2]
DAEMON = TOP / "daemon"


class Room(NamedTuple):
    name: str
    sees: frozenset  # itself included
    packages: frozenset
    program: str


def read_rooms(text):
    """The rows of daemon/ROOMS, by name."""
    rooms = {}
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        cells = line.split()
        assert len(cells) == 4, f"daemon/ROOMS: a row has four columns: {line!r}"
        name, sees, packages, program = cells
        assert name not in rooms, f"daemon/ROOMS: {name} stands twice"
        listed = frozenset(() if packages == "-" else packages.split(","))
        seen = frozenset(() if sees == "-" else sees.split(","))
        rooms[name] = Room(name, seen | {name}, listed, program)
    return rooms


def rooms():
    return read_rooms((DAEMON / "ROOMS").read_text(encoding="utf-8"))


def sources(*patterns, under="daemon"):
    """Files of the tree, sorted; patterns as for glob."""
    return sorted(p for pattern in patterns for p in (TOP / under).rglob(pattern) if p.is_file())


def short(path):
    return path.relative_to(TOP).as_posix()


_TOKEN = re.compile(
    r"""//(?:[^\\\n]|\\.|\\\n)*        # a line comment
      | /\*.*?\*/                      # a block comment
      | "(?:\\.|[^"\\\n])*"            # a string
      | '(?:\\.|[^'\\\n])*'            # a character
    """,
    re.S | re.X,
)


def without_comments(text, strings=True):
    """C with comments blanked, and strings too unless `strings`; line numbers stay."""

    def blank(match):
        token = match.group()
        if token[0] == "/":
            return " " + "\n" * token.count("\n")
        return token if strings else token[0] * 2

    return _TOKEN.sub(blank, text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def problems(found):
    """Fails with every problem, one a line."""
    found = list(found)
    assert not found, "\n" + "\n".join(found)


class Route(NamedTuple):
    method: str
    path: str
    roles: tuple  # words of those it is for, in their order; () is the control socket only
    area: str  # any, nation, list, read, campaign, campaign-body, pledge
    is_open: bool
    asks_password: bool
    query: tuple  # names of its query parameters
    doc: str


ROLES = ("township", "approver", "finance", "viewer", "operator", "admin", "auditor")


def routes():
    """The rows of daemon/api/routes.c, in order."""
    text = (DAEMON / "api" / "routes.c").read_text(encoding="utf-8")
    names = {"NOBODY": (), "ALL": ROLES, **{role.upper(): (role,) for role in ROLES}}
    for name, value in re.findall(r"^#define (\w+) \(((?:[A-Z]+ \| )+[A-Z]+)\)$", text, re.M):
        names[name] = tuple(role for word in value.split(" | ") for role in names[word])
    table = text[text.index("routes_rows[] = {"):]
    table = table[:table.index("\n};")]
    row = re.compile(r'\{"([A-Z]+)", "([^"]+)",\s*handle_\w+,\s*([A-Z| ]+),\s*ROUTE_AREA_([A-Z_]+),\s*([A-Z_| 0]+),\s*"([a-z ]*)",\s*"((?:[^"\\]|\\.)*)"\}')
    found = []
    for method, path, roles, area, flags, query, doc in row.findall(table):
        may = {role for word in roles.split(" | ") for role in names[word.strip()]}
        found.append(Route(method, path, tuple(role for role in ROLES if role in may), area.lower().replace("_", "-"), "ROUTE_OPEN" in flags,
                           "ROUTE_CONFIRM" in flags, tuple(query.split()), doc))
    assert len(found) == table.count('{"'), "a row of the route table is not understood"
    return found
