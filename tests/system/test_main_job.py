"""The main job: a township's campaign from the INI file to the last status report, and everything that must refuse to happen."""
import collections
import csv
import io
import shutil
import time

import pytest
from harness import TOP, wait_until


def local(offset):
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(time.time() + offset + 8 * 3600))


# How the simulator's codes read in our states.
STATE_OF_CODE = {"DELIVRD": "delivered", "EXPIRED": "expired"}


def test_the_shipped_774(make_world):
    """The demo campaign as it is shipped, at another hour: every count equals the simulator's log."""
    world = make_world(carrier={"rate": 0})
    for name in ("gaoshan.csv", "2026-10-17-gaoshan.ini"):
        shutil.copy(TOP / "config" / "campaigns.d" / name, world.dir / "campaigns.d" / name)
    ini = world.dir / "campaigns.d" / "2026-10-17-gaoshan.ini"
    keys = {"start": local(-60), "end": local(86400), "window": "00:00-24:00"}
    ini.write_text("".join(f"{line.split('=')[0]}= {keys[line.split('=')[0].strip()]}\n"
                           if line.split("=")[0].strip() in keys else line + "\n" for line in ini.read_text().splitlines()))
    world.sizes["2026-10-17-gaoshan"] = 774
    world.launch("2026-10-17-gaoshan")
    counts = world.wait_reported("2026-10-17-gaoshan")
    assert sum(counts.values()) == 774
    oracle = world.sim.oracle()
    assert len(oracle) == 774 and len({a.mobile for a in oracle}) == 774
    final = {r.mobile: r.code for r in world.sim.reported()}
    assert len(final) == 774
    told = collections.Counter("delivered" if code == "DELIVRD" else "expired" if state == "expired" else "other"
                               for code, state in ((c, STATE_OF_CODE.get(c)) for c in final.values()))
    assert counts["delivered"] == told["delivered"] > 700
    assert counts["queued"] == counts["inflight"] == counts["ambiguous"] == 0
    rows = list(csv.DictReader(io.StringIO(world.ctl("campaign", "report", "2026-10-17-gaoshan", "--csv", json=False))))
    assert len(rows) == 774
    assert collections.Counter(row["state"] for row in rows) == +counts
    by_number = {row["number"]: row for row in rows}
    for mobile, code in final.items():
        assert by_number[mobile]["code"] == code
        assert (by_number[mobile]["state"] == "delivered") == (code == "DELIVRD")


def test_first_request_is_a_canary_of_ten(world):
    world.campaign("c1", rows=300)
    world.launch("c1")
    world.wait_done("c1")
    sizes = collections.Counter(a.request for a in world.sim.oracle())
    assert sizes[min(sizes)] == 10
    assert sum(sizes.values()) == 300


def test_personal_texts(world):
    world.campaign("c1", rows=[(f"1540000{i:04d}", f"张{i}") for i in range(50)], columns=("手机号", "姓名"), text="((姓名))：请关注扶贫日活动")
    plan = world.ctl("campaign", "plan", "c1")
    assert plan["accepted"] == 50 and len(plan["preview"]) == 3
    assert plan["preview"][0] == "【高山乡人民政府】张0：请关注扶贫日活动拒收请回复R"
    world.launch("c1")
    counts = world.wait_reported("c1")
    assert sum(counts.values()) == len(world.sim.oracle()) == 50


def test_plan_says_who_is_left_out_and_why(world):
    world.ctl("optout", "add", "15400000001", "--reason", "电话要求")
    world.campaign("c1", csv="姓名,手机号\n张三,15400000001\n李四,010-88886666\n王五,15400000002\n王五,15400000002\n赵六,1.38E+10\n"
                             ",15400000003\n".encode(), rows=0, text="((姓名))您好")
    plan = world.ctl("campaign", "plan", "c1")
    assert (plan["rows"], plan["accepted"], plan["duplicate"], plan["invalid"], plan["opted_out"]) == (6, 1, 1, 3, 1)
    assert {p["row"] for p in plan["problems"]} >= {3, 5, 6, 7}
    assert plan["requests"] == 1 and plan["cost_fen"] == plan["segments_total"] * 5
    # The launch counts the same people, and refuses any other expectation.
    refused = world.ctl_raw("campaign", "launch", "c1", "--now", "--yes", "--expect-recipients", "2")
    assert refused.returncode == 1 and "1" in refused.stderr
    assert not world.sim.oracle()
    world.launch("c1", expect=1)
    world.wait_reported("c1")
    assert [a.mobile for a in world.sim.oracle()] == ["15400000002"]


def test_without_redis_a_launch_blames_redis_and_not_the_list(make_world):
    world = make_world()
    world.ctl("optout", "add", "15400000000", "--reason", "电话要求")
    world.campaign("c1", rows=20)
    assert world.ctl("campaign", "plan", "c1")["accepted"] == 19
    world.stop_redis()
    wait_until(lambda: not world.daemons["a"].ready(), what="the daemon sees that Redis is away")
    refused = world.ctl_raw("campaign", "launch", "c1", "--now", "--yes", "--expect-recipients", "19")
    assert refused.returncode == 1
    assert "Redis" in refused.stderr and "nothing was launched" in refused.stderr
    assert "are expected" not in refused.stderr  # 20 would be accepted, had nobody opted out
    world.start_redis()
    wait_until(world.daemons["a"].ready, what="Redis is back")
    world.launch("c1", expect=19)
    world.wait_reported("c1")
    assert "15400000000" not in {a.mobile for a in world.sim.oracle()}


def test_a_second_launch_is_refused(world):
    world.campaign("c1", rows=20)
    world.launch("c1")
    world.wait_done("c1")
    again = world.ctl_raw("campaign", "launch", "c1", "--now", "--yes", "--expect-recipients", "20")
    assert again.returncode == 1
    world.campaign("c2", rows=20)  # the same text to the same list under another name
    copy = world.ctl_raw("campaign", "launch", "c2", "--now", "--yes", "--expect-recipients", "20")
    assert copy.returncode == 1 and "c1" in copy.stderr
    world.sim.wait_quiet()
    assert len(world.sim.oracle()) == 20
    world.launch("c2", "--again", "--reason", "第一次没写活动时间")
    world.wait_reported("c2")
    assert len(world.sim.oracle()) == 40


def test_dedup_group_gives_each_number_one_message(world):
    world.campaign("c1", rows=60, dedup_group="oct17", text="第一条")
    world.campaign("c2", rows=100, dedup_group="oct17", text="第二条")
    world.launch("c1")
    plan = world.ctl("campaign", "plan", "c2")
    assert (plan["accepted"], plan["duplicate"]) == (40, 60)
    world.launch("c2", expect=40)
    world.wait_reported("c1")
    world.wait_reported("c2")
    mobiles = [a.mobile for a in world.sim.oracle()]
    assert len(mobiles) == len(set(mobiles)) == 100


def test_a_late_campaign_asks_and_never_fires(world):
    world.campaign("c1", rows=20, start=local(-7200), late_after="30m")
    refused = world.ctl_raw("campaign", "launch", "c1", "--yes", "--expect-recipients", "20")
    assert refused.returncode == 1 and "--now" in refused.stderr
    # It missed the evening's last ten minutes, and the window opened again ten minutes ago: closed hours count.
    world.campaign("c1", rows=20, start=local(-20 * 3600 - 600), window=f"{local(-600)[-5:]}-{local(4 * 3600)[-5:]}", late_after="30m")
    refused = world.ctl_raw("campaign", "launch", "c1", "--yes", "--expect-recipients", "20")
    assert refused.returncode == 1 and "--now" in refused.stderr
    # Launched in time, but nothing could be sent until it was late: as when the daemon or the line was down.
    world.ctl("carrier", "pause", "mas", "--reason", "线路检修")
    world.campaign("c1", rows=20, start=time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time.time() + 8 * 3600)), late_after="3s")
    world.launch("c1", now=False)
    status = world.wait_state("c1", "missed")
    world.ctl("carrier", "resume", "mas")
    assert status["waiting"]["reason"]
    assert status["counts"]["queued"] == 20 and not world.sim.oracle()
    world.ctl("campaign", "resume", "c1")
    world.wait_reported("c1")
    assert len(world.sim.oracle()) == 20


def test_a_closed_window_waits_with_a_reason_and_an_end(world):
    hour = time.gmtime(time.time() + 8 * 3600).tm_hour
    opens, closes = (hour + 2) % 24, (hour + 3) % 24
    world.campaign("c1", rows=20, window=f"{opens:02d}:00-{closes:02d}:00")
    world.launch("c1")
    waiting = wait_until(lambda: world.status("c1")["waiting"], what="a reason")
    assert f"{opens:02d}:00" in waiting["reason"] and waiting["until"]
    assert world.counts("c1")["queued"] == 20 and not world.sim.oracle()


def test_pause_resume_cancel_are_exact(make_world):
    world = make_world(carrier={"rate": 0}, sim={"report_delay_ms": 0})
    world.campaign("c1", rows=400, rate=50)
    world.launch("c1")
    wait_until(lambda: len(world.sim.oracle()) >= 10, what="the canary")
    said = world.ctl("campaign", "pause", "c1", "--reason", "电话写错了")
    status = wait_until(lambda: (s := world.status("c1"))["counts"]["inflight"] == 0 and s, what="nothing in flight")
    assert status["state"] == "paused" and "电话写错了" in status["waiting"]["reason"]
    sent = len(world.sim.oracle())
    assert status["counts"]["queued"] == 400 - sent and said["counts"]["queued"] >= status["counts"]["queued"]
    world.ctl("campaign", "resume", "c1")
    wait_until(lambda: len(world.sim.oracle()) > sent, what="sending again")
    world.ctl("campaign", "cancel", "c1", "--reason", "作废")
    status = wait_until(lambda: (s := world.status("c1"))["counts"]["inflight"] == 0 and s, what="nothing in flight")
    assert status["state"] == "cancelled" and status["counts"]["queued"] == 0
    assert status["counts"]["cancelled"] == 400 - len(world.sim.oracle())
    assert world.ctl_raw("campaign", "resume", "c1").returncode == 1
    world.check_books("c1")


def test_resend_only_those_who_were_not_reached(world):
    world.campaign("c1", rows=600)
    world.launch("c1")
    world.wait_reported("c1")
    rows = list(csv.DictReader(io.StringIO(world.ctl("campaign", "report", "c1", "--csv", json=False))))
    delivered = {row["number"] for row in rows if row["state"] == "delivered"}
    first = {a.mobile for a in world.sim.oracle()}
    beforehand = world.api("GET", "/campaigns/c1/resend?only=temporary")
    child = world.ctl("campaign", "resend", "c1", "--only", "temporary", "--reason", "关机的再发一次")
    world.wait_state(child["id"], "done")
    assert beforehand["people"] == world.status(child["id"])["accepted"] and beforehand["id"] == child["id"]
    assert beforehand["cost_fen"] == world.status(child["id"])["cost_fen"]
    assert world.daemons["a"].api("GET", "/campaigns/c1/resend?only=all")[0] == 400
    assert world.api("GET", "/campaigns/c1/resend?only=temporary")["people"] == 0
    second = [a.mobile for a in world.sim.oracle()[len(first):]]
    assert second and len(second) == len(set(second)) == world.status(child["id"])["accepted"]
    assert not delivered & set(second) and set(second) <= first


def test_rate_is_kept(make_world):
    """60 segments a second for three seconds' worth: the carrier never sees more than the rate allows plus one request."""
    world = make_world(carrier={"rate": 0}, sim={"reports": "none"})
    world.campaign("c1", rows=200, rate=60)
    world.launch("c1")
    began = wait_until(lambda: world.sim.oracle() and time.monotonic(), what="begun")
    world.wait_done("c1")
    assert time.monotonic() - began >= (200 - 10 - 2 * 60) / 60


def test_test_message_goes_to_one_number(world):
    world.campaign("c1", rows=20)
    world.ctl("campaign", "test", "c1", "--to", "154 9999 0000", json=False)
    wait_until(world.sim.oracle, what="the test message")
    assert [a.mobile for a in world.sim.oracle()] == ["15499990000"]
    # Its report is ours: nobody is to be asked who else sends over this account.
    wait_until(lambda: world.api("GET", "/carriers")["carriers"][0]["reports"] == 1, what="its report")
    wait_until(lambda: world.api("GET", "/carriers")["carriers"][0]["parked"] == 0, what="not parked, or not for long")


def test_reports_of_a_test_message_are_not_parked(world):
    """In whichever order they and the answer come."""
    def push(batch, mobile):
        world.sim.report([{"reportStatus": "DELIVRD", "mobile": mobile, "submitDate": "20261017090000", "receiveDate": "20261017090001",
                           "errorCode": "DELIVRD", "msgGroup": batch}])

    def parked():
        return world.api("GET", "/carriers")["carriers"][0]["parked"]
    push("0526154547001000000001", "15400000001")
    push("0526154547001000000002", "15400000001")
    wait_until(lambda: parked() == 2, what="two that nobody knows")
    for _ in range(2):
        world.redis.execute_command("FCALL", "or1_tested", 1, "outreach:{mas}:", "0526154547001000000001")
        assert parked() == 1
    push("0526154547001000000001", "15400000001")
    push("0526154547001000000003", "15400000003")
    wait_until(lambda: parked() == 2, what="another that nobody knows")
    assert world.redis.exists("outreach:{mas}:pk:0526154547001000000002", "outreach:{mas}:pk:0526154547001000000003") == 2
    assert world.redis.exists("outreach:{mas}:pk:0526154547001000000001") == 0


def test_exit_codes(world):
    assert world.ctl_raw("campaign", "status", "nothing").returncode == 3
    assert world.ctl_raw("campaign", "dance").returncode == 2
    assert world.ctl_raw("carrier", "pause", "nobody").returncode == 3
    world.kill_daemon()
    assert world.ctl_raw("status").returncode == 4
    assert world.ctl_raw("check").returncode == 0


def test_plan_without_daemon_says_so(world):
    world.campaign("c1", rows=30)
    world.kill_daemon()
    plan = world.ctl("campaign", "plan", "c1")
    assert plan["accepted"] == 30
    text = world.ctl_raw("campaign", "plan", "c1")
    assert text.returncode == 0 and "NOT CONSULTED" in text.stdout and not plan["optouts_consulted"]


def test_a_plan_warns_of_areas_that_cannot_be_read(world):
    rows = [("15400000001", "513327205001"), ("15400000002", "云坪村"), ("15400000003", "")]
    world.campaign("c1", rows=rows, columns=("手机号", "地区"))
    plan = world.ctl("campaign", "plan", "c1")
    assert (plan["accepted"], plan["problems_total"], plan["warnings_total"]) == (3, 0, 1)
    assert [(p["row"], p["value"], p["word"], p["accepted"]) for p in plan["problems"]] == [(3, "云坪村", "area_code", True)]
    text = world.ctl_raw("campaign", "plan", "c1").stdout
    assert "rows that are sent, with a warning" in text and "云坪村" in text and "rows left out" not in text


@pytest.mark.parametrize("text, word", [("((姓名))您好", "姓名"), ("你好【测试】", "【")])
def test_a_text_that_cannot_be_sent_is_refused(world, text, word):
    world.campaign("c1", rows=5, text=text)
    done = world.ctl_raw("campaign", "plan", "c1")
    assert done.returncode == 1 and word in done.stderr
    assert world.ctl_raw("campaign", "launch", "c1", "--now", "--yes", "--expect-recipients", "5").returncode == 1
