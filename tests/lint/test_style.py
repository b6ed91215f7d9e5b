"""How sources look, and that what must have a test has one."""

import os
import re
import shutil
import subprocess

import pytest

from house import DAEMON, TOP, problems, short, sources

FORMATTER = "clang-format-14"
HEADER_COLUMNS = 130
FUNCTION_LINES = 120
# Rooms whose modules do no I/O: each has a unit test of its own.
PURE_ROOMS = ("base", "sms", "conf", "campaign", "carrier")
TEXT_NAMES = ("*.c", "*.h", "*.lua", "*.py", "*.ini", "*.md", "*.service", "*.txt", "*.html", "*.css", "*.js")
FOLDERS = ("daemon", "config", "scripts", "systemd", "tests", "docs")


def text_files():
    for folder in FOLDERS:
        for path in sources(*TEXT_NAMES, under=folder):
            # Data and seeds are bytes on purpose; caches are not ours.
            if not {"data", "seeds", "__pycache__", "node_modules"} & set(path.parts[len(TOP.parts):]):
                yield path


def bad_lines(text, width=None, tabs=False):
    for number, line in enumerate(text.split("\n"), 1):
        if "\t" in line and not tabs:
            yield number, "a tab"
        if line.endswith("\r"):
            yield number, "a carriage return"
        elif line != line.rstrip(" \t"):
            yield number, "blanks at the end"
        if width is not None and len(line) > width:
            yield number, f"{len(line)} columns, at most {width}"
    if text and not text.endswith("\n"):
        yield text.count("\n") + 1, "no line end at the end of the file"


def test_lines_are_clean():
    found = []
    for path in text_files():
        try:
            text = path.read_bytes().decode("utf-8")
        except UnicodeDecodeError as error:
            found.append(f"{short(path)}: not UTF-8: {error}")
            continue
        width = HEADER_COLUMNS if path.suffix == ".h" else None
        found += [f"{short(path)}:{line}: {reason}" for line, reason in bad_lines(text, width)]
    problems(found)


def long_functions(text, limit):
    """Function bodies as clang-format leaves them: a line that is just { to a line that is just }."""
    start = None
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start is not None:
            if number - start - 1 > limit:
                yield start, f"a function of {number - start - 1} lines, at most {limit}: {lines[start - 2].strip()}"
            start = None


def test_functions_are_short():
    problems(
        f"{short(path)}:{line}: {reason}"
        for path in [*sources("*.c", "*.h"), *sources("*.c", under="tests")]
        for line, reason in long_functions(path.read_text(encoding="utf-8"), FUNCTION_LINES)
    )


def formatter():
    if shutil.which(FORMATTER) is None:
        assert os.environ.get("CI") != "true", f"{FORMATTER} is missing (scripts/packages)"
        pytest.skip(f"{FORMATTER} is missing: install the packages of scripts/packages")
    return FORMATTER


def format_complaints(files, *options):
    run = subprocess.run([formatter(), "--dry-run", "--Werror", *options, *map(str, files)],
                         capture_output=True, text=True, cwd=TOP)
    return run.stderr if run.returncode else ""


def test_c_files_are_as_clang_format_leaves_them():
    files = [*sources("*.c"), *sources("*.c", under="tests")]
    assert files
    said = format_complaints(files)
    named = sorted({m.group(1) for m in re.finditer(r"^(\S+?\.c):\d+:\d+: error", said, re.M)})
    problems(f"{os.path.relpath(name, TOP)}: run {FORMATTER} -i on it" for name in named)
    assert not said, said


def unit_tests_of(module):
    """test_<module>, or the test of the module it is a part of: settings_rows belongs to settings."""
    words = module.split("_")
    return ["test_" + "_".join(words[:n]) + ".c" for n in range(len(words), 0, -1)]


def test_pure_modules_have_unit_tests():
    problems(
        f"{short(path)}: no tests/unit/{room}/test_{path.stem}.c"
        for room in PURE_ROOMS
        for path in sources(f"{room}/*.c")
        if not any((TOP / "tests/unit" / room / name).is_file() for name in unit_tests_of(path.stem))
    )


def test_unit_tests_stand_under_a_room():
    problems(
        f"{short(path)}: daemon/{path.parent.name} is no room"
        for path in sources("test_*.c", under="tests/unit")
        if not (DAEMON / path.parent.name).is_dir()
    )


def test_fuzz_targets_have_seeds():
    problems(
        f"{short(path)}: no seeds in tests/fuzz/seeds/{path.stem.removeprefix('fuzz_')}"
        for path in sources("fuzz_*.c", under="tests/fuzz")
        if not any((TOP / "tests/fuzz/seeds" / path.stem.removeprefix("fuzz_")).glob("*"))
    )


def test_nothing_is_left_for_later():
    mark = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX)\b")
    problems(
        f"{short(path)}:{number}: {line.strip()}"
        for path in sources("*.c", "*.h", "*.lua")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if mark.search(line)
    )


def test_packages_stand_in_one_place():
    """scripts/packages is the list; whoever repeats a part of it will forget to keep it up."""
    repeats = re.compile(r"apt(-get)?\s+(-\S+\s+)*install\b[^\n]*\blib\w[\w.+-]*-dev\b")
    files = [p for folder in ("scripts", "docs", ".ci") for p in (TOP / folder).glob("*") if p.is_file()]
    files += [p for p in TOP.glob("README*")]
    problems(
        f"{short(p)}: installs packages by name; read scripts/packages"
        for p in files
        if repeats.search(p.read_text(encoding="utf-8", errors="replace"))
    )


# --- that each rule catches what it is for ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "caught"),
    [
        ("", 0),
        ("a\n", 0),
        ("a", 1),
        ("a \n", 1),
        ("a\tb\n", 1),
        ("a\r\n", 1),
        ("x" * 130 + "\n", 0),
        ("x" * 131 + "\n", 1),
        ("高" * 130 + "\n", 0),
    ],
)
def test_rule_lines(text, caught):
    assert len(list(bad_lines(text, 130))) == caught


def test_rule_functions():
    body = "    x();\n" * 5
    text = f"int f(void)\n{{\n{body}}}\n\nstruct s {{\n{body}}};\n\nint g(void)\n{{\n{body}{body}}}\n"
    assert [line for line, _ in long_functions(text, 5)] == [19]
    assert [line for line, _ in long_functions(text, 4)] == [2, 19]
    assert not list(long_functions(text, 10))


def test_rule_unit_tests():
    assert unit_tests_of("mobile") == ["test_mobile.c"]
    assert unit_tests_of("settings_rows") == ["test_settings_rows.c", "test_settings.c"]


def test_rule_format(tmp_path):
    (tmp_path / "bad.c").write_text("int f(void) { return  1; }\n")
    (tmp_path / "good.c").write_text("int f(void)\n{\n    return 1;\n}\n")
    style = f"--style=file:{TOP / '.clang-format'}"
    assert format_complaints([tmp_path / "bad.c"], style)
    assert not format_complaints([tmp_path / "good.c"], style)
