"""The audit: who did what, from where; a line that was changed shows."""
import contextlib
import http.client

from harness import PASSWORD, PATIENCE, Browser, wait_until


def lines(world):
    return world.ctl("audit", "list")["lines"]


def test_what_changed_something_is_told_and_what_only_looked_is_not(world):
    browser = world.login("chen", "finance viewer", "51")
    status, made = browser.call("POST", "/api/v1/pledges", {"request": "r1", "region": "513327205", "amount": "12.50", "name": "张三",
                                                            "mobile": "15400000001"})
    assert status == 201
    browser.call("GET", f"/api/v1/pledges/{made['pledge']}")
    browser.call("POST", "/api/v1/pledges/search", {"text": "15400000001"})
    line = lines(world)[0]
    assert (line["actor"], line["via"], line["address"], line["act"]) == ("chen", "session", "127.0.0.1", "POST /api/v1/pledges")
    assert 'amount="12.50"' in line["detail"] and "mobile=154****0001" in line["detail"]
    assert "15400000001" not in str(lines(world))


def test_logins_and_refusals_are_told_without_secrets(world):
    browser = world.login("chen", "viewer")
    Browser(world).login("chen", "not the password")
    browser.call("POST", "/api/v1/reload", {})
    told = [(line["actor"], line["act"], line["detail"].split()[0] if line["detail"] else "") for line in lines(world)]
    assert told[0] == ("chen", "POST /api/v1/reload", "refused=403")
    assert told[1] == ("chen", "POST /api/v1/session", "refused=401")
    assert told[2][:2] == ("chen", "POST /api/v1/session")
    assert "password" not in str(lines(world)) and "goats" not in str(lines(world))


def test_the_control_socket_is_told_too(world):
    world.ctl("carrier", "pause", "mas", "--reason", "new key", "--actor", "op1")
    by_act = {line["act"]: line for line in lines(world)}
    line = by_act["POST /api/v1/carriers/{name}/pause"]
    assert (line["actor"], line["via"], line["object"]) == ("op1", "control", "mas") and 'reason="new key"' in line["detail"]


def test_a_list_that_was_checked_is_told_apart_from_one_that_was_booked(world):
    clerk = world.login("chen", "finance", "513327205")
    for query in ("&check=1", "&partial=1"):
        connection = http.client.HTTPConnection("127.0.0.1", clerk.port, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request("POST", f"/api/v1/pledges/import?region=513327205{query}", "姓名,金额\n张三,1\n李四,much\n".encode(),
                               {"Cookie": clerk.cookie, "X-CSRF-Token": clerk.csrf, "Content-Type": "text/csv"})
            assert connection.getresponse().status == 200
    booked, checked = (line["detail"] for line in lines(world) if line["act"] == "POST /api/v1/pledges/import")
    assert "check=yes partial=no rows=" in checked and "booked=0 rejected=1" in checked
    assert "check=no partial=yes rows=" in booked and "booked=1 rejected=1" in booked


def test_pages_go_on_where_the_last_one_ended(world):
    for n in range(7):
        world.ctl("optout", "add", f"1540000000{n}")
    auditor = world.login("audit", "auditor")
    seen, before = [], ""
    while before is not None:
        page = auditor.call("GET", f"/api/v1/audit?limit=3{'&before=' + before if before else ''}")[1]
        seen += [line["id"] for line in page["lines"]]
        before = page["next"]
    assert len(seen) == len(set(seen)) == world.redis.xlen("outreach:{a}:audit") and seen == sorted(seen, reverse=True)


def test_a_changed_line_is_named(world):
    for n in range(5):
        world.ctl("optout", "add", f"1540000000{n}")
    assert world.ctl("audit", "verify")["ok"]
    key = "outreach:{a}:audit"
    rows = world.redis.xrange(key)
    # Redis has no way to change an entry: the stream is written anew, as a forger would.
    world.redis.delete(key)
    for at, (id_, fields) in enumerate(rows):
        if at == 2:
            fields[b"actor"] = b"somebody else"
        world.redis.xadd(key, fields, id=id_)
    proof = world.ctl("audit", "verify", code=1)
    assert not proof["ok"] and proof["bad"] == rows[2][0].decode()


def test_a_line_taken_away_is_noticed(world):
    for n in range(5):
        world.ctl("optout", "add", f"1540000000{n}")
    rows = world.redis.xrange("outreach:{a}:audit")
    world.redis.xdel("outreach:{a}:audit", rows[2][0])
    assert world.ctl("audit", "verify", code=1)["bad"] == rows[3][0].decode()


def test_the_first_line_taken_away_is_noticed(world):
    for n in range(3):
        world.ctl("optout", "add", f"1540000000{n}")
    rows = world.redis.xrange("outreach:{a}:audit")
    world.redis.xdel("outreach:{a}:audit", rows[0][0])
    assert world.ctl("audit", "verify", code=1)["bad"] == rows[1][0].decode()


def test_refusals_do_not_wash_away_what_was_done(world):
    world.ctl("optout", "add", "15400000001")
    browser = world.login("chen", "viewer")
    before = world.redis.xlen("outreach:{a}:audit")
    for _ in range(130):
        assert browser.call("GET", "/api/v1/status")[0] == 403
    assert world.redis.xlen("outreach:{a}:audit") == before + 100
    assert "in the log only" in lines(world)[0]["detail"] and world.ctl("audit", "verify")["ok"]
    log = world.daemons["a"].process.output().splitlines()
    assert len([line for line in log if "event=refused" in line and 'actor="chen"' in line]) == 130
    world.ctl("optout", "add", "15400000002")
    assert lines(world)[0]["act"] == "POST /api/v1/optouts"


def test_rights_are_told_as_they_were_and_as_they_are(world):
    world.user("chen", "viewer", "51")
    assert lines(world)[0]["before"] == "" and lines(world)[0]["after"] == 'roles="viewer" area=51 disabled=no'
    world.ctl("user", "change", "chen", "--roles", "viewer finance", "--area", "5133")
    line = lines(world)[0]
    assert (line["before"], line["after"]) == ('roles="viewer" area=51 disabled=no', 'roles="finance viewer" area=5133 disabled=no')
    world.ctl_raw("user", "disable", "chen")
    assert lines(world)[0]["after"].endswith("disabled=yes")


def test_areas_carriers_and_campaigns_are_told_as_they_were_and_as_they_are(world):
    def changed(act):
        line = next(line for line in lines(world) if line["act"].endswith(act))
        return line["before"], line["after"]
    for body, path in (({"own_numbers": ["15400000001", "15400000002"]}, ""), ({"reason": "x"}, "/live"), ({"own_numbers": []}, "")):
        world.api("POST", f"/areas/513327205{path}", {**body, "actor": "root"})
    states = [(line["before"], line["after"]) for line in lines(world) if "/areas/" in line["act"]]
    numbers = 'own_numbers="154****0001 154****0002"'
    assert states == [(f"state=live {numbers}", 'state=live own_numbers=""'), (f"state=trial {numbers}", f"state=live {numbers}"),
                      ('state=trial own_numbers=""', f"state=trial {numbers}")]
    world.ctl("carrier", "pause", "mas", "--reason", "打 15400000003", "--actor", "op1")
    assert changed("/carriers/{name}/pause") == ("state=running", 'state=paused reason="打 154****0003"')
    world.ctl("carrier", "resume", "mas", "--actor", "op1")
    assert changed("/carriers/{name}/resume") == ('state=paused reason="打 154****0003"', "state=running")
    world.campaign("c1", rows=3, start="2035-01-01 08:00", end="2035-12-01 08:00")
    world.launch("c1", now=False)
    world.wait_state("c1", "scheduled")
    for act, before, after in (("pause", "scheduled", "paused"), ("resume", "paused", "resumed"), ("cancel", "scheduled", "cancelled")):
        world.api("POST", f"/campaigns/c1/{act}", {"actor": "op1", "reason": "x"})
        assert changed("/campaigns/{id}/" + act) == (f"state={before}", f"state={after}")
    assert "1540000000" not in str(world.redis.xrange("outreach:{a}:audit")) and world.ctl("audit", "verify")["ok"]


def lose(world):
    """Nothing can be added to the audit any more."""
    world.redis.delete("outreach:{a}:audit")
    world.redis.set("outreach:{a}:audit", "no stream")


def test_what_could_not_be_noted_is_seen(world):
    """Who did it is told, and so is who looks after the daemon; and no number is shown of which nobody could know later."""
    world.campaign("c1", rows=3)
    world.launch("c1")
    world.wait_done("c1")
    browser = world.login("op", "operator township", "513327205")
    version = browser.call("GET", "/api/v1/drafts/c1")[1]["version"]
    lose(world)
    status, answer = browser.call("POST", "/api/v1/optouts", {"numbers": ["15400000001"]}, Idempotency_Key="k1")
    assert (status, answer["error"]["code"]) == (503, "audit") and world.redis.exists("outreach:{o}:r")
    status, answer = browser.call("POST", "/api/v1/optouts", {"numbers": ["15400000001"]}, Idempotency_Key="k1")
    assert status == 503, "the repetition is not noted either"
    status, text = browser.call("GET", "/api/v1/campaigns/c1/report?masked=0&reason=x")
    assert status == 503 and "1540000" not in str(text)
    assert browser.call("GET", "/api/v1/campaigns/c1/report")[0] == 200
    assert browser.call("POST", "/api/v1/drafts/c1", {"version": version, "fields": {"title": "x"}})[0] == 409, "launched"
    world.campaign("d1", rows=3)
    version = browser.call("GET", "/api/v1/drafts/d1")[1]["version"]
    assert browser.call("POST", "/api/v1/drafts/d1", {"version": version, "fields": {"title": "x"}})[0] == 503
    log = world.daemons["a"].process.output()
    assert 'event=audit_lost act="POST /api/v1/optouts" object="" actor="op"' in log
    document = world.api("GET", "/status")
    assert document["audit_lost"] == 4 and any("audit" in line for line in document["attention"])
    # On the machine itself the answer is what was done; the status says the rest.
    world.api("POST", "/optouts", {"numbers": ["15400000002"], "actor": "root"})
    assert world.api("GET", "/status")["audit_lost"] == 5


def test_no_number_in_whole_anywhere(world):
    world.ctl("optout", "add", "15400000001")
    world.ctl("optout", "remove", "15400000001", "--reason", "她打电话 15400000001，" + "请求恢复" * 20)
    assert "15400000001" not in str(world.redis.xrange("outreach:{a}:audit"))
    assert "154****0001" in lines(world)[0]["detail"]


def test_no_number_in_whole_in_the_log(world):
    why = "她来电 139-1111-2222 和 13911112222"
    world.campaign("c1", rows=3, start="2035-01-01 08:00", end="2035-12-01 08:00", title=why)
    world.launch("c1", now=False)
    world.wait_state("c1", "scheduled")
    world.ctl("carrier", "pause", "mas", "--reason", why)
    wait_until(lambda: "139-****-2222" in world.daemons["a"].process.output(), what="its state is logged")
    browser = world.login("op", "operator township finance")
    for path, body in (("/campaigns/c1/pause", {"reason": why}), ("/carriers/mas/resume", {"reason": why}), ("/optouts", {"numbers": ["13911112222"], "reason": why}),
                       ("/pledges", {"request": "r1", "region": "51", "amount": "1", "name": "x", "mobile": "13911112222", "note": why})):
        assert browser.call("POST", f"/api/v1{path}", body)[0] < 300, path
    browser.call("GET", "/api/v1/pledges?mobile=13911112222")
    everything = world.daemons["a"].process.output() + str(world.redis.xrange("outreach:{a}:audit"))
    assert "13911112222" not in everything and "139-1111-2222" not in everything


def test_a_password_typed_for_a_name_is_nowhere(world):
    world.user("chen", "viewer")
    assert Browser(world).login(PASSWORD, "x")[0] == 401 and Browser(world).login("chen", "x")[0] == 401
    everything = world.daemons["a"].process.output() + str(world.redis.xrange("outreach:{a}:audit"))
    assert "goats" not in everything and "event=login_failed user=chen" in everything.replace('"', "")
    assert [line["actor"] for line in lines(world) if "refused=401" in line["detail"]] == ["chen", "(unknown)"]


def test_the_last_line_taken_away_is_noticed(world):
    for n in range(3):
        world.ctl("optout", "add", f"1540000000{n}")
    rows = world.redis.xrange("outreach:{a}:audit")
    world.redis.xdel("outreach:{a}:audit", rows[-1][0])
    assert not world.ctl("audit", "verify", code=1)["ok"]


def test_no_line_vanishes_because_of_its_bytes(world):
    viewer, root = world.login("chen", "viewer", "513327"), world.login("root", "auditor")
    assert viewer.call("POST", "/api/v1/drafts/%ff%0a", {})[0] == 403
    line = root.call("GET", "/api/v1/audit?limit=1")[1]["lines"][0]
    while line["act"].startswith("POST /api/v1/session"):
        line = root.call("GET", f"/api/v1/audit?limit=1&before={line['id']}")[1]["lines"][0]
    assert line["act"] == "POST /api/v1/drafts/{id}" and line["actor"] == "chen" and "\ufffd" in line["object"]


def test_a_line_names_what_was_made(world):
    chen = world.login("chen", "finance viewer", "51")
    pledge = chen.call("POST", "/api/v1/pledges", {"request": "r1", "region": "513327205", "amount": "12.50", "name": "张三"})[1]["pledge"]
    token = chen.call("POST", "/api/v1/tokens", {"title": "a script", "roles": ["viewer"], "area": "51", "days": 3})[1]["id"]
    by_act = {line["act"]: line["object"] for line in lines(world)}
    assert by_act["POST /api/v1/pledges"] == pledge and by_act["POST /api/v1/tokens"] == token
    assert by_act["POST /api/v1/users"] == "chen"


def test_the_audit_is_looked_through_by_person_thing_and_day(world):
    for n in range(6):
        world.ctl("optout", "add", f"1540000000{n}", "--actor", "ding" if n % 2 else "sun")
    world.ctl("carrier", "pause", "mas", "--reason", "new key", "--actor", "ding")
    world.ctl("pledge", "add", "--region", "513327205", "--amount", "1", "--mobile", "15400000003", "--actor", "qiu")
    auditor = world.login("audit", "auditor")

    def found(query):
        page = auditor.call("GET", f"/api/v1/audit?{query}")[1]
        return [(line["actor"], line["act"]) for line in page["lines"]], page

    optout = "POST /api/v1/optouts"
    sun, page = found("by=sun")
    assert sun == [("sun", optout)] * 3 and page["next"] is None and page["looked"] == world.redis.xlen("outreach:{a}:audit")
    assert found("by=sun&about=mas")[0] == [] and found("by=su")[0] == []
    assert {actor for actor, _ in found("about=new%20key")[0]} == {"ding"}
    assert found("about=154****0003")[0] == found("about=15400000003")[0] == [("qiu", "POST /api/v1/pledges"), ("ding", optout)]  # as it stands
    first, page = found("by=ding&limit=2")
    rest = found(f"by=ding&limit=2&before={page['next']}")[0]
    assert len(first) == len(rest) == 2 and first + rest == found("by=ding")[0][:4]
    day = page["until"][:10]
    assert len(found(f"by=sun&to={day}")[0]) == 3 and found("by=sun&to=2025-12-31")[0] == []
    assert auditor.call("GET", "/api/v1/audit?to=yesterday")[0] == 400
    told = world.ctl("audit", "list", "15400000003")["lines"]
    assert [line["actor"] for line in told] == ["qiu", "ding"]
    world.ctl_raw("user", "disable", "audit")
    assert "disabled=no -> roles=" in world.ctl("audit", "list", "users/{name}", json=False)
