"""Every header compiles alone, so that an include never depends on the one above it."""

import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

import house
from house import DAEMON, problems, short, sources, without_comments

# As in CMakeLists.txt; -Werror because a header that warns makes every room warn.
FLAGS = ["-std=c11", "-D_GNU_SOURCE", "-fsyntax-only", "-Wall", "-Wextra", "-Wshadow", "-Wformat=2",
         "-Wstrict-prototypes", "-Wvla", "-Werror", f"-I{DAEMON}"]


def pkg_config_flags():
    packages = {p for room in house.rooms().values() for p in room.packages} - {"csv"}
    run = subprocess.run(["pkg-config", "--cflags", *sorted(packages)], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout.split()


def compile_alone(name, flags, extra=""):
    """What the compiler says to a file that includes `name` and nothing else; twice, for #pragma once."""
    source = f'#include "{name}"\n#include "{name}"\n{extra}'
    run = subprocess.run(["gcc", *FLAGS, *flags, "-x", "c", "-"], input=source, capture_output=True, text=True)
    return run.stderr if run.returncode else ""


def need_gcc():
    if shutil.which("gcc") is None:
        assert os.environ.get("CI") != "true", "gcc is missing (scripts/packages)"
        pytest.skip("gcc is missing: install the packages of scripts/packages")


def test_headers_compile_alone():
    need_gcc()
    flags = pkg_config_flags()
    headers = sources("*.h")
    assert headers
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        said = pool.map(lambda p: compile_alone(p.relative_to(DAEMON).as_posix(), flags), headers)
        problems(f"{short(path)} does not compile alone:\n{text}" for path, text in zip(headers, said) if text)


def first_directive(text):
    match = re.search(r"^\s*(\S[^\n]*)", without_comments(text), re.M)
    return match.group(1).strip() if match else ""


def test_headers_are_read_once():
    problems(
        f"{short(path)}: the first line of code is #pragma once"
        for path in sources("*.h")
        if first_directive(path.read_text(encoding="utf-8")) != "#pragma once"
    )


def test_headers_open_with_their_manual():
    problems(
        f"{short(path)}: begins with a comment that says what it is for"
        for path in sources("*.h")
        if not path.read_text(encoding="utf-8").startswith("/*")
    )


# --- that each rule catches what it is for ---------------------------------------------------------------------------


def test_rule_compile_alone(tmp_path):
    need_gcc()
    (tmp_path / "bad.h").write_text("#pragma once\nvoid f(size_t n);\n")
    (tmp_path / "good.h").write_text("#pragma once\n#include <stddef.h>\nvoid f(size_t n);\n")
    assert "size_t" in compile_alone("bad.h", [f"-I{tmp_path}"])
    assert compile_alone("good.h", [f"-I{tmp_path}"]) == ""


def test_rule_first_directive():
    assert first_directive("/* #if 0\n */\n// x\n#pragma once\nint x;") == "#pragma once"
    assert first_directive("#ifndef X\n#pragma once") == "#ifndef X"
