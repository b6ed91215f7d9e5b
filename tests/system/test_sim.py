"""outreach-sim against an independent client: the MAC is computed here with hashlib, requests and callbacks are read byte by byte."""
import base64
import collections
import contextlib
import hashlib
import http.client
import http.server
import json
import re
import signal
import socket
import threading
import time

import pytest
from harness import AP_ID, EC_NAME, SECRET, SIGN_CODE, ask, numbers, wait_until

TEXT = "10月17日扶贫日活动9点开始"


def message(mobiles, content=TEXT, secret=SECRET, mac=None, **fields):
    """The fields of a submit in their order; fields given as None are left out."""
    body = {"ecName": EC_NAME, "apId": AP_ID, "mobiles": mobiles if isinstance(mobiles, str) else ",".join(mobiles),
            "content": content, "sign": SIGN_CODE, "addSerial": ""}
    body.update(fields)
    part = lambda key: body.get(key) or ""
    body["mac"] = mac or hashlib.md5((part("ecName") + part("apId") + secret + part("mobiles") + part("content") + part("sign")
                                      + part("addSerial")).encode()).hexdigest()
    return {key: value for key, value in body.items() if value is not None}


def encode(body, ascii_only=False):
    return base64.b64encode(json.dumps(body, ensure_ascii=ascii_only, separators=(",", ":")).encode())


def post(sim, raw, path="/sms/norsubmit"):
    return ask(http.client.HTTPConnection("127.0.0.1", sim.port, timeout=20), "POST", path, raw)


def submit(sim, mobiles, **keys):
    """The answer's JSON."""
    status, document = post(sim, encode(message(mobiles, **keys)))
    assert status == 200
    return document


class Receiver:
    """Where the simulator pushes to. `answers` is a list of statuses to give first; afterwards 200."""

    def __init__(self):
        self.pushes, self.answers, self.connections = [], [], 0
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self):
                super().setup()
                receiver.connections += 1

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.pushes.append((self.path, json.loads(body)))
                status = receiver.answers.pop(0) if receiver.answers else 200
                if status == 0:
                    self.close_connection = True
                    return
                self.send_response(status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def bodies(self, path="/report"):
        return [body for where, body in self.pushes if where == path]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receiver():
    with contextlib.closing(Receiver()) as one:
        yield one


@pytest.fixture
def make_reporting(make_sim, receiver):
    """A simulator that pushes to `receiver`."""
    return lambda **options: make_sim(report_url=receiver.url + "/report", uplink_url=receiver.url + "/uplink", **options)


@pytest.fixture
def sim(make_sim):
    return make_sim(reports="none")


# ---- the interface


def test_the_published_vectors_are_accepted(make_sim):
    """Bodies whose MAC and base64 were worked out by hand from the interface's description."""
    sim = make_sim(reports="none", ec_name="示例镇人民政府", ap_id="demoap", secret="Demo#2024")
    many = ("eyJlY05hbWUiOiLnpLrkvovplYfkurrmsJHmlL/lupwiLCJhcElkIjoiZGVtb2FwIiwibW9iaWxlcyI6IjEzODAwMTM4MDAwLDEzODAwMTM4MDAxIiwi"
            "Y29udGVudCI6IjEw5pyIMTfml6XmibbotKvml6XmtLvliqg554K55byA5aeLIiwic2lnbiI6IkRlbW9TaWduMSIsImFkZFNlcmlhbCI6IiIsIm1hYyI6"
            "IjcwODI1MGI0NDIxMjQyZWFkODE1YTM4NGViNzVhZmQ5In0=")
    personal = ("eyJlY05hbWUiOiLnpLrkvovplYfkurrmsJHmlL/lupwiLCJhcElkIjoiZGVtb2FwIiwibW9iaWxlcyI6IiIsImNvbnRlbnQiOiJ7XCIxMzgwMDEzODAw"
                "MFwiOlwi5byg5LiJ5oKo5aW9XCIsXCIxMzgwMDEzODAwMVwiOlwi5p2O5Zub6K+35Zue5aSNXFxcIuaUtuWIsFxcXCJcIn0iLCJzaWduIjoiRGVt"
                "b1NpZ24xIiwiYWRkU2VyaWFsIjoiIiwibWFjIjoiNTJmMjM4ZmU5YmMxYjE2MmZiYjgzOTU0NGE4OTAxYWQifQ==")
    for raw in (many, personal):
        assert post(sim, raw)[1]["rspcod"] == "success"
    assert [a.mobile for a in sim.oracle()] == ["13800138000", "13800138001"] * 2


@pytest.mark.parametrize("path", ["/sms/norsubmit", "/sms/submit"])
def test_a_success_looks_like_the_platforms(sim, path):
    status, answer = post(sim, encode(message(numbers(3))), path)
    assert (status, answer["rspcod"], answer["success"]) == (200, "success", True)
    assert re.fullmatch(r"\d{22}", answer["msgGroup"])
    local = time.gmtime(time.time() + 8 * 3600)
    assert answer["msgGroup"].startswith(time.strftime("%m%d", local)) or local.tm_hour == 0
    assert [a.group for a in sim.oracle()] == [answer["msgGroup"]] * 3


def test_batch_ids_differ(sim):
    groups = [submit(sim, [mobile])["msgGroup"] for mobile in numbers(50)]
    assert len(set(groups)) == 50


def test_escapes_are_decoded_before_the_mac(sim):
    body = message(numbers(2), content='请回复"收到"\t\\ 谢谢🙂')
    assert post(sim, encode(body, ascii_only=True))[1]["rspcod"] == "success"
    assert post(sim, encode(body))[1]["rspcod"] == "success"


def personal(pairs, **keys):
    return message("", content=json.dumps(dict(pairs), ensure_ascii=False), **keys)


REFUSALS = {
    "another mac": (lambda m: message(m, mac="0" * 32), "IllegalMac"),
    "another secret": (lambda m: message(m, secret="wrong"), "IllegalMac"),
    "upper-case mac": (lambda m: message(m, mac=message(m)["mac"].upper()), "IllegalMac"),
    "mac over the escaped text": (lambda m: message("", content='{"%s":"x"}' % m[0], mac=hashlib.md5(
        (EC_NAME + AP_ID + SECRET + json.dumps('{"%s":"x"}' % m[0]) + SIGN_CODE).encode()).hexdigest()), "IllegalMac"),
    "another ecName": (lambda m: message(m, ecName="别的乡"), "InvalidUsrOrPwd"),
    "another apId": (lambda m: message(m, apId="other"), "InvalidUsrOrPwd"),
    "wrong secretKey in the body": (lambda m: message(m, secretKey="wrong"), "InvalidUsrOrPwd"),
    "no addSerial": (lambda m: message(m, addSerial=None), "InvalidUsrOrPwd"),
    "no sign code": (lambda m: message(m, sign=""), "NoSignId"),
    "another sign code": (lambda m: message(m, sign="Other1"), "IllegalSignId"),
    "no content": (lambda m: message(m, content=None), "InvalidMessage"),
    "empty content": (lambda m: message(m, content=""), "InvalidMessage"),
    "blank content": (lambda m: message(m, content="  "), "InvalidMessage"),
    "control character": (lambda m: message(m, content="a\x07b"), "InvalidMessage"),
    "too long": (lambda m: message(m, content="长" * 501), "ExceedMaxContentLength"),
    "a number as a number": (lambda m: {**message(m), "addSerial": 7}, "InvalidMessage"),
    "10 digits": (lambda m: message(m + ["1540000000"]), "InvalidMobile"),
    "a landline": (lambda m: message(m + ["08361234567"]), "InvalidMobile"),
    "letters": (lambda m: message(m + ["1540000000x"]), "InvalidMobile"),
    "an ending comma": (lambda m: message(",".join(m) + ","), "InvalidMobile"),
    "+86": (lambda m: message(["+86" + m[0]]), "InvalidMobile"),
    "twice": (lambda m: message(m + m[:1]), "DupMobile"),
    "twice in a row": (lambda m: message([m[0], m[0]]), "DupMobile"),
    "5001 numbers": (lambda m: message(numbers(5001)), "TooManyMobiles"),
    "neither numbers nor pairs": (lambda m: message("", content=TEXT), "InvalidMessage"),
    "no pairs": (lambda m: personal({}), "InvalidMessage"),
    "a pair with no text": (lambda m: personal({m[0]: "好", m[1]: ""}), "InvalidMessage"),
    "a pair with a bad number": (lambda m: personal({m[0]: "好", "123": "好"}), "InvalidMobile"),
    "a pair twice": (lambda m: message("", content='{"%s":"a","%s":"b"}' % (m[0], m[0])), "DupMobile"),
    "1001 pairs": (lambda m: personal({mobile: "好" for mobile in numbers(1001)}), "TooManyMobiles"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_the_platform_refuses(sim, case):
    build, word = REFUSALS[case]
    _, answer = post(sim, encode(build(numbers(5))))
    assert answer == {"msgGroup": "", "rspcod": word, "success": False}
    assert sim.oracle() == []
    stats = sim.stats()
    assert (stats["requests"], stats["accepted"], stats["rspcod"]) == (1, 0, {word: 1})


@pytest.mark.parametrize("raw", [b"", b"{}", b"not base64!", base64.b64encode(b"[]"), base64.b64encode(b'{"a":"b"} x'),
                                 base64.b64encode(b'{"a":"\xff"}'), base64.b64encode(b'{"a":"\\ud800"}'),
                                 base64.b64encode(b'{"a":"b",}'), base64.b64encode(b'{"ecName":"a","ecName":"a"}'),
                                 base64.b64encode(b'{"a":"' + b"x" * 100), encode(message(numbers(1)))[:-4],
                                 json.dumps(message(numbers(1))).encode(), base64.encodebytes(encode(message(numbers(9))))])
def test_bodies_that_are_no_message(sim, raw):
    assert post(sim, raw)[1]["rspcod"] == "InvalidMessage"
    assert sim.oracle() == []


def test_the_limits_themselves_are_allowed(sim):
    assert submit(sim, numbers(5000))["rspcod"] == "success"
    _, answer = post(sim, encode(personal({mobile: f"{mobile}您好" for mobile in numbers(1000, 15410000000)})))
    assert answer["rspcod"] == "success"
    assert submit(sim, numbers(1, 15420000000), content="长" * 500)["rspcod"] == "success"
    assert len(sim.oracle()) == 6001


def test_the_right_secret_in_the_body_is_fine(sim):
    assert submit(sim, numbers(1), secretKey=SECRET)["rspcod"] == "success"


def test_other_paths_and_methods(sim):
    assert post(sim, b"x", "/sms/tmpsubmit")[0] == 404
    assert ask(http.client.HTTPConnection("127.0.0.1", sim.port), "GET", "/sms/norsubmit")[0] == 405


# ---- the oracle


def test_the_oracle_knows_each_request_and_counts_repetitions(sim):
    first, second = numbers(10), numbers(12)[8:]
    groups = [submit(sim, first)["msgGroup"], submit(sim, second)["msgGroup"]]
    assert [(a.request, a.group, a.mobile) for a in sim.oracle()] == [(1, groups[0], m) for m in first] + [
        (2, groups[1], m) for m in second]
    stats = sim.stats()
    assert (stats["requests"], stats["submits_accepted"], stats["accepted"], stats["distinct"], stats["duplicates"]) == (2, 2, 14, 12, 2)


def test_the_oracle_is_written_before_the_answer(sim):
    for mobile in numbers(200):
        submit(sim, [mobile])
        assert sim.oracle()[-1].mobile == mobile


def test_sigterm_ends_with_the_oracle_whole(make_sim):
    sim = make_sim(reports="none", latency_ms=60000)
    with socket.create_connection(("127.0.0.1", sim.port)) as client:
        raw = encode(message(numbers(1000)))
        client.sendall(b"POST /sms/norsubmit HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(raw) + raw)
        wait_until(lambda: sim.stats()["accepted"] == 1000)
        assert sim.stop(signal.SIGTERM) == 0
    assert len(sim.oracle()) == 1000


# ---- HTTP


def raw_exchange(sim, data, until_close=False):
    with socket.create_connection(("127.0.0.1", sim.port), timeout=20) as client:
        client.sendall(data)
        answer = b""
        while until_close or b"\r\n\r\n" not in answer:
            part = client.recv(65536)
            if not part:
                break
            answer += part
        return answer


@pytest.mark.parametrize("data, status", [
    (b"rubbish\r\n\r\n", b"400"),
    (b"POST /sms/norsubmit HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"411"),
    (b"POST /sms/norsubmit HTTP/1.1\r\nContent-Length: x\r\n\r\n", b"400"),
    (b"POST /sms/norsubmit HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"400"),
    (b"POST /sms/norsubmit HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", b"413"),
    (b"GET / HTTP/1.1\r\nX: " + b"y" * 40000, b"431"),
])
def test_http_mistakes_are_answered(sim, data, status):
    assert raw_exchange(sim, data).split(b" ")[1] == status


def test_pipelined_and_dripped_requests(sim):
    one = encode(message(numbers(1)))
    request = b"POST /sms/norsubmit HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(one) + one
    answer = raw_exchange(sim, request * 2 + b"GET /control/stats HTTP/1.1\r\nConnection: close\r\n\r\n", until_close=True)
    assert answer.count(b"HTTP/1.1 200 OK") == 3
    with socket.create_connection(("127.0.0.1", sim.port), timeout=20) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for i in range(len(request)):
            client.sendall(request[i:i + 1])
        assert b"200 OK" in client.recv(65536)
    assert sim.stats()["accepted"] == 3


def test_expect_continue(sim):
    raw = encode(message(numbers(1)))
    with socket.create_connection(("127.0.0.1", sim.port), timeout=20) as client:
        client.sendall(b"POST /sms/norsubmit HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(raw))
        assert client.recv(100).startswith(b"HTTP/1.1 100 ")
        client.sendall(raw)
        assert b"success" in client.recv(65536)


# ---- faults


def exchange(sim, mobiles):
    """(status, document) or the name of the way in which there is none."""
    connection = http.client.HTTPConnection("127.0.0.1", sim.port, timeout=20)
    try:
        return ask(connection, "POST", "/sms/norsubmit", encode(message(mobiles)))
    except http.client.RemoteDisconnected:
        return "closed"
    except http.client.IncompleteRead as error:
        return "cut", error.partial
    except ConnectionResetError:
        return "reset"
    except ConnectionRefusedError:
        return "refused"


def test_rspcod_for_the_next_requests(sim):
    sim.fault("rspcod:SystemBusy", count=2)
    words = [exchange(sim, numbers(1))[1]["rspcod"] for _ in range(3)]
    assert words == ["SystemBusy", "SystemBusy", "success"]
    sim.fault("rspcod", word="没见过的词")
    assert exchange(sim, numbers(1))[1] == {"msgGroup": "", "rspcod": "没见过的词", "success": False}
    sim.clear("rspcod")
    sim.fault("rspcod", word="FlowOverLimit", success=True)
    assert exchange(sim, numbers(1))[1]["success"] is True
    assert sim.hits("rspcod") == 1
    sim.clear()
    assert exchange(sim, numbers(1))[1]["rspcod"] == "success"
    assert sim.stats()["accepted"] == 2


@pytest.mark.parametrize("accept", [False, True])
@pytest.mark.parametrize("fault, outcome", [("close", "closed"), ("reset", "reset")])
def test_no_answer(sim, fault, outcome, accept):
    sim.fault(fault, accept=accept, count=1)
    assert exchange(sim, numbers(7)) == outcome
    assert len(sim.oracle()) == (7 if accept else 0)
    assert exchange(sim, numbers(7))[1]["rspcod"] == "success"


@pytest.mark.parametrize("accept", [False, True])
@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_error_pages(sim, status, accept):
    sim.fault(f"status:{status}", accept=accept)
    got, page = exchange(sim, numbers(3))
    assert got == status and "<html>" in page
    assert len(sim.oracle()) == (3 if accept else 0)


@pytest.mark.parametrize("accept", [False, True])
def test_hang(sim, accept):
    sim.fault("hang", accept=accept)
    raw = encode(message(numbers(4)))
    with socket.create_connection(("127.0.0.1", sim.port)) as client:
        client.sendall(b"POST /sms/norsubmit HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(raw) + raw)
        wait_until(lambda: sim.stats()["requests"] == 1)
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.recv(1)
    assert len(sim.oracle()) == (4 if accept else 0)
    wait_until(lambda: sim.stats()["connections"] == 1, what="the client's end is noticed")


def test_truncated(sim):
    sim.fault("truncate")
    kind, part = exchange(sim, numbers(1))
    assert kind == "cut" and part.startswith(b'{"msgGroup"') and not part.endswith(b"}")
    sim.clear()
    sim.fault("truncate", number=0)
    assert exchange(sim, numbers(1)) == ("cut", b"")
    assert sim.stats()["accepted"] == 2


def test_drip(sim):
    sim.fault("drip", ms=5)
    began = time.monotonic()
    assert exchange(sim, numbers(1))[1]["rspcod"] == "success"
    assert time.monotonic() - began > 0.25  # 60 bytes, 5 ms each, at least


def test_answers_that_are_no_verdict(sim):
    sim.fault("badjson", count=1)
    assert isinstance(exchange(sim, numbers(1))[1], str)
    sim.fault("body", text='{"rspcod":["success"]}', status=201, count=1)
    assert exchange(sim, numbers(1)) == (201, {"rspcod": ["success"]})
    sim.fault("huge", bytes=3_000_000, count=1)
    assert len(exchange(sim, numbers(1))[1]) == 3_000_000
    assert sim.stats()["accepted"] == 3


def test_styles_of_success(sim):
    sim.fault("success_string", count=1)
    assert exchange(sim, numbers(1))[1]["success"] == "true"
    sim.fault("success_false", count=1)
    assert exchange(sim, numbers(1))[1]["success"] is False
    sim.fault("mgsgroup", count=1)
    assert re.fullmatch(r"\d{22}", exchange(sim, numbers(1))[1]["mgsGroup"])
    sim.fault("no_group", count=1)
    assert exchange(sim, numbers(1))[1] == {"msgGroup": "", "rspcod": "success", "success": True}
    assert sim.stats()["accepted"] == 4


def test_keepalive_close_spares_the_first_request(sim):
    sim.fault("keepalive_close")
    connection = http.client.HTTPConnection("127.0.0.1", sim.port, timeout=20)
    connection.request("POST", "/sms/norsubmit", encode(message(numbers(1))))
    assert json.loads(connection.getresponse().read())["rspcod"] == "success"
    connection.request("POST", "/sms/norsubmit", encode(message(numbers(2)[1:])))
    with pytest.raises(http.client.RemoteDisconnected):
        connection.getresponse()
    assert len(sim.oracle()) == 1
    assert exchange(sim, numbers(3)[2:])[1]["rspcod"] == "success"


def test_invalid_mobile_follows_the_number(sim):
    everyone = numbers(20)
    sim.fault("invalid_mobile", mobile=int(everyone[13]))
    assert submit(sim, everyone)["rspcod"] == "InvalidMobile"
    assert submit(sim, everyone[:13])["rspcod"] == "success"
    assert submit(sim, everyone[13:])["rspcod"] == "InvalidMobile"
    assert submit(sim, everyone[14:])["rspcod"] == "success"
    assert [a.mobile for a in sim.oracle()] == everyone[:13] + everyone[14:]


def test_refuse(sim):
    assert exchange(sim, numbers(1))[1]["rspcod"] == "success"
    sim.fault("refuse")
    assert exchange(sim, numbers(1)) == "refused"
    sim.clear("refuse")
    assert exchange(sim, numbers(1))[1]["rspcod"] == "success"
    sim.fault("refuse", ms=200)
    assert exchange(sim, numbers(1)) == "refused"
    wait_until(lambda: exchange(sim, numbers(1)) != "refused")


def test_a_share_of_the_requests(make_sim):
    def met(seed):
        sim = make_sim(reports="none", seed=seed, fault="status:503,share=0.3")
        return [exchange(sim, [mobile])[0] == 503 for mobile in numbers(200)]
    first = met(5)
    assert 35 <= sum(first) <= 85
    assert first == met(5) and first != met(6)


def test_faults_by_switch_and_mistakes_in_them(make_sim, sim):
    by_switch = make_sim(reports="none", fault=["rspcod:FlowOverLimit,count=1", "latency,ms=1"])
    assert exchange(by_switch, numbers(1))[1]["rspcod"] == "FlowOverLimit"
    for wrong in ({"fault": "nonsense"}, {"fault": "close", "share": 2}, {"fault": "close", "colour": 1}, {}, "x",
                  {"fault": "rspcod", "word": 'a"b'}):
        with pytest.raises(AssertionError):
            sim.control("POST", "", wrong)
    assert sim.control("GET")["faults"] == []


def test_latency_delays_the_answer_only(make_sim):
    sim = make_sim(reports="none", latency_ms=300)
    began = time.monotonic()
    assert submit(sim, numbers(1))["rspcod"] == "success"
    assert time.monotonic() - began >= 0.3


# ---- reports and uplinks


def test_a_report_for_everyone_in_the_documented_form(make_reporting, receiver):
    sim = make_reporting(seed=7)
    mobiles = numbers(300)
    group = submit(sim, mobiles)["msgGroup"]
    stats = sim.wait_quiet()
    bodies = receiver.bodies()
    assert sorted(b["mobile"] for b in bodies) == sorted(mobiles)
    assert stats["reports"] == {"pushed": 300, "acknowledged": 300, "refused": 0, "broken": 0, "failed": 0, "outstanding": 0}
    for body in bodies:
        assert set(body) == {"reportStatus", "mobile", "submitDate", "receiveDate", "errorCode", "msgGroup"}
        assert body["msgGroup"] == group
        for key in ("submitDate", "receiveDate"):
            local = time.strptime(body[key], "%Y%m%d%H%M%S")
            assert abs(time.mktime(local) - time.mktime(time.gmtime(time.time() + 8 * 3600))) < 120
        assert body["errorCode"] or body["reportStatus"] == "CM:8003"
        if body["errorCode"]:
            assert body["reportStatus"] == "CM:0000"
    assert receiver.connections <= 5, "keep-alive"


def test_the_mix_is_realistic_and_repeatable(make_reporting, receiver):
    def codes(seed):
        receiver.pushes.clear()
        sim = make_reporting(seed=seed, report_batch=1000)
        submit(sim, numbers(5000))
        sim.wait_quiet()
        return {b["mobile"]: b["errorCode"] or b["reportStatus"] for body in receiver.bodies() for b in body}
    first = codes(1)
    assert len(first) == 5000
    share = collections.Counter(first.values())
    assert 0.93 < share["DELIVRD"] / 5000 < 0.97
    assert {"EXPIRED", "MK:0010", "MK:0001", "DB:0141", "DB:0140", "MI:0013"} < set(share)
    assert codes(1) == first
    assert codes(2) != first


def test_arrays(make_reporting, receiver):
    sim = make_reporting(report_batch=64)
    submit(sim, numbers(100))
    sim.wait_quiet()
    assert sorted(map(len, receiver.bodies())) == [36, 64]


def test_no_reports(make_reporting, receiver):
    sim = make_reporting(reports="none")
    submit(sim, numbers(10))
    assert sim.stats()["reports"]["outstanding"] == 0
    sim.report("{}")
    sim.wait_quiet()
    assert receiver.bodies() == [{}]


def test_a_push_is_repeated_until_acknowledged(make_reporting, receiver):
    sim = make_reporting()
    receiver.answers[:] = [500, 0, 404]
    submit(sim, numbers(1))
    reports = sim.wait_quiet()["reports"]
    assert (reports["pushed"], reports["acknowledged"], reports["failed"]) == (4, 1, 0)
    assert len({json.dumps(body) for body in receiver.bodies()}) == 1
    assert len(sim.reported()) == 1


def test_a_push_is_given_up_after_its_attempts(make_reporting, receiver):
    sim = make_reporting(report_attempts=2)
    receiver.answers[:] = [500] * 2
    submit(sim, numbers(1))
    reports = sim.wait_quiet()["reports"]
    assert (reports["pushed"], reports["acknowledged"], reports["failed"]) == (2, 0, 1)
    assert sim.reported() == []


def test_nobody_listens_for_a_while(make_sim):
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        sim = make_sim(report_url=f"http://127.0.0.1:{place.getsockname()[1]}/report")
        submit(sim, numbers(3))
        wait_until(lambda: sim.stats()["reports"]["broken"] >= 2)
        assert sim.stats()["reports"]["outstanding"] == 3


def test_report_before_the_answer(make_reporting, receiver):
    sim = make_reporting(report_delay_ms=60000)
    sim.fault("report_first")
    mobiles = numbers(5)
    assert submit(sim, mobiles)["rspcod"] == "success"
    assert sorted(b["mobile"] for b in receiver.bodies()) == sorted(mobiles)


def test_report_before_the_answer_waits_only_so_long(make_sim):
    sim = make_sim(report_url="http://127.0.0.1:1/report")
    sim.fault("report_first", ms=50)
    assert submit(sim, numbers(1))["rspcod"] == "success"


def test_report_faults(make_reporting, receiver):
    sim = make_reporting()
    mobiles = numbers(40)
    fates = {}

    def pushed(*faults, **keys):
        sim.clear()
        receiver.pushes.clear()
        for fault in faults:
            sim.fault(fault, **keys)
        group = submit(sim, mobiles)["msgGroup"]
        sim.wait_quiet()
        return group, receiver.bodies()

    _, bodies = pushed()
    fates = {b["mobile"]: b["errorCode"] for b in bodies}
    _, bodies = pushed("report_repeat", times=3)
    assert collections.Counter(b["mobile"] for b in bodies) == {m: 3 for m in mobiles}
    _, bodies = pushed("report_shuffle")
    assert len(bodies) == 40 and [b["mobile"] for b in bodies] != sorted(mobiles)
    _, bodies = pushed("report_intermediate")
    assert [b["reportStatus"] for b in bodies[:40]] == ["CM:3000"] * 40 and all(b["errorCode"] == "" for b in bodies[:40])
    assert {b["mobile"]: b["errorCode"] for b in bodies[40:]} == fates
    _, bodies = pushed("report_stale")
    assert {b["mobile"]: b["errorCode"] for b in bodies[:40]} == fates
    assert [b["reportStatus"] for b in bodies[40:]] == ["CM:3000"] * 40
    _, bodies = pushed("report_contradict")
    assert {b["mobile"]: b["errorCode"] == "DELIVRD" for b in bodies[40:]} == {m: c != "DELIVRD" for m, c in fates.items()}
    _, bodies = pushed("report_lost")
    assert bodies == []
    group, bodies = pushed("report_unknown_group")
    assert {b["msgGroup"] == group for b in bodies[:40]} == {False} and {b["msgGroup"] for b in bodies[40:]} == {group}
    _, bodies = pushed("report_unknown_mobile")
    assert not set(mobiles) & {b["mobile"] for b in bodies[:40]} and len(bodies) == 80
    _, bodies = pushed("report_code:ZZ:9999")
    assert {b["errorCode"] for b in bodies} == {"ZZ:9999"}
    began = time.monotonic()
    pushed("report_late", ms=400)
    assert time.monotonic() - began >= 0.4


def test_villagers_reply_repeatably(make_reporting, receiver):
    def replies():
        receiver.pushes.clear()
        sim = make_reporting(uplink_rate=0.2, report_batch=1000, service_code="106573010199")
        submit(sim, numbers(500))
        sim.wait_quiet()
        return {b["mobile"]: b["smsContent"] for b in receiver.bodies("/uplink")}, receiver.bodies("/uplink")
    texts, bodies = replies()
    assert 60 <= len(texts) <= 140 and len(bodies) == len(texts)
    assert "收到" in texts.values() and {"R", "退订"} & set(texts.values())
    for body in bodies:
        assert set(body) == {"mobile", "smsContent", "sendTime", "addSerial"}
        assert body["addSerial"] == "106573010199"
        time.strptime(body["sendTime"], "%Y-%m-%d %H:%M:%S")
    assert replies()[0] == texts


def fresh(make_reporting, receiver, **options):
    """A simulator with an empty pledge log."""
    sim = make_reporting(pledge_log=True, **options)
    (sim.folder / "pledges.log").write_text("")  # it appends
    receiver.pushes.clear()
    return sim


def test_villagers_pledge_once_and_repeatably(make_reporting, receiver):
    def pledges():
        sim = fresh(make_reporting, receiver, pledge_rate=0.5, uplink_rate=0.1, report_batch=1000)
        submit(sim, numbers(600))
        sim.wait_quiet()
        submit(sim, numbers(600), content="另一条短信")
        sim.wait_quiet()
        log = sim.pledge_log()
        assert [(r["mobile"], r["text"]) for r in log] == [(b["mobile"], b["smsContent"]) for b in receiver.bodies("/uplink")]
        sim.stop()
        return log
    log = pledges()
    pledged = [row for row in log if row["meaning"] != "other"]
    assert 240 <= len(pledged) <= 330
    assert len({row["mobile"] for row in pledged}) == len(pledged), "the second message makes nobody pledge again"
    others = collections.Counter(row["mobile"] for row in log if row["meaning"] == "other")
    assert set(others.values()) == {2} and not set(others) & {row["mobile"] for row in pledged}
    assert {"cash", "purchase", "goods", "service", "unclear"} == {row["meaning"] for row in pledged}
    for row in pledged:
        assert (row["fen"] > 0) == (row["meaning"] in ("cash", "purchase")), row
        assert (row["thousandths"] > 0) == (row["meaning"] in ("goods", "service")) == bool(row["item"] and row["unit"]), row
        assert row["name"] in row["text"], row
    assert sorted(map(str, pledges())) == sorted(map(str, log))


QUESTION = "%s您好，您认捐100元，编号513327-2026-%06d-54。请回复Y确认。"


def test_villagers_confirm_when_asked(make_reporting, receiver):
    sim = fresh(make_reporting, receiver, pledge_rate=1, service_code="106573010158")
    asked = {mobile: QUESTION % ("张三", i) for i, mobile in enumerate(numbers(300))}
    _, answer = post(sim, encode(personal(asked)))
    assert answer["rspcod"] == "success"
    sim.wait_quiet()
    log = sim.pledge_log()
    confirmed = [row for row in log if row["meaning"] == "confirm"]
    assert {row["meaning"] for row in log} == {"confirm", "other"} and 200 <= len(confirmed) < 300
    assert {"Y", "是"} <= {row["text"] for row in confirmed}
    with_number = [row for row in confirmed if "513327" in row["text"]]
    assert with_number and all(row["text"][2:] in asked[row["mobile"]] for row in with_number), "each has his own text"
    # Who was only asked has not pledged yet; an acknowledgement or a receipt is not answered by those who did.
    for text in (TEXT, "张三您好，您认捐100元，编号513327-2026-000001-54，感谢。", "收到100元，编号R513327-2026-000001-54"):
        receiver.pushes.clear()
        submit(sim, numbers(300), content=text)
        sim.wait_quiet()
        assert (len(receiver.bodies("/uplink")) > 250) == (text == TEXT)


def test_replies_go_to_the_code_that_villagers_see(make_reporting, receiver):
    sim = fresh(make_reporting, receiver, pledge_rate=1, service_code="1065730101")
    submit(sim, numbers(30), addSerial="58")
    submit(sim, numbers(30, 15410000000))
    sim.wait_quiet()
    for body in receiver.bodies("/uplink"):
        assert body["addSerial"] == ("106573010158" if body["mobile"].startswith("1540") else "1065730101")


def test_the_pledge_log_holds_what_was_taken(make_reporting, receiver):
    """A push that is refused comes again, and is logged once, when it is taken."""
    sim = fresh(make_reporting, receiver, pledge_rate=1, reports="none")
    receiver.answers = [500] * 7
    submit(sim, numbers(20))
    sim.wait_quiet()
    log = sim.pledge_log()
    assert len(receiver.bodies("/uplink")) == len(log) + 7
    assert len({row["mobile"] for row in log}) == len(log) >= 15


def test_injected_uplinks_and_reports(make_reporting, receiver):
    sim = make_reporting()
    sim.uplink(15400000001, "退订")
    sim.report([{"anything": 1}])
    sim.wait_quiet()
    assert receiver.bodies("/uplink")[0]["mobile"] == "15400000001"
    assert receiver.bodies("/uplink")[0]["smsContent"] == "退订"
    assert receiver.bodies("/report") == [[{"anything": 1}]]
    with pytest.raises(AssertionError):
        sim.control("POST", "/uplink", {"mobile": "1", "text": "R"})


def test_many_reports_one_a_post(make_reporting, receiver):
    sim = make_reporting(report_connections=2)
    for i in range(2):
        submit(sim, numbers(1000, 15400000000 + i))
    assert sim.wait_quiet()["reports"]["acknowledged"] == 2000
    assert len({(b["mobile"]) for b in receiver.bodies()}) == 2000


# ---- the command line


def test_command_line(make_sim, tmp_path):
    import subprocess
    from harness import BUILD

    def run(*args):
        return subprocess.run([BUILD / "outreach-sim", *args], capture_output=True, text=True, timeout=60, check=False)
    text = run("--help")
    assert text.returncode == 0 and "Examples:" in text.stdout and "keepalive_close" in text.stdout
    assert run("--version").stdout.startswith("outreach-sim ")
    for wrong in (["--nonsense"], ["--listen"], ["--seed", "x"], ["--uplink-rate", "2"], ["--fault", "nope"],
                  ["--fault", "close,share=7"], ["--reports", "some"], ["--secret-file", str(tmp_path / "none")]):
        done = run(*wrong)
        assert done.returncode == 2 and done.stderr, wrong
    assert run("--listen", "127.0.0.1:0", "--report-url", "ftp://x").returncode == 1
    secret = tmp_path / "secret"
    secret.write_text("From#File\r\n")
    sim = make_sim(secret_file=secret, reports="none")
    assert submit(sim, numbers(1), secret="From#File")["rspcod"] == "success"


def test_port_zero_prints_the_chosen_ports(tmp_path):
    from harness import BUILD, Process
    process = Process("sim", [BUILD / "outreach-sim", "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0", "--stats"],
                      tmp_path / "log")
    try:
        wait_until(lambda: "ready\n" in process.output())
        ports = dict(re.findall(r"(listening|control) port=(\d+)", process.output()))
        for port in ports.values():
            assert ask(http.client.HTTPConnection("127.0.0.1", int(port)), "GET", "/control/stats")[0] == 200
        assert len(ports) == 2
    finally:
        assert process.stop() == 0
    assert json.loads(process.output().splitlines()[-1])["requests"] == 0
