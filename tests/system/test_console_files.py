"""The console's files on the listening port: what is served, what is not, and with which headers."""
import contextlib
import http.client
import re

import pytest

from harness import PATIENCE, TOP, World

CONSOLE = TOP / "daemon" / "console"
POLICY = {"default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "img-src": "'self' data:", "connect-src": "'self'",
          "font-src": "'self'", "frame-ancestors": "'none'", "base-uri": "'none'", "form-action": "'self'"}


@pytest.fixture(scope="module")
def console():
    world = World()
    yield world
    world.close()


def fetch(world, path, method="GET", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", world.daemons["a"].port, timeout=PATIENCE)
    with contextlib.closing(connection):
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer, answer.read()


def test_every_file_of_the_folder_is_served_as_it_is(console):
    types = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
             ".json": "application/json", ".svg": "image/svg+xml"}
    files = [path for path in CONSOLE.rglob("*") if path.is_file()]
    assert files
    for path in files:
        answer, body = fetch(console, "/console/" + path.relative_to(CONSOLE).as_posix())
        assert answer.status == 200, path
        assert answer.headers["Content-Type"] == types[path.suffix], path
        assert body == path.read_bytes(), path


def test_the_front_door_and_the_libraries(console):
    for path in ("/", "/console"):
        answer, _ = fetch(console, path)
        assert (answer.status, answer.headers["Location"]) == (302, "/console/")
    assert fetch(console, "/console/")[1] == (CONSOLE / "index.html").read_bytes()
    assert b"Bootstrap" in fetch(console, "/console/lib/bootstrap5/bootstrap.min.css")[1]
    assert b"Chart.js" in fetch(console, "/console/lib/chart.js/chart.min.js")[1]


def test_headers_of_a_page(console):
    answer, _ = fetch(console, "/console/")
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
    assert policy == POLICY
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer.headers["Cache-Control"] == "no-cache"


def test_a_file_that_is_known_costs_no_bytes(console):
    answer, body = fetch(console, "/console/app.js")
    again, nothing = fetch(console, "/console/app.js", **{"If-None-Match": answer.headers["ETag"]})
    assert (again.status, nothing) == (304, b"")
    assert again.headers["ETag"] == answer.headers["ETag"]
    other, whole = fetch(console, "/console/app.js", **{"If-None-Match": '"another"'})
    assert (other.status, whole) == (200, body)


@pytest.mark.parametrize("path", ["/console/../ROOMS", "/console/%2e%2e/ROOMS", "/console/..%2fROOMS", "/console//app.js",
                                  "/console/lib/", "/console/lib/bootstrap5/../../../../../etc/passwd", "/console/app.js%00.html",
                                  "/console/nothing.js", "/consolex"])
def test_nothing_outside_the_list_is_served(console, path):
    answer, body = fetch(console, path)
    assert answer.status in (400, 404)
    assert b"root:" not in body and b"room" not in body


def test_only_get(console):
    assert fetch(console, "/console/", "POST")[0].status == 405


def test_no_file_asks_for_another_host_or_works_inline():
    for path in (p for p in CONSOLE.rglob("*") if p.suffix in (".html", ".js", ".css")):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", text), path
        assert not re.search(r"\b(?:innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\()", text), path
        if path.suffix == ".html":
            assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon\w+=", text), path


def test_a_daemon_without_a_console_says_so():
    world = World(daemon={"console_dir": None}, start=False)
    try:
        world.start_redis()
        world.sim.start()
        world.start_daemon()
        answer, body = fetch(world, "/console/")
        assert (answer.status, body) == (404, b"the console is not installed\n")
    finally:
        world.close()
