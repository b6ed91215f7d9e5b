"""Small stumbling blocks of the console, each with what a reader does when she meets it."""
import csv
import pathlib

from harness import TOP, wait_until
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from test_pledge_sms import define, wait_sent

TOWNSHIP = "513327205"
LOSE = """
    const real = window.fetch; window.lost = 0;
    window.fetch = async (path, options) => {
        const answer = await real(path, options);
        if (options.method === 'POST' && String(path).endsWith(arguments[0]) && window.lost++ === 0) { throw new TypeError('lost'); }
        return answer;
    };"""


def lose_answer(tab, path):
    """The daemon does what the next POST to a path says; its answer is lost on the way."""
    tab.driver.execute_script(LOSE.replace("arguments[0]", f"'{path}'"))


def clerk(world, open_tab, **options):
    world.user("qiu", "finance", TOWNSHIP)
    return open_tab(world, **options).login("qiu")


def has_focus(tab, id_):
    wait_until(lambda: tab.focused() == id_, what=lambda: f"the focus is on {id_}: {tab.focused()}")


def test_who_pauses_a_carrier_keeps_the_focus(world, open_tab):
    world.user("yun", "operator")
    tab = open_tab(world).login("yun").go("#/operations")
    tab.click("#carrier-toggle-mas").agree(reason="合同续签").find("[data-act=resume]")
    has_focus(tab, "carrier-toggle-mas")
    tab.click("#carrier-toggle-mas").agree().find("[data-act=pause]")
    has_focus(tab, "carrier-toggle-mas")
    tab.click("#carrier-toggle-mas").find("dialog[open]")
    tab.driver.execute_script("window.old = document.querySelector('#carrier-toggle-mas')")
    wait_until(lambda: tab.driver.execute_script("return !window.old.isConnected"), what="the page draws itself anew under the question")
    tab.press(Keys.ESCAPE)
    has_focus(tab, "carrier-toggle-mas")
    assert tab.complaints() == []


def test_nobody_is_thanked_for_what_was_taken_back(world, open_tab):
    number = world.ctl("pledge", "add", "--region", TOWNSHIP, "--amount", "5")["pledge"]
    tab = clerk(world, open_tab).go(f"#/pledges/{number}")
    tab.find("#pledge-print")
    thanks = tab.all("#pledge-thanks")[0].get_attribute("textContent")
    assert "尊敬的爱心人士：" in thanks and "未留" not in thanks
    tab.click("#pledge-void").agree(why="error", note="录错了")
    tab.wait_text("#pledge", "作废")
    wait_until(lambda: not tab.all("#pledge-print"), what="no notice of thanks")
    assert not tab.all("#pledge-thanks")
    tab.picture("pledge-void")
    assert tab.complaints() == []


def test_a_draft_whose_answer_was_lost_is_made_once(world, open_tab):
    world.user("wang", "township", TOWNSHIP)
    tab = open_tab(world).login("wang").go("#/campaigns/new")
    tab.fill("#new-title", "春耕通知")
    lose_answer(tab, "/drafts")
    tab.press(Keys.ENTER).wait_text(".alert-danger", "连不上")
    tab.click("form button[type=submit]").find("#draft-step")
    assert len(world.api("GET", "/campaigns")["campaigns"]) == 1


def test_the_file_of_totals_is_what_the_page_shows(make_world, open_tab):
    office = make_world(daemon={"regions_file": TOP / "config" / "regions.csv"})
    for region, yuan in (("510104017", 300), ("510107035", 500), (TOWNSHIP, 100)):
        office.ctl("pledge", "add", "--region", region, "--amount", str(yuan))
    office.user("sheng", "viewer", "51")
    tab = open_tab(office).login("sheng").go("#/totals/51?level=township")
    tab.wait_text("#totals-table", "300.00", "500.00", "100.00")
    tab.fill("#totals-search", "5101").click("[data-sort=pledged]")  # now the smallest first
    pledged = "return [...document.querySelectorAll('#totals-table tbody td:nth-child(4)')].map((cell) => cell.textContent)"
    wait_until(lambda: tab.driver.execute_script(pledged) == ["300.00 元", "500.00 元"], what=lambda: tab.driver.execute_script(pledged))
    tab.click("#totals-csv")
    saved = wait_until(lambda: list(pathlib.Path(tab.browser.downloads.name).glob("totals-*.csv")), what="the file")[0]
    rows = list(csv.reader(saved.read_text(encoding="utf-8-sig").splitlines()))
    assert [row[0] for row in rows[1:3]] == ["510104017", "510107035"] and not any(row[0] == TOWNSHIP for row in rows)
    assert any("5101" in row[0] and "搜索" in row[0] for row in rows[3:])


def test_who_comes_back_finds_the_list_as_it_was(world, open_tab):
    world.campaign("spring", rows=5, title="春耕通知")
    world.campaign("oct", rows=5, title="扶贫日")
    world.user("wang", "township", TOWNSHIP)
    tab = open_tab(world).login("wang").go("#/campaigns")
    tab.click("[data-filter=drafts]").fill("#campaign-search", "春耕")
    for way in (lambda: tab.driver.back(), lambda: tab.driver.find_element(By.CSS_SELECTOR, "main > p a").click()):
        wait_until(lambda: "扶贫日" not in tab.text("#campaigns"))
        tab.click("[href='#/campaigns/spring']").wait_text("h1", "春耕通知")
        way()
        tab.wait_text("#campaigns", "春耕通知")
        assert tab.find("#campaign-search").get_attribute("value") == "春耕" and "扶贫日" not in tab.text("#campaigns")
        assert tab.find("[data-filter=drafts]").get_attribute("aria-pressed") == "true"
    tab.driver.refresh()
    tab.wait_text("#campaigns", "春耕通知")
    assert "扶贫日" not in tab.text("#campaigns") and tab.complaints() == []


def test_a_question_says_what_is_lost(make_world, open_tab):
    world = make_world(daemon={"four_eyes_over": 2})
    world.campaign("spring", rows=5, title="春耕通知")
    world.api("POST", f"/areas/{TOWNSHIP}/live", {"actor": "root", "reason": "签名已批"})
    world.user("wang", "township", TOWNSHIP)
    tab = open_tab(world).login("wang").go("#/campaigns/spring?step=send")
    tab.click("#send-ask").wait_text("#send-approval", "审批")
    tab.click("main > p > .btn-outline-danger").wait_text("dialog[open]", "wang", "审批", "还没有人处理")
    tab.press(Keys.ESCAPE)
    assert tab.complaints() == []


def test_who_cancels_receipts_is_told_what_stays_unsaid(world, open_tab):
    mobile, *_ = define(world)
    world.api("POST", "/areas/513327/live", {"actor": "root", "reason": "签名已批"})
    world.ctl("pledge", "add", "--region", "513327205001", "--campaign", "oct17", "--name", "扎西", "--mobile", mobile, "--amount", "5")
    wait_sent(world, mobile, 1)
    world.user("yun", "operator")
    tab = open_tab(world).login("yun").go("#/campaigns/oct17-receipts")
    tab.click("#progress-cancel").wait_text("dialog[open]", "捐赠人的回执", "永远不会再发")
    tab.press(Keys.ESCAPE)
    assert tab.complaints() == []


def test_a_text_that_is_refused_weighs_nothing(world, open_tab):
    world.campaign("spring", rows=5)
    world.user("wang", "township", TOWNSHIP)
    tab = open_tab(world, width=360).login("wang").go("#/campaigns/spring?step=text")
    tab.wait_text("#text-weight", "每人")
    tab.fill("#text-text", "【高山乡】坏的文字")
    tab.wait_text("#text-problems", "【")
    wait_until(lambda: tab.text("#text-weight") == "", what=lambda: tab.text("#text-weight"))


def test_what_is_wrong_stands_beside_its_field(world, open_tab):
    tab = clerk(world, open_tab, width=360).go("#/pledges")
    tab.click("#pledge-enter summary").fill("#enter-amount", "5").fill("#enter-mobile", "123").press(Keys.ENTER)
    tab.wait_text("#enter-mobile-error", "个人手机号")
    has_focus(tab, "enter-mobile")
    field = tab.find("#enter-mobile")
    assert field.get_attribute("aria-describedby").split()[0] == "enter-mobile-error"
    inside = "const box = document.querySelector('#enter-mobile-error').getBoundingClientRect(); return box.top >= 0 && box.bottom <= window.innerHeight"
    assert tab.driver.execute_script(inside)
    tab.picture("pledge-field")
    tab.fill("#enter-mobile", "13800138000").press(Keys.ENTER)
    tab.wait_text("#enter-number", "-")
    assert not tab.all("#enter-mobile-error") and field.get_attribute("aria-describedby") is None
    assert tab.stumbles() == [] and tab.complaints() == []


def test_the_same_gift_of_the_same_day_is_asked_about(world, open_tab):
    tab = clerk(world, open_tab).go("#/pledges")
    tab.click("#pledge-enter summary")

    def enter(amount, **fields):
        tab.fill("#enter-amount", amount)
        for name, value in fields.items():
            tab.fill(f"#enter-{name}", value)
        tab.click("#enter-book")
    enter("100", name="扎西")
    first = tab.wait_text("#enter-number", "-").strip()
    enter("1", name="扎西")  # another amount: another one
    wait_until(lambda: tab.text("#enter-number").strip() not in ("", first))
    enter("100元", name="扎西")
    tab.wait_text("dialog[open]", first, "扎西", "100.00", "另一笔")
    tab.picture("pledge-double")
    tab.press(Keys.ESCAPE)
    assert len(world.ctl("pledge", "list")["pledges"]) == 2 and tab.find("#enter-name").get_attribute("value") == "扎西"
    tab.click("#enter-book").agree().wait_text("#enter-done", "-")
    assert len(world.ctl("pledge", "list")["pledges"]) == 3
    # A lost answer is no second one: the same request again is booked once, and nothing is asked.
    lose_answer(tab, "/pledges")
    enter("7", name="卓玛")
    tab.wait_text("#pledge-enter .alert-danger", "连不上")
    tab.click("#enter-book").wait_text("#enter-done", "-")
    assert len(world.ctl("pledge", "list")["pledges"]) == 4 and tab.complaints() == []


def test_one_is_one_in_english(world, open_tab):
    world.campaign("spring", rows=1)
    world.user("wang", "township", TOWNSHIP)
    tab = open_tab(world, language="en").login("wang").go("#/campaigns")
    tab.wait_text("[role=status]", "1 of 1 campaign")
    assert "campaigns" not in tab.text("main > p[role=status]")
    tab.go("#/campaigns/spring?step=list").wait_text("#list-verdict", "1 person can be written to (1 row)")
    assert "uploaded by" not in tab.text("#list-result") and "spring.csv" in tab.text("#list-result")  # nobody did: it was put there
    tab.picture("list-one")
    tab.click("[data-step=text]").wait_text("#text-weight", "1 segment,")
    assert tab.complaints() == []


def test_a_signature_takes_what_the_daemon_takes(world, open_tab):
    world.campaign("spring", rows=5)
    world.user("wang", "township", TOWNSHIP)
    tab = open_tab(world).login("wang").go("#/campaigns/spring?step=text")
    tab.wait_text("#text-signature-hint", "2 到 16 个字")
    tab.fill("#text-signature", "高" * 17)
    assert tab.find("#text-signature").get_attribute("value") == "高" * 16
    wait_until(lambda: world.api("GET", "/drafts/spring")["fields"]["signature"] == "高" * 16)
    assert tab.text("#draft-problem") == ""


def test_a_draft_in_trial_gets_a_carrier_that_may_be_used(world, open_tab):
    config = world.daemons["a"].config
    alone = config.read_text(encoding="utf-8")
    section = alone[alone.index("[carrier mas]"):].replace("[carrier mas]", "[carrier try]").rstrip()
    config.write_text(f"{alone}{section}\ntrial = yes\n", encoding="utf-8")
    world.ctl("reload")
    wait_until(lambda: len(world.ctl("carrier", "list")["carriers"]) == 2, what="two carriers")
    world.campaign("spring", rows=5)
    people = [line.split(",")[0] for line in (world.dir / "campaigns.d" / "spring.csv").read_text(encoding="utf-8").splitlines()[1:]]
    world.api("POST", f"/areas/{TOWNSHIP}", {"actor": "root", "own_numbers": people})
    world.user("wang", "township", TOWNSHIP)
    tab = open_tab(world).login("wang").go("#/campaigns/spring?step=send")
    tab.wait_text("#trial-box", "“时间”一步", "trial = yes")
    tab.click("[data-step=schedule]").wait_text("#time-carrier", "try（连着模拟器）")
    tab.picture("schedule-carrier").choose("#time-carrier", "try").click("[data-step=send]")
    tab.wait_text("#trial-box", "可以试发")
    tab.find("#send-launch")
    assert world.api("GET", "/drafts/spring")["fields"]["carrier"] == "try" and tab.complaints() == []
