"""Pledges by SMS, from what a villager writes to the ledger and to the message that thanks for it. What was sent is counted by the
simulator's own log; what was pledged is read from the ledger's entries."""
import hashlib
import http.client
import itertools
import signal
import time

import pytest
from harness import CALLBACK_KEY, FIRST_NUMBER, LEDGER_FIELDS, PATIENCE, ask, unpack_entry, wait_until

VILLAGE_A, VILLAGE_B = "513327205201", "513327205202"
TOWN, UNASSIGNED = "513327205000", "999999999999"
CODE = "106573010158"  # what the simulator says it was written to
L = "outreach:{l}:"


def define(world, id_="oct17", people=4, first=FIRST_NUMBER, rows=None, pledge=None, **overrides):
    """A campaign with a [pledge] section, its recipients in two villages by turns. Gives the numbers."""
    rows = rows or [(str(first + i), [VILLAGE_A, VILLAGE_B][i % 2]) for i in range(people)]
    world.campaign(id_, rows=rows, columns=("手机号", "地区"), **overrides)
    keys = {"keywords": "捐 认捐 捐款 JK", "purchase_keywords": "以购代捐", "confirm": "reply", "hotline": "0836-5551234",
            "receipt_window": "00:00-24:00", **(pledge or {})}
    with open(world.dir / "campaigns.d" / f"{id_}.ini", "a", encoding="utf-8") as file:
        file.write("[pledge]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items() if value is not None))
    return [row[0] for row in rows]


def local(hours):
    """The time of day in China, so many hours from now, as a window of a definition has it."""
    return time.strftime("%H:%M", time.gmtime(time.time() + (8 + hours) * 3600))


def launched(world, id_="oct17", **keys):
    mobiles = define(world, id_, **keys)
    world.launch(id_)
    world.wait_reported(id_)
    return mobiles


class Ledger:
    """The entries as they lie in Redis, and a hand that posts beside the daemon."""

    def __init__(self, world):
        self.world = world
        self.requests = itertools.count(1)

    def entries(self):
        return [{name: "" for name in LEDGER_FIELDS} | unpack_entry(fields[b"v"]) for _, fields in self.world.redis.xrange(L + "e")]

    def of(self, type_):
        return [entry for entry in self.entries() if entry["t"] == type_]

    def post(self, ago=0, **fields):
        """As another client would, `ago` seconds ago: gives [entry, last entry, pledge, receipt, peer, repeated]."""
        fields = {"by": "uid:clerk", "src": "console", "req": f"test:{next(self.requests)}", **fields}
        today = time.strftime("%Y%m%d", time.gmtime(time.time() + 8 * 3600))
        pairs = [str(x) for pair in fields.items() for x in pair]
        answer = self.world.redis.fcall("or1_ledger_post", 1, L, int((time.time() - ago) * 1000), today, 0, *pairs)
        assert answer[0] == 0, answer
        return [x.decode() if isinstance(x, bytes) else x for x in answer[1:]]

    def totals(self, area=TOWN, campaign="*"):
        year = time.strftime("%Y", time.gmtime(time.time() + 8 * 3600))
        return {k.decode(): int(v) for k, v in self.world.redis.hgetall(f"{L}t:{area}:{year}:{campaign}").items()}

    def wait(self, n, type_=None):
        """Until there are n entries, and then no more than those."""
        def there():
            return len(self.of(type_) if type_ else self.entries()) >= n
        wait_until(there, what=lambda: f"{n} entries {type_}: {self.entries()}")
        found = self.of(type_) if type_ else self.entries()
        assert len(found) == n, found
        return found

    def quiet(self, id_="oct17"):
        """Until nothing is owed and no message is on its way."""
        def still():
            if self.world.redis.zcard(L + "out") > 0:  # first: what leaves this list is in the queue
                return False
            code, status = self.world.daemons["a"].api("GET", f"/campaigns/{id_}-receipts")
            counts = status["counts"] if code == 200 else {}  # 404: nothing was ever said
            return not counts.get("queued", 0) and not counts.get("inflight", 0)
        wait_until(still, what=lambda: f"owed {self.world.redis.zrange(L + 'out', 0, -1)}")
        self.world.sim.wait_quiet()


@pytest.fixture
def ledger(world):
    return Ledger(world)


def push(world, mobile, text, code=CODE, sent="2026-10-17 09:00:00", daemon="a"):
    """An uplink straight to the webhook. Gives the HTTP status, 0 when nobody answered."""
    body = [{"mobile": str(mobile), "smsContent": text, "sendTime": sent, "addSerial": code}]
    try:
        return ask(http.client.HTTPConnection("127.0.0.1", world.daemons[daemon].port, timeout=PATIENCE), "POST",
                   f"/hook/mas/{CALLBACK_KEY}/uplink", body[0])[0]
    except (OSError, http.client.HTTPException):
        return 0


def sent_to(world, mobile):
    """Messages the carrier took for this number, that of the campaign itself included."""
    return sum(a.mobile == str(mobile) for a in world.sim.oracle())


def wait_sent(world, mobile, n):
    wait_until(lambda: sent_to(world, mobile) >= n, what=lambda: f"{n} messages to {mobile}, not {sent_to(world, mobile)}")
    assert sent_to(world, mobile) == n


def texts(world, id_="oct17-receipts"):
    """Texts that were said and may still be needed."""
    seq = world.redis.hget("outreach:{mas}:ids", id_).decode()
    return {key.decode(): world.redis.get(key).decode("utf-8", "replace") for key in world.redis.keys(f"outreach:{{mas}}:v:{seq}:*")}


def meanings(world):
    return [fields[b"meaning"].decode() for _, fields in world.redis.xrange("outreach:{mas}:up")]


# ---- the whole way


def test_pledge_question_yes_acknowledgement(world, ledger):
    one, two, *_ = launched(world)
    world.sim.uplink(one, "捐100")
    wait_sent(world, one, 2)  # the campaign, the question
    pledge, = ledger.entries()
    assert (pledge["t"], pledge["fen"], pledge["mob"], pledge["a"]) == ("pledge", "10000", one, VILLAGE_A)
    assert (pledge["fl"], pledge["src"], pledge["c"], pledge["note"]) == ("", "sms", "oct17", "捐100")
    assert ledger.totals()["cash|uf"] == 10000 and not ledger.totals().get("cash|pf")
    world.sim.uplink(one, "Y")
    wait_sent(world, one, 3)  # the acknowledgement
    assert [e["t"] for e in ledger.entries()] == ["pledge", "confirm"]
    assert ledger.totals()["cash|pf"] == 10000 and ledger.totals()["cash|uf"] == 0
    world.sim.uplink(one, "是")  # nothing is left to confirm
    world.sim.uplink(two, "认捐大米20袋")
    wait_sent(world, two, 2)
    ledger.quiet()
    assert sent_to(world, one) == 3
    assert [(e["a"], e["qty"]) for e in ledger.of("pledge")] == [(VILLAGE_A, ""), (VILLAGE_B, "20000")]
    status = world.status("oct17-receipts")
    assert status["class"] == "receipt" and status["state"] == "sending" and sum(status["counts"].values()) == status["accepted"] == 3
    assert texts(world) == {}, "a text is kept only while somebody may need it"
    assert sorted(meanings(world)) == ["confirm", "other", "pledge", "pledge"]


def test_arrivals_get_receipts_and_tickets(world, ledger):
    one, two, *_ = launched(world, pledge={"confirm": "none"})
    world.sim.uplink(one, "捐200 张三")
    wait_sent(world, one, 2)
    pledge, = ledger.of("pledge")
    assert pledge["fl"] == "c" and pledge["name"] == "张三" and ledger.totals()["cash|pf"] == 20000
    # Posted by somebody else, so nobody wakes this daemon: it looks by itself.
    _, _, _, receipt, _, _ = ledger.post(t="arrive", p=pledge["p"], fen=15000)
    wait_sent(world, one, 3)
    arrival = ledger.of("arrive")[0]
    assert receipt == arrival["rc"] and receipt.startswith("R513327-")
    ledger.post(t="ticket", ref=2, doc="川财00012345")
    wait_sent(world, one, 4)
    # Taken back before anybody looked: nothing to thank for. Two entries, one of them owed.
    world.kill_daemon(signal.SIGTERM)
    ledger.post(t="arrive", p=pledge["p"], fen=5000)
    ledger.post(t="reverse", ref=4, why="error")
    ledger.post(t="pledge", c="oct17", a=TOWN, k="cash", fen=100, name="李四", mob=two, fl="c")
    ledger.post(t="pledge", c="oct17", a=TOWN, k="cash", fen=100, name="无手机", fl="c")
    world.start_daemon()
    wait_sent(world, two, 2)
    ledger.quiet()
    assert sent_to(world, one) == 4


def test_a_message_that_waits_is_named(world, ledger):
    def owed():
        return world.api("GET", "/status")["receipts_waiting"]
    one, *_ = launched(world, pledge={"confirm": "none"})
    path = world.dir / "campaigns.d" / "oct17.ini"
    text = path.read_bytes()
    path.unlink()
    ledger.post(t="pledge", c="oct17", a=TOWN, k="cash", fen=100, name="李四", mob=one, fl="c")
    wait_until(lambda: owed()["n"] == 1, what="the message is counted")
    status = world.api("GET", "/status")
    assert status["receipts_waiting"]["campaign"] == "oct17" and status["receipts_waiting"]["since"]
    assert any("Donors are owed 1 message" in line and "no definition" in line for line in status["attention"])
    path.write_bytes(text)
    wait_sent(world, one, 2)
    ledger.quiet()
    wait_until(lambda: owed() == {"n": 0, "since": "", "campaign": "", "reason": ""}, what="nothing waits any more")


def test_replies_wait_for_their_definition(world, ledger):
    """While the definition is away nothing is booked elsewhere and nothing is lost."""
    def waiting():
        return world.api("GET", "/status")["replies_waiting"]
    mobiles = launched(world, "older", pledge={"confirm": "none"}, text="先")
    launched(world, pledge={"confirm": "reply"})
    world.campaign("notice", rows=[(m, VILLAGE_A) for m in mobiles], columns=("手机号", "地区"), text="通知")
    world.launch("notice", "--again", "--reason", "another one")
    asked, late, quiet, *_ = mobiles
    assert push(world, asked, "捐5") == 200
    wait_sent(world, asked, 4)  # three campaigns and the question
    path = world.dir / "campaigns.d" / "oct17.ini"
    text = path.read_bytes()
    world.kill_daemon()
    for id_ in ("oct17", "notice"):
        (world.dir / "campaigns.d" / f"{id_}.ini").unlink()
    world.start_daemon()
    for _ in range(2):  # the carrier pushes again
        assert push(world, late, "捐100") == 200
        assert push(world, asked, "Y", sent="2026-10-17 09:05:00") == 200
    assert push(world, quiet, "收到") == 200
    wait_until(lambda: waiting()["n"] == 2, what="two replies are counted")
    assert waiting()["campaign"] == "oct17" and waiting()["since"]
    assert any("2 replies wait to be booked" in line and "oct17" in line for line in world.api("GET", "/status")["attention"])
    assert "pledge_waits" in world.daemons["a"].process.output()
    assert sorted(meanings(world)) == ["other", "pledge", "pledge_waits", "pledge_waits"]
    assert [e["t"] for e in ledger.entries()] == ["pledge"]
    path.write_bytes(text)
    wait_until(lambda: len(ledger.entries()) == 3, what="both are booked")
    assert sorted((e["t"], e["mob"], e["c"]) for e in ledger.entries()) == sorted([
        ("pledge", asked, "oct17"), ("pledge", late, "oct17"), ("confirm", "", "oct17")])
    wait_until(lambda: waiting() == {"n": 0, "since": "", "campaign": "", "reason": ""}, what="nothing waits any more")
    assert push(world, late, "捐100") == 200
    ledger.quiet()
    assert len(ledger.of("pledge")) == 2


def test_replies_wait_when_their_code_names_a_campaign_without_definition(make_world):
    """The digits of the service code say whose they are, whatever was sent to the number since and whatever else is unconfirmed."""
    world = make_world(carrier={"default_campaign": "plain"})
    ledger = Ledger(world)
    mobiles = launched(world, "coded", pledge={"confirm": "reply", "add_serial": "77"})
    launched(world, "short", pledge={"confirm": "reply", "add_serial": "7"}, first=FIRST_NUMBER + 100)
    define(world, "plain", rows=[(m, VILLAGE_B) for m in mobiles], pledge={"confirm": "reply"}, text="后")
    world.launch("plain", "--again", "--reason", "another text")
    world.wait_reported("plain")
    asked, fresh, *_ = mobiles
    stranger = str(FIRST_NUMBER + 900)
    assert push(world, asked, "捐5", code=CODE + "77") == 200
    assert push(world, asked, "捐6") == 200
    wait_sent(world, asked, 4)  # two campaigns, two questions
    path = world.dir / "campaigns.d" / "coded.ini"
    text = path.read_bytes()
    world.kill_daemon()
    path.unlink()
    world.start_daemon()
    assert push(world, asked, "Y", code=CODE + "77", sent="2026-10-17 09:05:00") == 200  # not the later one of the other
    assert push(world, fresh, "捐100", code=CODE + "77") == 200
    assert push(world, stranger, "请问怎么捐", code=CODE + "77") == 200
    assert push(world, fresh, "Y", code=CODE + "77", sent="2026-10-17 09:06:00") == 200  # nothing to confirm
    assert push(world, fresh, "捐7", code=CODE + "7") == 200  # that one is here
    wait_until(lambda: world.api("GET", "/status")["replies_waiting"]["n"] == 3, what=lambda: meanings(world))
    assert world.api("GET", "/status")["replies_waiting"]["campaign"] == "coded"
    assert sorted(meanings(world)) == ["other", "pledge", "pledge", "pledge", "pledge_waits", "pledge_waits", "pledge_waits"]
    assert [(e["c"], e["fen"]) for e in ledger.of("pledge")] == [("coded", "500"), ("plain", "600"), ("short", "700")] and not ledger.of("confirm")
    path.write_bytes(text)
    wait_until(lambda: world.api("GET", "/status")["replies_waiting"]["n"] == 0, what="nothing waits any more")
    assert [(e["c"], e["fen"]) for e in ledger.of("pledge")][3:] == [("coded", "10000")]
    confirmed, = ledger.of("confirm")
    assert confirmed["p"] == ledger.of("pledge")[0]["p"]
    wait_sent(world, stranger, 1)  # the help text of the campaign
    assert push(world, asked, "Y", sent="2026-10-17 09:10:00") == 200  # and now the other one
    assert [e["p"] for e in ledger.of("confirm")] == [ledger.of("pledge")[0]["p"], ledger.of("pledge")[1]["p"]]


def test_spellings(world, ledger):
    said = {"捐100": 10000, "认捐 100元": 10000, "捐款１００": 10000, "JK 200 张三": 20000, "捐一百元": 10000, "捐1.5万": 1500000,
            "jk0.01": 1}
    mobiles = launched(world, people=len(said), pledge={"confirm": "none"})
    for mobile, text in zip(mobiles, said):
        world.sim.uplink(mobile, text)
    ledger.wait(len(said))
    assert {e["mob"]: int(e["fen"]) for e in ledger.entries()} == dict(zip(mobiles, said.values()))
    ledger.quiet()
    assert all(sent_to(world, mobile) == 2 for mobile in mobiles)


# ---- once


def test_the_same_uplink_four_times(world, ledger):
    one, *_ = launched(world)
    for _ in range(4):
        assert push(world, one, "捐100") == 200
    wait_sent(world, one, 2)
    for _ in range(4):
        assert push(world, one, "y", sent="2026-10-17 09:01:00") == 200
    wait_sent(world, one, 3)
    assert push(world, one, "捐100") == 200
    ledger.quiet()
    assert [e["t"] for e in ledger.entries()] == ["pledge", "confirm"] and sent_to(world, one) == 3


def test_not_understood_is_answered_once_a_day(world, ledger):
    one, two, *_ = launched(world)
    for text in ("捐很多", "捐-5", "捐0.001", "认捐", "捐99999999999999999999"):
        world.sim.uplink(one, text)
    for text in ("你好", "请问捐款怎么办", "不捐", "Y", "确认", "513327-2026-000001-20"):
        world.sim.uplink(two, text)
    wait_sent(world, one, 2)
    world.sim.wait_quiet()
    ledger.quiet()
    assert not ledger.entries()
    assert sent_to(world, one) == 2
    wait_until(lambda: len(meanings(world)) == 11)
    assert meanings(world).count("pledge_unclear") >= 5


def test_a_cap_per_day(world, ledger):
    one, two, *_ = launched(world, pledge={"confirm": "none", "cap_per_day": 2})
    for amount in (1, 2, 3, 4):
        assert push(world, one, f"捐{amount}") == 200
    assert push(world, two, "捐5") == 200
    ledger.quiet()
    assert sorted(int(e["fen"]) for e in ledger.entries()) == [100, 200, 500]
    wait_sent(world, one, 4)  # the campaign, two thanks, one "not today"


# ---- confirmation


def test_a_number_in_the_reply_wins(world, ledger):
    one, two, *_ = launched(world)
    assert push(world, one, "捐10") == 200
    assert push(world, one, "捐20") == 200
    first, second = (e["p"] for e in ledger.wait(2))
    assert push(world, two, f"Y {first}") == 200, "not hers"
    wrong = first[:-2] + f"{(int(first[-2:]) + 1) % 97:02d}"
    assert push(world, one, f"Y {wrong}") == 200
    assert len(ledger.entries()) == 2
    assert push(world, one, f"是 {first}") == 200
    assert ledger.of("confirm")[0]["p"] == first
    assert push(world, one, "确认") == 200
    assert [e["p"] for e in ledger.of("confirm")] == [first, second]
    ledger.quiet()
    assert sent_to(world, one) == 6  # the campaign, two questions, help for the wrong number, two thanks
    assert sent_to(world, two) == 1


def test_polite_words_and_a_keyword_elsewhere(world, ledger):
    one, two, three, _ = launched(world, pledge={"confirm": "none"})
    assert push(world, one, "我要认捐100元") == 200
    assert [e["fen"] for e in ledger.wait(1)] == ["10000"]
    assert push(world, two, "请问怎么捐款？") == 200
    assert push(world, two, "我不捐100") == 200
    assert push(world, three, "感谢乡政府") == 200
    ledger.quiet()
    assert len(ledger.entries()) == 1
    assert sent_to(world, one) == 2  # the campaign, the thanks
    assert sent_to(world, two) == 2  # the campaign, one help text for both
    assert sent_to(world, three) == 1


def test_too_late_and_operator(world, ledger):
    one, two, *_ = launched(world, pledge={"confirm_within": "30m"})
    number = ledger.post(ago=1860, t="pledge", src="sms", c="oct17", a=TOWN, k="cash", fen=1000, mob=one)[2]
    ledger.quiet()
    assert sent_to(world, one) == 1, "nobody is asked what he cannot answer any more"
    assert push(world, one, "Y") == 200
    assert [e["t"] for e in ledger.entries()] == ["pledge"]
    define(world, "spring", first=FIRST_NUMBER + 100, pledge={"confirm": "operator"})
    world.launch("spring")
    world.wait_reported("spring")
    three = str(FIRST_NUMBER + 100)
    assert push(world, three, "捐30") == 200
    assert push(world, three, "Y") == 200
    assert len(ledger.entries()) == 2 and sent_to(world, three) == 1, "no question, and no answer counts"
    ledger.post(t="confirm", p=ledger.entries()[1]["p"])
    ledger.post(t="confirm", p=number)
    wait_sent(world, three, 2)
    wait_sent(world, one, 2)
    assert sent_to(world, two) == 1


# ---- opt-outs


def test_optout_words_win(make_world):
    world = make_world(daemon={"optout_words": "R 捐0元"})
    ledger = Ledger(world)
    one, two, three, _ = launched(world, pledge={"confirm": "none"})
    for mobile, word in ((one, "捐0元"), (two, "捐1")):
        assert push(world, mobile, word) == 200
    ledger.quiet()
    assert [e["mob"] for e in ledger.entries()] == [two] and meanings(world) == ["optout", "pledge"]
    # Who wants no publicity still gets a receipt; who wants nothing at all does not.
    assert push(world, one, "捐2") == 200
    wait_sent(world, one, 2)
    world.ctl("optout", "add", three, "--all", "--reason", "来电要求")
    assert push(world, three, "捐3") == 200
    ledger.quiet()
    assert len(ledger.entries()) == 3 and sent_to(world, three) == 1
    assert world.counts("oct17-receipts")["suppressed"] == 1


# ---- which campaign, which area


def test_which_campaign(make_world):
    world = make_world(carrier={"default_campaign": "always"})
    ledger = Ledger(world)
    shared = [str(FIRST_NUMBER + i) for i in range(3)]
    define(world, "first", rows=[(m, VILLAGE_A) for m in shared], pledge={"confirm": "none"})
    define(world, "second", rows=[(m, VILLAGE_B) for m in shared[:2]], pledge={"confirm": "none", "add_serial": "77"})
    define(world, "always", people=1, first=FIRST_NUMBER + 500, pledge={"confirm": "none", "keywords": "助"}, region="")
    for id_ in ("first", "second"):
        world.launch(id_)
        world.wait_reported(id_)
    assert push(world, shared[0], "捐1") == 200  # the latest of the two
    assert push(world, shared[2], "捐2") == 200  # the only one
    assert push(world, shared[2], "捐3", code=CODE + "77") == 200  # the digits say it, whoever she is
    stranger = str(FIRST_NUMBER + 900)
    assert push(world, stranger, "助4") == 200  # nobody we wrote to
    assert push(world, stranger, "捐5") == 200  # no keyword of the default campaign
    found = [(e["c"], e["a"], e["fen"]) for e in ledger.entries()]
    assert found == [("second", VILLAGE_B, "100"), ("first", VILLAGE_A, "200"), ("second", TOWN, "300"),
                     ("always", UNASSIGNED, "400")]
    assert ledger.totals("0")["cash|pf"] == 1000, "what nobody could place is part of the total"
    for id_ in ("first", "second", "always"):
        ledger.quiet(id_)
    assert sent_to(world, stranger) == 1


def test_another_daemon_launches(world, ledger):
    """Each daemon remembers what was launched, and to whom; nobody tells it what the other one does."""
    world.start_daemon("b")
    one, *_ = launched(world, "first", people=1500, pledge={"confirm": "none"})
    assert push(world, one, "捐1", daemon="b") == 200
    assert [e["c"] for e in ledger.of("pledge")] == ["first"]
    define(world, "second", people=1500, pledge={"confirm": "none"})
    world.launch("second", "--again", "--reason", "another text", name="a")
    assert push(world, one, "捐2", daemon="b") == 200
    assert push(world, one, "捐3", daemon="a") == 200
    assert [(e["c"], e["fen"], e["a"]) for e in ledger.of("pledge")][1:] == [("second", "200", VILLAGE_A), ("second", "300", VILLAGE_A)]


def test_the_same_digits_twice(world):
    """Nobody could tell whose the replies are: refused while both live, and seen before that."""
    define(world, "first", pledge={"add_serial": "77"})
    define(world, "second", first=FIRST_NUMBER + 100, pledge={"add_serial": "7"})
    assert world.ctl_raw("check").returncode == 0
    define(world, "second", first=FIRST_NUMBER + 100, pledge={"add_serial": "77"})
    check = world.ctl_raw("check")
    assert check.returncode == 1 and "second.ini" in check.stderr and "campaign first" in check.stderr, check.stderr
    world.ctl("carrier", "pause", "mas", "--reason", "test")  # the first one lives until it may send
    world.launch("first")
    world.wait_state("first", "scheduled", "sending")
    refused = world.ctl_raw("campaign", "launch", "second", "--now", "--yes", "--expect-recipients", "4")
    assert refused.returncode != 0 and "campaign first is" in refused.stderr and "add_serial 77" in refused.stderr, refused.stderr
    world.ctl("carrier", "resume", "mas")
    world.wait_reported("first")
    world.launch("second")
    world.wait_reported("second")


def test_a_window_of_its_own(world, ledger):
    """The campaign's window has closed long ago; the receipts' is what counts, and closes them too."""
    one, two, *_ = launched(world, pledge={"confirm": "none", "receipt_window": f"{local(2)}-{local(3)}"})
    assert push(world, one, "捐1") == 200
    wait_until(lambda: world.daemons["a"].api("GET", "/campaigns/oct17-receipts")[0] == 200)
    assert wait_until(lambda: world.status("oct17-receipts").get("waiting"), what="why it waits")
    assert sent_to(world, one) == 1
    time.sleep(0.2)  # the folder is not looked at more often than that
    define(world, pledge={"confirm": "none"}, window=f"{local(2)}-{local(3)}")
    assert push(world, two, "捐2") == 200  # the window of the definition as it is now holds for all of them
    wait_sent(world, two, 2)
    wait_sent(world, one, 2)


def test_a_yes_before_the_question(world, ledger):
    """Who says yes before the question could go out is not asked any more, only thanked."""
    one, two, *_ = launched(world, pledge={"receipt_window": f"{local(2)}-{local(3)}"})
    for mobile in (one, two):
        assert push(world, mobile, "捐100") == 200
    wait_until(lambda: world.daemons["a"].api("GET", "/campaigns/oct17-receipts")[0] == 200
               and world.counts("oct17-receipts")["queued"] == 2, what="both questions wait")
    assert push(world, one, "Y", sent="2026-10-17 09:00:01") == 200
    assert [e["t"] for e in ledger.entries()] == ["pledge", "pledge", "confirm"]
    wait_until(lambda: world.counts("oct17-receipts")["cancelled"] == 1, what="the question is taken back")
    wait_until(lambda: world.counts("oct17-receipts")["queued"] == 2, what="a question and the thanks wait")
    assert sent_to(world, one) == sent_to(world, two) == 1
    time.sleep(0.2)  # the folder is not looked at more often than that
    define(world)
    assert push(world, one, "捐1", sent="2026-10-17 09:00:02") == 200  # the window as it is now holds for all of them
    wait_sent(world, two, 2)  # still asked
    wait_sent(world, one, 3)  # the thanks, and the next question
    ledger.quiet()
    assert sent_to(world, one) == 3
    counts = world.counts("oct17-receipts")
    assert (counts["cancelled"], sum(counts.values())) == (1, 4)


def test_taken_back_before_the_question(world, ledger):
    """Nobody is asked about a pledge that was taken back while its question waited for the morning."""
    one, two, *_ = launched(world, pledge={"receipt_window": f"{local(2)}-{local(3)}"})
    for mobile in (one, two):
        assert push(world, mobile, "捐100") == 200
    wait_until(lambda: world.daemons["a"].api("GET", "/campaigns/oct17-receipts")[0] == 200
               and world.counts("oct17-receipts")["queued"] == 2, what="both questions wait")
    number = next(e["p"] for e in ledger.entries() if e["mob"] == str(one))
    world.ctl("pledge", "void", number, "--why", "donor")
    counts = world.counts("oct17-receipts")  # at once: the step that takes it back cancels the question
    assert (counts["cancelled"], counts["queued"]) == (1, 1), counts
    time.sleep(0.2)  # the folder is not looked at more often than that
    define(world)
    assert push(world, two, "Y", sent="2026-10-17 09:00:01") == 200
    wait_sent(world, two, 2)  # the thanks, in the window as it is now
    ledger.quiet()
    assert (sent_to(world, one), sent_to(world, two)) == (1, 2)
    assert world.counts("oct17-receipts")["cancelled"] == 2


# ---- crashes


def finish(world, ledger, mobiles):
    """Lets everything come to an end; what is ambiguous was taken by the carrier or not, as its log says.
    A question that was overtaken by its answer is cancelled, which no test here can rule out, and then never sent."""
    ledger.quiet()
    for mobile in mobiles:
        assert sent_to(world, mobile) <= 3, f"{mobile} got something twice"
    counts = world.counts("oct17-receipts")
    assert sum(counts.values()) == world.status("oct17-receipts")["accepted"] == 2 * len(mobiles)
    missing = sum(3 - sent_to(world, mobile) for mobile in mobiles)
    assert missing == counts["ambiguous"] + counts["cancelled"], counts
    return counts


@pytest.mark.parametrize("point", ["pledge_before:1", "pledge_before:2", "pledge_posted:2", "confirm_posted:1", "receipt_before:1", "receipt_before:3",
                                   "receipt_queued:1", "receipt_queued:2", "claim:2", "settle_after:2", "intent_after:2", "post_after:2"])
def test_killed_on_the_way(make_world, point):
    world = make_world()
    ledger = Ledger(world)
    mobiles = define(world, people=3)
    world.kill_daemon(signal.SIGTERM)
    world.start_daemon()
    world.launch("oct17")
    world.wait_reported("oct17")
    world.kill_daemon(signal.SIGTERM)
    world.start_daemon(env={"OUTREACH_FAILPOINT": point})
    for mobile in mobiles:
        world.sim.uplink(mobile, "捐100")
    daemon = world.daemons["a"].process
    wait_until(lambda: not daemon.running() or len(ledger.of("pledge")) == len(mobiles))
    if daemon.running():
        for mobile in mobiles:
            world.sim.uplink(mobile, "Y")
    assert world.wait_daemon_gone() == 137
    world.start_daemon()
    ledger.wait(len(mobiles), "pledge")
    world.sim.wait_quiet()  # every uplink was taken
    for mobile in mobiles:
        world.sim.uplink(mobile, "Y")
    ledger.wait(len(mobiles), "confirm")
    counts = finish(world, ledger, mobiles)
    if point in ("pledge_before:1", "receipt_before:1", "receipt_queued:1"):  # nothing was on its way yet
        assert counts["ambiguous"] == 0


def test_killed_again_and_again(make_world):
    """SIGKILL at times nobody chose."""
    world = make_world(daemon={"ambiguous_limit": 100})
    ledger = Ledger(world)
    mobiles = launched(world, people=60)
    for number, mobile in enumerate(mobiles):
        world.sim.uplink(mobile, "捐100")
        if number % 15 == 14:
            wait_until(lambda: len(ledger.entries()) >= number // 2, what="some progress")
            world.kill_daemon(signal.SIGKILL)
            world.start_daemon()
    ledger.wait(len(mobiles), "pledge")
    world.sim.wait_quiet()
    for number, mobile in enumerate(mobiles):
        world.sim.uplink(mobile, "Y")
        if number % 20 == 19:
            wait_until(lambda: len(ledger.of("confirm")) >= number // 2, what="some progress")
            world.kill_daemon(signal.SIGKILL)
            world.start_daemon()
    ledger.wait(len(mobiles), "confirm")
    assert len({e["p"] for e in ledger.of("pledge")}) == len(mobiles)
    assert ledger.totals()["cash|pf"] == 10000 * len(mobiles) and ledger.totals()["cash|pn"] == len(mobiles)
    finish(world, ledger, mobiles)


def test_redis_killed(make_world):
    world = make_world(fsync="always")
    ledger = Ledger(world)
    mobiles = launched(world, people=40)
    for text, type_ in (("捐100", "pledge"), ("Y", "confirm")):
        for mobile in mobiles:
            world.sim.uplink(mobile, text)
        wait_until(lambda: len(ledger.of(type_)) >= 10, what="some progress")
        world.stop_redis(signal.SIGKILL)
        world.start_redis()
        wait_until(world.daemons["a"].ready, what="Redis is back")
        ledger.wait(len(mobiles), type_)
        world.sim.wait_quiet()
    assert ledger.totals()["cash|pf"] == 10000 * len(mobiles)
    finish(world, ledger, mobiles)
