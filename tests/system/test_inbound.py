"""Status reports and replies: early, twice, late, unknown, forged."""
import http.client
import json

import pytest
from harness import CALLBACK_KEY, ask, wait_until


def post(world, path, body, key=CALLBACK_KEY, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", world.daemons["a"].port, timeout=20)
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    connection.request("POST", f"/hook/mas/{key}/{path}", body, headers or {})
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, text


def report(group, mobile, code="DELIVRD", status="CM:0000"):
    return {"errorCode": code, "mobile": mobile, "msgGroup": group, "receiveDate": "20261017090105", "reportStatus": status,
            "submitDate": "20261017090100"}


@pytest.mark.parametrize("fault, keys", [("report_first", {}), ("report_repeat", {"times": 3}), ("report_shuffle", {}),
                                         ("report_intermediate", {}), ("report_stale", {})])
def test_every_order_of_reports_gives_the_same_end(make_world, fault, keys):
    calm, wild = make_world(), make_world()
    wild.sim.fault(fault, **keys)
    ends = []
    for world in (calm, wild):
        world.campaign("c1", rows=300)
        world.launch("c1")
        ends.append(world.wait_reported("c1"))
        world.check_books("c1")
    assert ends[0] == ends[1] and ends[0]["accepted"] == 0


def test_a_late_report_still_counts(make_world):
    world = make_world(sim={"report_delay_ms": 10})
    world.sim.fault("report_late", ms=6000)  # the end of the sending is seen before
    world.campaign("c1", rows=50)
    world.launch("c1")
    world.wait_done("c1")
    assert world.counts("c1")["accepted"] == 50, "done does not mean closed"
    wait_until(lambda: world.counts("c1")["accepted"] == 0, what="late reports")
    world.check_books("c1")


def test_unknown_reports_are_parked_not_lost(make_world):
    world = make_world(sim={"reports": "none"})
    status, _ = post(world, "report", report("9999999999999999999999", "15400000001"))
    assert status == 200
    assert next(c for c in world.ctl("carrier", "list")["carriers"])["parked"] == 1


def test_an_unknown_code_is_kept_and_raises_an_alarm(make_world):
    world = make_world(sim={"reports": "none"})
    world.campaign("c1", rows=20)
    world.launch("c1")
    world.wait_done("c1")
    taken = world.sim.oracle()[0]
    assert post(world, "report", report(taken.group, taken.mobile, "ZZ:4711"))[0] == 200
    wait_until(lambda: world.ctl("carrier", "list")["carriers"][0]["unknown_codes"] == 1, what="the alarm")
    assert world.counts("c1")["accepted"] == 20
    text = world.ctl("campaign", "report", "c1", "--csv", json=False)
    assert "ZZ:4711" in text
    # And it may still be delivered afterwards.
    assert post(world, "report", report(taken.group, taken.mobile))[0] == 200
    assert world.counts("c1")["delivered"] == 1


def test_arrays_and_lists_of_mobiles(make_world):
    world = make_world(sim={"reports": "none"})
    world.campaign("c1", rows=30)
    world.launch("c1")
    world.wait_done("c1")
    taken = world.sim.oracle()
    body = [report(a.group, a.mobile) for a in taken[:10]]
    assert post(world, "report", body)[0] == 200
    group = taken[10].group
    many = report(group, "")
    del many["mobile"]
    many["mobiles"] = [a.mobile for a in taken[10:] if a.group == group]
    assert post(world, "report", many)[0] == 200
    assert world.counts("c1")["delivered"] == 10 + len(many["mobiles"])


def test_forgeries_are_refused(make_world):
    world = make_world(sim={"reports": "none"})
    world.campaign("c1", rows=10)
    world.launch("c1")
    world.wait_done("c1")
    taken = world.sim.oracle()[0]
    good = report(taken.group, taken.mobile)
    assert post(world, "report", good, key="wrongwrongwrongwrong")[0] == 404
    assert post(world, "report", good, key=CALLBACK_KEY[:-1])[0] == 404
    assert post(world, "report", b"{not json")[0] == 400
    assert post(world, "report", b"")[0] == 400
    assert post(world, "report", b"x" * (2 << 20))[0] == 413
    assert world.counts("c1")["delivered"] == 0
    connection = http.client.HTTPConnection("127.0.0.1", world.daemons["a"].port, timeout=20)
    assert ask(connection, "GET", f"/hook/mas/{CALLBACK_KEY}/report")[0] == 405
    for path in ("/api/v1/status", "/api/v1/campaigns", "/api/v1/optouts"):
        connection = http.client.HTTPConnection("127.0.0.1", world.daemons["a"].port, timeout=20)
        assert ask(connection, "GET", path)[0] == 401, "the API on the listening port is for who has logged in"


def test_only_allowed_addresses_may_push(make_world):
    world = make_world(carrier={"callback_allow": "10.1.2.0/24"}, sim={"reports": "none"})
    assert post(world, "report", report("1", "15400000001"))[0] == 403


def test_redis_away_means_try_again(make_world):
    world = make_world(sim={"reports": "none"})
    world.campaign("c1", rows=10)
    world.launch("c1")
    world.wait_done("c1")
    taken = world.sim.oracle()[0]
    world.stop_redis()
    assert wait_until(lambda: post(world, "report", report(taken.group, taken.mobile))[0] == 503, what="503")
    world.start_redis()
    wait_until(world.daemons["a"].ready, what="Redis is back")
    assert post(world, "report", report(taken.group, taken.mobile))[0] == 200
    assert world.counts("c1")["delivered"] == 1


@pytest.mark.parametrize("word", ["R", "r", " TD ", "Ｔ", "退订", "n", "退订。"])
def test_an_opt_out_word_counts_at_once(world, word):
    world.sim.uplink("15400000001", word)
    world.sim.wait_quiet()
    check = world.ctl("optout", "check", "15400000001")
    assert check["opted_out"] is True
    world.campaign("c1", rows=["15400000001", "15400000002"])
    world.launch("c1", expect=1)
    world.wait_reported("c1")
    assert [a.mobile for a in world.sim.oracle()] == ["15400000002"]


def test_an_opt_out_beside_a_bad_record_counts(make_world):
    world = make_world(sim={"reports": "none"})
    good = {"mobile": "15400000001", "smsContent": "R", "sendTime": "2026-10-17 09:00:00", "addSerial": "106573000001"}
    bad = [{**good, "mobile": "4006"}, {"mobile": "15400000002"}, None]
    assert post(world, "uplink", bad)[0] == 400, "none is good"
    assert post(world, "uplink", [bad[0], good, *bad[1:]])[0] == 200
    wait_until(lambda: world.ctl("optout", "check", "15400000001")["opted_out"], what="the opt-out")
    assert world.ctl("optout", "check", "15400000002")["opted_out"] is False


def test_an_opt_out_beside_half_a_character_counts(make_world):
    """Handsets send half emoji and bytes that are no text; the carrier passes them on."""
    world = make_world(sim={"reports": "none"})
    good = {"mobile": "15400000001", "smsContent": "R", "sendTime": "2026-10-17 09:00:00", "addSerial": "106573000001"}
    half = json.dumps([good, {**good, "mobile": "15400000002", "smsContent": "\ud83d"}]).encode()
    bytes_ = json.dumps([{**good, "mobile": "15400000003"}, {**good, "mobile": "15400000004", "smsContent": "@"}]).encode()
    for body in (half, bytes_.replace(b"@", b"\xbe\xe8")):
        assert post(world, "uplink", body)[0] == 200
    for number in ("15400000001", "15400000003"):
        wait_until(lambda number=number: world.ctl("optout", "check", number)["opted_out"], what="the opt-out")
    assert world.ctl("optout", "check", "15400000002")["opted_out"] is False
    assert world.ctl("carrier", "list")["carriers"][0]["uplinks"] == 4


def test_an_opt_out_beside_a_doubled_name_counts(make_world):
    """One record in which a name stands twice is bad: nobody knows which was meant. The others are read."""
    world = make_world(sim={"reports": "none"})
    good = {"mobile": "15400000001", "smsContent": "R", "sendTime": "2026-10-17 09:00:00", "addSerial": "106573000001"}
    doubled = json.dumps({**good, "mobile": "15400000002"})[:-1] + ', "smsContent": "收到"}'
    assert post(world, "uplink", doubled.encode())[0] == 400
    assert post(world, "uplink", f"[{doubled}, {json.dumps(good)}]".encode())[0] == 200
    wait_until(lambda: world.ctl("optout", "check", "15400000001")["opted_out"], what="the opt-out")
    assert world.ctl("optout", "check", "15400000002")["opted_out"] is False


@pytest.mark.parametrize("text", ["请问R是什么", "收到", "TODAY", "不要退订"])
def test_other_replies_are_no_opt_out(world, text):
    world.sim.uplink("15400000001", text)
    world.sim.wait_quiet()
    assert world.ctl("optout", "check", "15400000001")["opted_out"] is False


def test_opt_out_between_import_and_send(world):
    """Checked again at the claim: suppressed, not sent."""
    numbers = world.campaign("c1", rows=50)
    world.ctl("carrier", "pause", "mas", "--reason", "test")
    world.launch("c1")
    for number in numbers[:5]:
        world.ctl("optout", "add", number, "--reason", "来电要求")
    world.ctl("carrier", "resume", "mas")
    world.wait_reported("c1")
    assert world.counts("c1")["suppressed"] == 5
    assert not set(numbers[:5]) & {a.mobile for a in world.sim.oracle()}
    world.check_books("c1")


def test_the_same_reply_pushed_four_times_is_one(make_world):
    world = make_world(sim={"reports": "none"})
    body = {"mobile": "15400000009", "smsContent": "R", "sendTime": "2026-10-17 09:00:00", "addSerial": "106573000001"}
    for _ in range(4):
        assert post(world, "uplink", body)[0] == 200
    assert world.ctl("carrier", "list")["carriers"][0]["uplinks"] == 1
