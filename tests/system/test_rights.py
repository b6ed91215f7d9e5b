"""Every route of docs/openapi.yaml (which is the route table, tests/lint/test_openapi.py) for every role: allowed, refused, in another
area, without a login, from another page, and with a password that was given long ago."""
import http.client
import json
import re

import pytest
import yaml

from harness import PATIENCE, TOP, Browser

PAGE = yaml.safe_load((TOP / "docs" / "openapi.yaml").read_text(encoding="utf-8"))
ROLES = ("township", "approver", "finance", "viewer", "operator", "admin", "auditor")
HERE, THERE = "513327205", "513328201"
OPERATIONS = [(method.upper(), path, operation) for path, item in PAGE["paths"].items() for method, operation in item.items()
              if path.startswith("/api/")]

# Bodies that pass the reading of their members as far as the area; {region} is filled in.
BODIES = {
    "POST /api/v1/campaigns/launch": {"file": "draft-{place}", "again": True},  # without a reason: nothing is launched
    "POST /api/v1/campaigns/test": {"file": "draft-{place}"},
    "POST /api/v1/pledges": {"request": "{unique}", "region": "{region}", "amount": "1"},
    "POST /api/v1/pledges/search": {"text": "张三", "region": "{region}"},
    "POST /api/v1/drafts": {"title": "x", "region": "{region}", "carrier": "mas"},
    "POST /api/v1/ledger/pass": {"request": "{unique}", "region": "{region}", "to": "51", "amount": "1"},
    "POST /api/v1/ledger/close": {"request": "{unique}", "region": "{region}", "through": "2020-01-01"},
    "POST /api/v1/carriers/{name}/pause": {"reason": "x"},
    "POST /api/v1/areas/{region}": {"own_numbers": []},
    "POST /api/v1/areas/{region}/live": {"reason": "x"},
    "POST /api/v1/areas/{region}/trial": {"reason": "x"},
}
QUERIES = {
    "POST /api/v1/pledges/import": "?region={region}&check=1",
    "GET /api/v1/ledger/publish": "?region={region}&from=2026-01-01&to=2026-12-31",
    "PUT /api/v1/drafts/{id}/recipients": "?at=5",
}
# Tokens of nobody, and what ends the login it is asked with.
NOT_THERE = {"DELETE /api/v1/tokens/{id}"}
ENDS_THE_LOGIN = {"DELETE /api/v1/session"}
STEP = re.compile(r"/api/v1/pledges/\{number\}/\w+")


class Site:
    """Campaigns, drafts and pledges here and there; users of each role, of the area and of all."""

    def __init__(self, world):
        self.world, self.unique, self.browsers, self.pledges = world, 0, {}, {}
        for place, region, first in (("here", HERE, 15400000000), ("there", THERE, 15450000000)):
            world.campaign(f"sent-{place}", rows=3, region=region, first=first)
            world.launch(f"sent-{place}")
            self.pledges[place] = world.ctl("pledge", "add", "--region", region, "--amount", "10", "--name", "张三")["pledge"]
        for place in ("here", "there"):
            world.wait_done(f"sent-{place}")
        self.write_drafts()
        world.user("victim", "viewer")
        for role in ROLES:
            self.browsers[role, HERE] = world.login(f"{role}-here", role, HERE)
            self.browsers[role, "all"] = world.login(f"{role}-all", role)

    def write_drafts(self):
        for place, region in (("here", HERE), ("there", THERE)):
            self.world.campaign(f"draft-{place}", rows=2, region=region)

    def request(self, method, path, place):
        """The path, the body, and its content type, for what lies here or there."""
        region = HERE if place == "here" else THERE
        key = f"{method} {path}"
        self.unique += 1
        fill = {"region": region, "place": place, "unique": str(self.unique)}
        body = json.loads(json.dumps(BODIES.get(key, {"request": fill["unique"]} if STEP.fullmatch(path) else {})),
                          object_hook=lambda o: {k: v.format(**fill) if isinstance(v, str) else v for k, v in o.items()})
        query = QUERIES.get(key, "")
        if method == "GET" and not query and ("query", "region") in [(p.get("in"), p.get("name")) for p in PAGE["paths"][path]["get"].get("parameters", [])]:
            query = "?region={region}"
        ids = {"id": f"draft-{place}" if "/drafts/" in path else "0123456789ab" if "/tokens/" in path else f"sent-{place}", "name": "mas" if "/carriers/" in path else "victim",
               "number": self.pledges[place], "region": region}
        if key == "DELETE /api/v1/drafts/{id}":
            self.write_drafts()
        if key.endswith("/import"):
            return path + query.format(**fill), "姓名,金额\n张三,1\n", "text/csv"
        return path.format(**ids) + query.format(**fill), json.dumps(body), "application/json"

    def call(self, browser, method, path, place="here", **headers):
        """(status, code of the error or ""). The stream of events is left as soon as it begins."""
        where, body, kind = self.request(method, path, place)
        sent = {"Content-Type": kind, **({"Cookie": browser.cookie} if browser.cookie else {}),
                **({"X-CSRF-Token": browser.csrf} if browser.csrf and method != "GET" else {}), **headers}
        connection = http.client.HTTPConnection("127.0.0.1", browser.port, timeout=PATIENCE)
        try:
            connection.request(method, where, None if method in ("GET", "DELETE") else body.encode(), sent)
            answer = connection.getresponse()
            if answer.getheader("Content-Type", "").startswith("text/event-stream"):
                return answer.status, ""
            text = answer.read().decode()
        finally:
            connection.close()
        return answer.status, json.loads(text)["error"]["code"] if answer.status >= 400 else ""


@pytest.fixture
def site(world):
    return Site(world)


def is_for(role, operation):
    return role in operation["x-roles"]


def judge_own(operation, key, got):
    """What lies in one's own area, or everywhere for users of all: never refused, always found."""
    status, code = got
    if status in (401, 403):
        return code == "login"  # the wrong password, on purpose
    return status != 404 or key in NOT_THERE


def expect_other(operation):
    """What is asked for lies in another area: what one of this area is told."""
    return {"nation": {(403, "area")}, "read": {(403, "area")}, "pledge": {(404, "no_pledge")},
            "campaign": {(404, "no_campaign"), (404, "no_draft")}, "campaign-body": {(404, "no_campaign")}}.get(operation["x-area"])


def test_each_route_for_each_role(site):
    wrong, seen = [], 0
    for method, path, operation in OPERATIONS:
        key = f"{method} {path}"
        if operation["x-roles"] == ["everybody"] or key in ENDS_THE_LOGIN:
            continue
        for role in ROLES:
            own, everywhere = site.browsers[role, HERE], site.browsers[role, "all"]
            got = {"own": site.call(own, method, path), "other": site.call(own, method, path, "there"), "all": site.call(everywhere, method, path)}
            seen += 3
            if operation["x-roles"] == ["control-socket"]:
                bad = {name: value for name, value in got.items() if value != (404, "no_route")}
            elif not is_for(role, operation):
                bad = {name: value for name, value in got.items() if value != (403, "role")}
            else:
                bad = {} if judge_own(operation, key, got["all"]) else {"all": got["all"]}
                other = expect_other(operation)
                if operation["x-area"] == "nation":
                    bad |= {name: got[name] for name in ("own", "other") if got[name] != (403, "area")}
                else:
                    if not judge_own(operation, key, got["own"]):
                        bad["own"] = got["own"]
                    if other and got["other"] not in other:
                        bad["other"] = got["other"]
            wrong += [f"{key} as {role}, {name}: {value}" for name, value in bad.items()]
    assert not wrong, f"{len(wrong)} of {seen}:\n" + "\n".join(wrong)
    assert seen > 1000


def test_no_route_without_a_login_or_from_another_page(site):
    wrong = []
    nobody = Browser(site.world)
    for method, path, operation in OPERATIONS:
        if operation["x-roles"][0] in ("everybody", "control-socket"):
            continue
        if site.call(nobody, method, path) != (401, "session"):
            wrong.append(f"{method} {path} without a login")
        if method == "GET":
            continue
        browser = site.browsers[operation["x-roles"][0], "all"]
        csrf, browser.csrf = browser.csrf, None
        if site.call(browser, method, path) != (403, "csrf"):
            wrong.append(f"{method} {path} without the token of the page")
        browser.csrf = csrf
        if site.call(browser, method, path, Origin="http://evil.example") != (403, "csrf"):
            wrong.append(f"{method} {path} from another origin")
    assert not wrong, "\n".join(wrong)


def test_the_password_again_where_the_table_says_so_and_only_there(site):
    for key in site.world.redis.scan_iter("*:{u}:s:*"):
        site.world.redis.hset(key, "confirmed", 0)
    wrong = []
    for method, path, operation in OPERATIONS:
        if operation["x-roles"][0] in ("everybody", "control-socket") or f"{method} {path}" in ENDS_THE_LOGIN:
            continue
        got = site.call(site.browsers[operation["x-roles"][0], "all"], method, path)
        if (got == (403, "confirm")) != operation.get("x-confirm", False):
            wrong.append(f"{method} {path}: {got}")
    assert not wrong, "\n".join(wrong)


def test_logging_out_ends_the_login_of_each_role(site):
    for role in ROLES:
        browser = site.browsers[role, HERE]
        assert site.call(browser, "DELETE", "/api/v1/session")[0] == 204
        assert site.call(browser, "GET", "/api/v1/session") == (401, "session")
        assert site.call(site.browsers[role, "all"], "GET", "/api/v1/session")[0] == 200, "another login is not touched"


def test_a_login_ends_when_it_rests_and_at_its_absolute_end(world):
    browser, redis = world.login("chen", "viewer"), world.redis
    key, = redis.scan_iter("*:{u}:s:*")
    minute = 60_000
    assert 29 * minute < redis.pttl(key) <= 30 * minute
    redis.pexpire(key, minute)
    assert browser.call("GET", "/api/v1/session")[0] == 200
    assert redis.pttl(key) > 29 * minute, "use keeps it"
    seconds, micros = redis.time()
    now = seconds * 1000 + micros // 1000
    assert 11 * 60 * minute < int(redis.hget(key, "ends")) - now <= 12 * 60 * minute
    redis.hset(key, "ends", now + minute)
    assert browser.call("GET", "/api/v1/session")[0] == 200
    assert redis.pttl(key) <= minute, "use does not keep it beyond its end"
    redis.hset(key, "ends", now - 1)
    assert browser.call("GET", "/api/v1/session")[0] == 401 and not redis.exists(key)


def test_a_token_of_one_role_is_refused_like_its_user(site):
    """Its owner may do everything. Nothing asks a program for a password or for the page's token; what asks a person for the password is not for it."""
    owner = site.world.login("boss", " ".join(ROLES))
    wrong = []
    for role in ("viewer", "finance", "auditor", "admin", "operator"):
        status, made = owner.call("POST", "/api/v1/tokens", {"title": role, "roles": [role]})
        assert status == 201, made
        for method, path, operation in OPERATIONS:
            if operation["x-roles"] == ["everybody"] or "/session" in path or "/tokens" in path:
                continue
            got = site.call(Browser(site.world), method, path, Authorization=f"Bearer {made['token']}")
            refused = (404, "no_route") if operation["x-roles"] == ["control-socket"] else (403, "role")
            if is_for(role, operation) and operation.get("x-confirm"):
                if got != (403, "token"):
                    wrong.append(f"{method} {path} as {role}: {got}")
            elif (got == refused) == is_for(role, operation) or got[1] in ("confirm", "csrf", "token"):
                wrong.append(f"{method} {path} as {role}: {got}")
    assert not wrong, "\n".join(wrong)


def test_nobody_changes_her_own_rights(world):
    """The only administrator would lock herself out, any other one would give herself what she has not."""
    admin = world.login("guan", "admin")
    for change in ({"disabled": True}, {"roles": ["admin", "approver"]}, {"area": "51"}):
        status, answer = admin.call("POST", "/api/v1/users/guan", change)
        assert (status, answer["error"]["code"]) == (409, "own")
    assert admin.call("POST", "/api/v1/users/guan", {"title": "管理员"})[0] == 200
    world.user("hua", "admin")
    assert admin.call("POST", "/api/v1/users/hua", {"disabled": True})[0] == 200
    world.ctl("user", "disable", "guan")  # on the machine itself
    assert admin.call("GET", "/api/v1/session")[0] == 401
