"""The walls of the house: who includes whom, which libraries, who reads clocks, who does I/O.

Each rule is a function of (room, text), so that it can be shown to catch what it is for.
"""

import re

import pytest

import house
from house import DAEMON, line_of, problems, short, sources, without_comments

ROOMS = house.rooms()

# Which package a header belongs to, by how its name begins; the first that fits.
PACKAGES = [
    ("curl/", "libcurl"),
    ("event2/http", "libevent_extra"),
    ("event2/keyvalq", "libevent_extra"),
    ("event2/dns", "libevent_extra"),
    ("event2/rpc", "libevent_extra"),
    ("event2/tag", "libevent_extra"),
    ("event2/", "libevent_core"),
    ("hiredis/", "hiredis"),
    ("ini.h", "inih"),
    ("jansson.h", "jansson"),
    ("csv.h", "csv"),
    ("utf8proc.h", "libutf8proc"),
    ("openssl/", "libcrypto"),
    ("sodium", "libsodium"),
    ("systemd/", "libsystemd"),
]
# ISO C, POSIX and Linux: no package needed.
PLAIN = re.compile(
    r"(assert|complex|ctype|dirent|dlfcn|endian|errno|fcntl|fenv|float|fnmatch|ftw|getopt|glob|grp"
    r"|iconv|inttypes|langinfo|libgen|limits|locale|malloc|math|netdb|poll|pthread|pwd|regex|sched"
    r"|semaphore|setjmp|signal|spawn|stdalign|stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdlib"
    r"|stdnoreturn|string|strings|syslog|termios|tgmath|time|uchar|unistd|wchar|wctype)\.h"
    r"|(sys|netinet|net|arpa|linux)/[\w/]+\.h"
)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(<[^>\n]+>|"[^"\n]+"|\S+)', re.M)


def includes(text):
    code = without_comments(text)
    for match in INCLUDE.finditer(code):
        yield line_of(code, match.start(1)), match.group(1)


def package_of(header):
    for begin, package in PACKAGES:
        if header.startswith(begin):
            return package
    return None


def bad_includes(room, text):
    for line, target in includes(text):
        name = target[1:-1]
        if target[0] == '"':
            other = name.partition("/")[0]
            if "/" not in name:
                yield line, f'"{name}": write the room too, "{room.name}/{name}"'
            elif other not in ROOMS:
                yield line, f'"{name}": {other} is no room'
            elif other not in room.sees:
                yield line, f'"{name}": {room.name} may not see {other} (daemon/ROOMS)'
        elif target[0] == "<":
            package = package_of(name)
            if package is None and not PLAIN.fullmatch(name):
                yield line, f"<{name}>: neither libc nor a header of a known package"
            elif package is not None and package not in room.packages:
                yield line, f"<{name}>: {room.name} does not list {package} (daemon/ROOMS)"
        elif target != "OUTREACH_LUA_FILE":
            yield line, f"{target}: an include is written out"


CLOCKS = re.compile(
    r"\b(clock_gettime|clock|gettimeofday|evutil_gettimeofday|event_base_gettimeofday_cached"
    r"|time|ftime|timespec_get|localtime|localtime_r|mktime|tzset)\s*\("
)
CLOCK_COMMAND = re.compile(r"""["']TIME["']""", re.I)
# The one place where the function library asks Redis, for leases and silences.
REDIS_CLOCK = "local function redis_now()\n    local now = call('TIME')\n"


def clock_reads(_room, text):
    code = without_comments(text, strings=False)
    for match in CLOCKS.finditer(code):
        yield line_of(code, match.start()), f"{match.group(1)}(): only base/clock.c reads clocks"


def clock_commands(_room, text):
    text = text.replace(REDIS_CLOCK, "\n\n", 1)
    for match in CLOCK_COMMAND.finditer(text):
        yield line_of(text, match.start()), f"{match.group()}: time comes in as an argument"


IO_HEADERS = re.compile(
    r"(curl/|event2/|hiredis/|sys/socket|sys/un|netinet/|arpa/|netdb|fcntl|unistd|poll|sys/uio|sys/select)"
)
IO_CALLS = re.compile(
    r"\b(socket|connect|bind|listen|accept|send|sendto|sendmsg|recv|recvfrom|recvmsg|read|write|open|openat"
    r"|fopen|fdopen|popen|system|getaddrinfo|http_client_\w+|http_server_\w+|conf_\w*load\w*|ini_\w+)\s*\("
)


def driver_io(_room, text):
    for line, target in includes(text):
        if target[0] == "<" and IO_HEADERS.match(target[1:-1]):
            yield line, f"{target}: a driver builds bytes and reads bytes, and does no I/O"
    code = without_comments(text, strings=False)
    for match in IO_CALLS.finditer(code):
        yield line_of(code, match.start()), f"{match.group(1)}(): a driver does no I/O"


BLOCKING = re.compile(r"\b(sleep|usleep|nanosleep|clock_nanosleep|system|popen|gethostbyname)\s*\(")


def blocking_calls(_room, text):
    code = without_comments(text, strings=False)
    for match in BLOCKING.finditer(code):
        yield line_of(code, match.start()), f"{match.group(1)}(): nothing blocks on the loop"


def check(rule, files):
    problems(
        f"{short(path)}:{line}: {reason}"
        for path in files
        for line, reason in rule(ROOMS[path.relative_to(DAEMON).parts[0]], path.read_text(encoding="utf-8"))
    )


def c_files(but=()):
    listed = [p for p in sources("*.c", "*.h") if p.relative_to(DAEMON).parts[0] in ROOMS]
    assert listed, "no sources found: this test looks at the wrong place"
    return [p for p in listed if p.relative_to(DAEMON).as_posix() not in but]


def test_folders_and_table_agree():
    folders = {p.name for p in DAEMON.iterdir() if p.is_dir()}
    no_c = {name for name in folders if not any(p.suffix in (".c", ".h") for p in (DAEMON / name).rglob("*"))}
    # The console is a room of files for the browser and has no row; any other folder stands in the table.
    assert folders - set(ROOMS) <= {"console"} & no_c, "a folder under daemon/ that daemon/ROOMS does not know"
    assert set(ROOMS) <= folders, "daemon/ROOMS has a row for a folder that is not there"


def test_rows_look_down_only():
    above = set(ROOMS)
    for room in ROOMS.values():  # in order, bottom up
        above.discard(room.name)
        assert not room.sees & above, f"{room.name} may include a room above it"
        assert room.sees <= set(ROOMS), f"{room.name} may include a room that is none"


def test_rooms_have_no_rooms():
    problems(
        f"{short(p)}: a source stands in its room, not deeper"
        for p in sources("*.c", "*.h")
        if len(p.relative_to(DAEMON).parts) != 2
    )


def test_includes_cross_no_wall():
    check(bad_includes, c_files())


def test_included_headers_are_there():
    problems(
        f"{short(path)}:{line}: {target} is not there"
        for path in c_files()
        for line, target in includes(path.read_text(encoding="utf-8"))
        if target[0] == '"' and not (DAEMON / target[1:-1]).is_file()
    )


def test_only_base_clock_reads_clocks():
    check(clock_reads, c_files(but=("base/clock.c",)))
    lua = sources("*.lua")
    # Redis has a clock too. Only who speaks to Redis could ask it; elsewhere "TIME" is a column's title.
    speakers = [p for p in c_files() if "hiredis" in ROOMS[p.parent.name].packages]
    check(clock_commands, [*speakers, *(p for p in lua if p.relative_to(DAEMON).parts[0] in ROOMS)])


def test_drivers_do_no_io():
    # codes.c reads its table, through conf and by no other way; that it opens nothing itself is checked too.
    drivers = [p for p in c_files() if p.parent.name == "carrier" and p.suffix == ".c"]
    check(driver_io, [p for p in drivers if p.name != "codes.c"])
    check(
        lambda room, text: (x for x in driver_io(room, text) if "ini_" not in x[1] and "conf_" not in x[1]),
        [p for p in drivers if p.name == "codes.c"],
    )


def test_nothing_blocks_on_the_loop():
    check(blocking_calls, [p for p in c_files() if p.parent.name != "ctl"])


# --- that each rule catches what it is for ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("room", "source", "caught"),
    [
        ("base", '#include "base/buf.h"', 0),
        ("base", '#include "sms/text.h"', 1),
        ("sms", '#include "base/buf.h"\n#  include "store/queue.h"', 1),
        ("sms", '#include "text.h"', 1),
        ("sms", '#include "nowhere/text.h"', 1),
        ("sms", '// #include "store/queue.h"\n/*\n#include "store/queue.h"\n*/', 0),
        ("sms", "#include <string.h>\n#include <sys/stat.h>\n#include <utf8proc.h>", 0),
        ("sms", "#include <jansson.h>", 1),
        ("sms", "#include <glib.h>", 1),
        ("sms", "#include <event2/event.h>", 1),
        ("base", "#include <event2/event.h>\n#include <openssl/evp.h>", 0),
        ("base", "#include <event2/http.h>", 1),
        ("net", "#include <event2/http.h>\n#include <curl/curl.h>", 0),
        ("store", "#include <hiredis/async.h>", 0),
        ("net", "#include <hiredis/async.h>", 1),
        ("sms", "#include SOME_FILE", 1),
    ],
)
def test_rule_includes(room, source, caught):
    assert len(list(bad_includes(ROOMS[room], source))) == caught


@pytest.mark.parametrize(
    ("source", "caught"),
    [
        ("x = clock_gettime(CLOCK_MONOTONIC, &t);", 1),
        ("x = time(NULL);\ny = time (0);", 2),
        ("on_time(x); run_time(y); clock_wall_ms();", 0),
        ('/* time(NULL) */ log("time(NULL)"); // gettimeofday(', 0),
        ("char c = '\"'; gettimeofday(&t, NULL); c = '\"';", 1),
    ],
)
def test_rule_clocks(source, caught):
    assert len(list(clock_reads(None, source))) == caught


def test_rule_clock_command():
    assert len(list(clock_commands(None, "redis.call('TIME')"))) == 1
    assert len(list(clock_commands(None, "redis.call('HGET', 'timeout')"))) == 0
    assert len(list(clock_commands(None, f"{REDIS_CLOCK}\ncall('TIME')"))) == 1


@pytest.mark.parametrize(
    ("source", "caught"),
    [
        ("#include <sys/socket.h>\nint f = socket(1, 2, 3);", 2),
        ('FILE *f = fopen("x", "r");', 1),
        ("http_client_send(client, &request);", 1),
        ("buf_add(out, x, n); driver->read(x); already_read(y);", 1),
        ("struct http_request request = {0};", 0),
    ],
)
def test_rule_driver_io(source, caught):
    assert len(list(driver_io(None, source))) == caught


def test_rule_blocking():
    assert [line for line, _ in blocking_calls(None, "/* sleep(1) */\nusleep(5);\nrc = system(x);")] == [2, 3]


def test_table_reader_refuses():
    with pytest.raises(AssertionError):
        house.read_rooms("base - -\n")
    with pytest.raises(AssertionError):
        house.read_rooms("base - - -\nbase - - -\n")


def rooms_of_page(text):
    table = text.partition("\n## Rooms\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| `(\w+)` \|", table, re.M)


def test_the_architecture_page_names_every_room_once():
    page = (DAEMON.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert sorted(rooms_of_page(page)) == sorted(ROOMS)


def test_a_room_without_a_row_is_noticed():
    assert rooms_of_page("\n## Rooms\n\n| room | what |\n|---|---|\n| `base` | errors |\n| `base` | again |\n\n## Next\n| `sms` | |") == ["base", "base"]
