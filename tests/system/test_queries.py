"""What stands behind the question mark and is not known is refused by its name: a mistyped check is no booking."""
import re
import urllib.parse

import yaml
from harness import PASSWORD, TOP, UnixConnection, ask


def test_every_route_knows_its_own_only(world):
    paths = yaml.safe_load((TOP / "docs" / "openapi.yaml").read_text(encoding="utf-8"))["paths"]
    asked = [(method.upper(), re.sub(r"\{\w+\}", "x", path)) for path, item in paths.items() for method in item if not path.startswith("/public/")]
    assert len(asked) > 80
    for method, path in asked:
        status, answer = ask(UnixConnection(world.daemons["a"].control_socket), method, path + "?typo=1", {} if method in ("POST", "PUT") else None)
        assert status == 400 and answer["error"]["field"] == "typo", (method, path, answer)


def test_a_mistyped_check_books_nothing(world):
    browser = world.login("fin", "finance")
    before = world.api("GET", "/totals")["as_of_entry"]
    for query, field in (("region=513327205&cehck=1", "cehck"), ("region=513327205&check=1&check=0", "check"), ("Region=513327205", "Region"),
                         ("region=513327205&" + "&".join(f"check{n}=1" for n in range(40)), "check0"), ("region=513327205&%ff=1", None), ("region=513327205&a%20b=1", None),
                         ("region=513327205&" + "x" * 33 + "=1", None)):
        status, answer = browser.call("POST", f"/api/v1/pledges/import?{query}", Content_Type="text/csv")
        assert status == 400 and answer["error"]["code"] == "invalid" and answer["error"]["field"] == field, (query, answer)
        assert "region" in answer["error"]["message"] or field == "check", answer
    assert world.api("GET", "/totals")["as_of_entry"] == before


def test_what_is_no_parameter_at_all(world):
    browser = world.login("wang", "viewer")
    for query in ("?", "?&", "?region=51&", "?&&region=51", "?" + urllib.parse.urlencode({"region": "51", "children": "1"})):
        assert browser.call("GET", "/api/v1/totals" + query)[0] == 200, query
    status, answer = browser.call("GET", "/api/v1/totals/messages?regoin=51")
    assert (status, answer["error"]["field"]) == (400, "regoin") and "region year" in answer["error"]["message"]
    status, answer = browser.call("GET", "/api/v1/session?x=1")
    assert (status, answer["error"]["field"]) == (400, "x") and "none" in answer["error"]["message"]
    assert browser.call("GET", "/api/v1/carriers?x=1")[1]["error"]["code"] == "role"  # what may not be asked is not explained
    assert browser.call("POST", "/api/v1/session?user=x", {"user": "wang", "password": PASSWORD})[1]["error"]["field"] == "user"
