"""HEAD is GET without its body, on every route; another method is told which there are."""
import contextlib
import http.client

import yaml
from harness import PATIENCE, TOP

PATHS = yaml.safe_load((TOP / "docs" / "openapi.yaml").read_text(encoding="utf-8"))["paths"]
STILL = ("/console/", "/console/app.js", "/healthz", "/readyz", "/nowhere", "/api/v1/drafts/{id}", "/api/v1/areas", "/api/v1/nowhere")  # twice the same


def ask(connection, method, path, **headers):
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    return answer, answer.read()


def test_head_is_get_without_a_body(world):
    world.campaign("sent", rows=3)
    world.launch("sent")
    world.wait_done("sent")
    world.campaign("draft", rows=3)
    number = world.ctl("pledge", "add", "--region", "513327205", "--amount", "10")["pledge"]
    browser = world.login("all", "township approver finance viewer operator admin auditor")
    queries = {"/api/v1/campaigns/{id}/resend": "?only=rejected", "/api/v1/ledger/publish": "?region=51&from=2026-01-01&to=2026-12-31",
               "/api/v1/drafts/{id}/preview": "?at=0"}
    paths = ["/", "/console/", "/console/app.js", "/console/nowhere", "/healthz", "/readyz", "/metrics", "/nowhere", "/api/v1/nowhere",
             *(path for path, item in PATHS.items() if "get" in item and not path.startswith(("/public", "/metrics")))]
    connection = http.client.HTTPConnection("127.0.0.1", browser.port, timeout=PATIENCE)
    with contextlib.closing(connection):
        for path in paths:
            real = path.format(id="draft" if "/drafts/" in path else "sent", number=number, region="513327205", name="mas") + queries.get(path, "")
            head, nothing = ask(connection, "HEAD", real, Cookie=browser.cookie)  # one connection: a body that came would be the next answer's head
            assert nothing == b"", path
            if path == "/api/v1/events":
                assert head.status == 200
                continue
            get, body = ask(connection, "GET", real, Cookie=browser.cookie)
            assert head.status == get.status and head.getheader("Content-Type") == get.getheader("Content-Type"), path
            if path in STILL:
                assert head.getheader("Content-Length") == str(len(body)), path
    assert len(paths) > 30


def test_another_method_is_told_which_there_are(world):
    browser = world.login("root", "admin")
    connection = http.client.HTTPConnection("127.0.0.1", browser.port, timeout=PATIENCE)
    with contextlib.closing(connection):
        for path, allow in (("/healthz", "GET, HEAD"), ("/readyz", "GET, HEAD"), ("/console/", "GET, HEAD"), ("/api/v1/status", "GET, HEAD"),
                            ("/api/v1/campaigns/x", "GET, HEAD"), ("/api/v1/pledges/import", "GET, HEAD, POST"), ("/api/v1/campaigns/x/pause", "POST"),
                            ("/api/v1/drafts/x", "GET, HEAD, POST, DELETE"), (f"/hook/mas/{'x' * 16}/report", "POST")):
            for method in ("PUT", "PATCH", "OPTIONS", "DELETE"):
                if method in allow:
                    continue
                answer, _ = ask(connection, method, path)
                assert answer.status == 405 and sorted(answer.getheader("Allow").split(", ")) == sorted(allow.split(", ")), (method, path)
        assert ask(connection, "PATCH", "/nowhere")[0].status == 404
