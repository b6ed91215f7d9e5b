"""The campaigns pages over what was launched: the list, live progress, pause and resume, the report."""
import re

import pytest
from harness import PASSWORD, wait_until
from selenium.webdriver.common.keys import Keys

TOWNSHIP = "513327205"


def figures(tab):
    """{state: people} of the table of counts, and its sum, read at one instant."""
    rows = tab.driver.execute_script("""
        return [...document.querySelectorAll('#progress-counts tbody tr')].map((row) => [row.dataset.state, row.querySelector('td').textContent])
            .concat([['sum', document.querySelector('#progress-sum')?.textContent ?? '0']])""")
    return {state: int(text.replace(",", "")) for state, text in rows}


def percent(tab):
    text = tab.driver.execute_script("return document.querySelector('#progress-percent').textContent")  # at one instant: it is drawn anew all the time
    return int(re.search(r"\d+", text)[0])


def test_progress_is_live_and_adds_up(make_world, open_tab):
    world = make_world(carrier={"rate": 100})
    world.campaign("oct", rows=400, title="全国扶贫日宣传")
    world.campaign("draft", rows=5, title="没写完的")
    world.api("POST", f"/areas/{TOWNSHIP}/live", {"actor": "root", "reason": "签名已批"})  # in trial nothing real goes on
    world.user("wang", "township", TOWNSHIP)
    tab = open_tab(world).login("wang").go("#/campaigns")
    tab.wait_text("#campaigns", "没写完的", "草稿")
    world.ctl("carrier", "pause", "mas", "--reason", "合同续签")  # so that it stands still under our eyes
    world.launch("oct")
    tab.wait_text("#campaigns", "0 / 400", "合同续签")  # without a reload
    tab.picture("campaigns")
    tab.click("[href='#/campaigns/oct']").wait_text("h1", "全国扶贫日宣传")

    tab.wait_text("#progress-actions", "暂停")
    tab.click("#progress-pause").agree(reason="号码写错了")
    tab.wait_text("#progress-waiting", "号码写错了", "wang")
    seen = figures(tab)
    assert seen["sum"] == 400 and sum(seen.values()) == 800 and seen["queued"] == 400 and percent(tab) == 0, seen
    tab.picture("progress-paused")
    world.ctl("carrier", "resume", "mas")
    tab.click("#progress-resume").agree()
    world.wait_reported("oct")
    tab.wait_text(".badge.state", "已发完")
    tab.wait_text("#progress-percent", "100")
    counts = world.counts("oct")
    tab.wait_text("[data-state=delivered]", str(counts["delivered"]))
    seen = figures(tab)
    assert seen.pop("sum") == 400 and seen == {state: counts[state] for state in seen}
    tab.picture("progress-done")
    assert tab.complaints() == []


@pytest.mark.parametrize("width,language", [(360, "zh-CN"), (1280, "en")])
def test_who_was_not_reached_is_said_in_words_and_written_to_again(world, open_tab, width, language):
    world.campaign("oct", rows=200)  # the simulator's mix: of these some phones are off
    world.launch("oct")
    world.wait_reported("oct")
    missing = sum(world.counts("oct")[state] for state in ("undelivered", "expired", "rejected"))
    world.api("POST", "/areas/513327/live", {"actor": "root", "reason": "签名已批"})
    world.user("wang", "township", TOWNSHIP)
    tab = open_tab(world, width=width, language=language).login("wang").go("#/campaigns/oct")
    assert missing > 0
    tab.wait_text("#report-total", str(missing))
    assert tab.all("#report-table [lang=zh-CN]")  # the carriers' words are read out as what they are
    assert "code" in tab.text("#report-table") or "代码" in tab.text("#report-table")
    people = tab.all("#report-groups details")[0].get_attribute("textContent")
    assert re.search(r"154\*\*\*\*\d{4}", people) and not re.search(r"154\d{8}", people)
    tab.picture("report")
    tab.click("#report-whole").agree(reason="逐个回访")  # whole numbers: what for, then the password
    tab.find("#confirm-password").send_keys(PASSWORD, Keys.ENTER)
    wait_until(lambda: "report unmasked" in str(world.ctl("audit", "list")["lines"][:3]))
    told = next(line for line in world.ctl("audit", "list")["lines"] if line["act"] == "report unmasked")
    assert (told["actor"], told["detail"]) == ("wang", "逐个回访")
    again = int(re.search(r"\d+", tab.find("#resend-temporary").text)[0])
    assert 0 < again <= missing
    tab.click("#resend-temporary")
    tab.wait_text("dialog[open]", str(again))
    counted = world.api("GET", "/campaigns/oct/resend?only=temporary")
    assert counted["people"] == again and f"{counted['cost_fen'] / 100:.2f}" in tab.text("#resend-cost")  # one truth: the daemon's
    tab.agree(reason="关机的再通知一次")
    tab.wait_text("h1 ~ .badge.state, .badge.state", "发完" if language == "zh-CN" else "Done")
    assert figures(tab)["sum"] == again and "/oct" not in tab.driver.current_url.replace("/oct-", "/")
    assert tab.complaints() == []


def test_a_draft_says_why_its_last_launch_failed(world, open_tab):
    world.campaign("oct", rows=40)
    world.api("POST", "/campaigns/launch", {"file": "oct", "expect_recipients": 41, "actor": "root"})
    failed = wait_until(lambda: (world.api("GET", "/campaigns/oct")["import"] or {}).get("phase") == "failed" and world.api("GET", "/campaigns/oct"))
    world.user("wang", "township", TOWNSHIP)
    tab = open_tab(world).login("wang").go("#/campaigns/oct")
    assert failed["import"]["reason"].startswith("41 recipients were expected, but 40 are accepted")
    tab.wait_text("#draft-failed", "一条也没有发", "核对时是 41 人，现在能发送的是 40 人")
    tab.picture("draft-failed")
    assert tab.complaints() == []


@pytest.mark.parametrize("width,language", [(1280, "zh-CN"), (360, "en")])
def test_what_a_trial_refuses_stands_beside_the_plan(make_world, open_tab, width, language):
    world = make_world(carrier={"trial": "yes"}, daemon={"trial_daily": 3})
    world.campaign("oct", rows=5)
    world.user("wang", "township", TOWNSHIP)
    chinese = language == "zh-CN"
    tab = open_tab(world, width=width, language=language).login("wang").go("#/campaigns/oct")
    for step in ("list", "send"):
        tab.click(f"[data-step={step}]")
        tab.wait_text("#trial-box", *(("有 5 人不是", "第 2 行", "今天只能再发 3 条") if chinese else ("5 people", "row 2", "3 messages are left")))
        tab.picture(f"draft-trial-{step}")
    tab.wait_text("#send-blocked", "自有号码" if chinese else "own numbers")
    assert not tab.all("#send-launch")
    people = [line.split(",")[0] for line in (world.dir / "campaigns.d" / "oct.csv").read_text(encoding="utf-8").splitlines()[1:4]]
    (world.dir / "campaigns.d" / "oct.csv").write_text("\n".join(["手机号", *people]) + "\n", encoding="utf-8")
    world.api("POST", f"/areas/{TOWNSHIP}", {"actor": "root", "own_numbers": people})
    tab.go("#/campaigns/oct").click("[data-step=send]").find("#send-launch")
    tab.wait_text("#trial-box", "3")
    assert not tab.all("#send-blocked")
    assert tab.complaints() == []


@pytest.mark.parametrize("language,words", [("zh-CN", ("由人工决定", "不确定")), ("en", ("a person decided", "not known"))])
def test_what_a_person_decided_is_not_laid_at_the_carriers_door(make_world, open_tab, language, words):
    world = make_world(carrier={"timeout": "1s"}, sim={"reports": "none"})
    world.campaign("oct", rows=10)
    world.sim.fault("close", accept=False)
    world.launch("oct")
    wait_until(lambda: world.counts("oct")["ambiguous"] == 10, what="ambiguous")
    world.ctl("campaign", "resolve", "oct", "--ambiguous", "fail", "--reason", "来不及了")
    world.wait_state("oct", "done")
    world.user("wang", "township", TOWNSHIP)
    tab = open_tab(world, language=language).login("wang").go("#/campaigns/oct")
    tab.wait_text("#report-table", *words)
    assert "OPERATOR" not in tab.text("#report-table")
    assert tab.complaints() == []
