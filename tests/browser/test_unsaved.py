"""What is typed and not saved: it is never lost without a word, never hidden, and nothing is launched over it."""
import pytest
from harness import local_minute, numbers, wait_until
from selenium.webdriver.common.keys import Keys

TOWNSHIP = "513327205"
START = local_minute(-86400)
FIELDS = {"text": "好的文字甲。", "signature": "高山乡人民政府", "class": "notice", "start": START, "end": "2036-01-01 20:00", "window": "00:00-24:00",
          "late_after": "30d"}


@pytest.fixture
def ready(world):
    """A draft to five people that may be launched, and who writes it."""
    world.api("POST", f"/areas/{TOWNSHIP}/live", {"actor": "root", "reason": "签名已批"})
    world.user("wang", "township finance", TOWNSHIP)
    world.api("POST", "/drafts", {"id": "spring", "title": "春耕", "region": TOWNSHIP, "carrier": "mas", "actor": "wang"})
    list_ = "手机号\n" + "".join(f"{n}\n" for n in numbers(5))
    world.api("PUT", "/drafts/spring/recipients?at=0&last=1&name=list.csv&actor=wang", list_.encode())
    save(world, **FIELDS)
    return world


def save(world, actor="wang", **fields):
    return world.api("POST", "/drafts/spring", {"version": draft(world)["version"], "fields": fields, "actor": actor})


def draft(world):
    return world.api("GET", "/drafts/spring")


def value(tab, css):
    return tab.find(css).get_attribute("value")


def wait_saved(world, name, expected):
    wait_until(lambda: draft(world)["fields"][name] == expected, what=lambda: draft(world)["fields"])


def test_a_refused_text_stays_in_sight_and_holds_up_the_launch_alone(ready, open_tab):
    tab = open_tab(ready, width=360).login("wang").go("#/campaigns/spring?step=text")
    tab.fill("#text-text", "【高山乡】坏的文字乙。").wait_text("#draft-problem", "正文", "没有保存")
    assert tab.find("#text-text").get_attribute("aria-invalid") is not None
    tab.picture("draft-refused")
    tab.click("[data-step=schedule]").wait_text("#draft-saved", "没有保存")
    assert "!" in tab.text("[data-step=text]")
    tab.fill("#time-title", "春耕通知").press(Keys.TAB)
    wait_saved(ready, "title", "春耕通知")  # what is right is saved meanwhile
    tab.click("[data-step=send]").wait_text("#draft-unsaved", "还没有保存")
    assert not tab.all("#send-launch") and "好的文字甲" not in tab.text("main")
    tab.click("[data-step=test]").fill("#test-number", "15400000001").press(Keys.ENTER).wait_text("#test-result", "还没有保存")
    tab.click("[data-step=text]")
    assert value(tab, "#text-text") == "【高山乡】坏的文字乙。"
    tab.fill("#text-text", "改正后的文字乙。")
    wait_saved(ready, "text", "改正后的文字乙。")
    tab.wait_gone("#draft-problem .alert")
    tab.click("[data-step=send]").wait_text("#send-truth", "改正后的文字乙")
    tab.find("#send-launch")
    assert ready.sim.oracle() == [] and tab.complaints() == []


def test_what_somebody_else_saved_is_never_launched_unseen(ready, open_tab):
    tab = open_tab(ready).login("wang").go("#/campaigns/spring?step=send")
    tab.find("#send-launch")
    save(ready, actor="hua", text="新文字，没有人看过。")
    tab.click("#send-launch").wait_text("main", "刚刚有人改过")
    tab.wait_text("#send-truth", "新文字，没有人看过")  # now it is seen
    assert ready.sim.oracle() == []
    tab.click("#send-launch").find("#progress-percent")
    ready.wait_done("spring")
    assert len(ready.sim.oracle()) == 5


@pytest.mark.parametrize("choice,text", [(".btn-warning", "对方的文字。"), (".btn-outline-dark", "我的文字。")])
def test_when_two_write_one_decides(ready, open_tab, choice, text):
    tab = open_tab(ready).login("wang").go("#/campaigns/spring?step=text")
    tab.find("#text-text")
    save(ready, actor="hua", text="对方的文字。", title="对方的标题")
    tab.fill("#text-text", "我的文字。").wait_text("#draft-stale", "别人刚刚改过")
    tab.picture("draft-stale")
    tab.click("[data-step=send]").find("#draft-unsaved")
    assert not tab.all("#send-launch")
    tab.click(f"#draft-stale {choice}").wait_gone("#draft-stale")
    wait_saved(ready, "text", text)
    assert draft(ready)["fields"]["title"] == "对方的标题"
    tab.click("[data-step=text]")
    wait_until(lambda: value(tab, "#text-text") == text)
    assert tab.complaints() == []


def test_a_line_that_comes_back_saves_by_itself(ready, open_tab):
    tab = open_tab(ready).login("wang").go("#/campaigns/spring?step=text")
    tab.find("#text-text")
    tab.driver.set_network_conditions(offline=True, latency=0, throughput=-1)
    tab.fill("#text-text", "断网时写的。").wait_text("#draft-saved", "没有保存")
    tab.driver.set_network_conditions(offline=False, latency=0, throughput=-1)
    wait_saved(ready, "text", "断网时写的。")
    tab.wait_text("#draft-saved", "已保存")


def test_a_login_that_ended_costs_nothing(ready, open_tab):
    tab = open_tab(ready).login("wang").go("#/campaigns/spring?step=text")
    tab.find("#text-text")
    for key in ready.redis.scan_iter("outreach:{u}:s:*"):
        ready.redis.delete(key)
    tab.fill("#text-text", "登录过期时写的。")
    tab.login("wang").wait_text("#draft-saved", "已保存")
    wait_saved(ready, "text", "登录过期时写的。")
    wait_until(lambda: value(tab, "#text-text") == "登录过期时写的。")
    tab.driver.execute_script("location.hash = '#/pledges'")
    tab.click("#pledge-enter summary").fill("#enter-name", "扎西").fill("#enter-amount", "100").click("#enter-organisation")
    for key in ready.redis.scan_iter("outreach:{u}:s:*"):
        ready.redis.delete(key)
    tab.click("#enter-book").login("wang")
    assert value(tab, "#enter-name") == "扎西" and value(tab, "#enter-amount") == "100" and tab.find("#enter-organisation").is_selected()
    tab.click("[lang=en]").wait_text("h1", "Pledges")
    assert value(tab, "#enter-name") == "扎西"
    tab.click("#enter-book").wait_text("#enter-done", "513327")
    assert value(tab, "#enter-name") == ""
    assert tab.complaints() == []


def test_each_step_has_an_address(ready, open_tab):
    tab = open_tab(ready).login("wang").go("#/campaigns/spring?step=list")
    tab.click("[data-step=text]").find("#text-text")
    tab.click("[data-step=schedule]").find("#time-start")
    tab.driver.refresh()
    tab.find("#time-start")
    tab.click("[lang=en]").wait_text("#draft-step h2", "Time")
    tab.driver.back()
    tab.find("#text-text")
    tab.go("#/%E0%A4%A").wait_text("h1", "Campaigns")  # a link that was damaged on its way


def test_after_a_step_the_focus_is_where_one_was(ready, open_tab):
    number = ready.ctl("pledge", "add", "--region", TOWNSHIP, "--name", "张三", "--amount", "100")["pledge"]
    tab = open_tab(ready).login("wang").go(f"#/pledges/{number}")
    tab.click("#pledge-arrive").agree(amount="40").wait_text("#pledge", "部分到账")
    wait_until(lambda: tab.driver.execute_script("return document.activeElement.tagName") == "H1")
    tab.click("#pledge-arrive").agree(amount="1000").wait_text("main [role=alert]", "1000")
    wait_until(lambda: tab.focused() == "pledge-arrive")


@pytest.mark.parametrize("way", ["button", "by hand"])
def test_a_step_of_unknown_outcome_is_booked_once(ready, open_tab, way):
    number = ready.ctl("pledge", "add", "--region", TOWNSHIP, "--name", "张三", "--amount", "100")["pledge"]
    tab = open_tab(ready).login("wang").go(f"#/pledges/{number}")
    # The daemon books it, and its answer is lost on the way.
    tab.find("#pledge-arrive")
    tab.driver.execute_script("""const real = window.fetch; window.fetch = async (path, options) => {
        const answer = await real(path, options);
        if (options.method === 'POST' && String(path).endsWith('/arrive') && !window.lost) { window.lost = true; throw new TypeError('lost'); }
        return answer; }""")
    tab.click("#pledge-arrive").agree(amount="40").find("#pledge-again")
    if way == "button":
        tab.click("#pledge-again")
    else:
        tab.driver.execute_script("location.hash = '#/pledges'")
        tab.click(f"[href='#/pledges/{number}']").click("#pledge-arrive").agree(amount="40")
    tab.wait_text("main .alert-success", "收据号")
    entries = ready.api("GET", f"/pledges/{number}")["entries"]
    assert [entry["type"] for entry in entries] == ["pledge", "arrive"]
    tab.click("#pledge-arrive").agree(amount="40").wait_text("#pledge", "20.00")  # answered: now it is another arrival


def test_after_a_launch_that_failed_the_next_press_is_another_one(ready, open_tab):
    """The import refuses: one of them opted out behind the plan. What was pressed then is not replayed for ever."""
    tab = open_tab(ready).login("wang").go("#/campaigns/spring?step=send")
    tab.find("#send-launch")
    ready.ctl("optout", "add", numbers(1)[0])
    tab.click("#send-launch").wait_text("#draft-failed", "一条也没有发")
    tab.click("[data-step=send]").wait_text("#truth-people", "4")
    tab.click("#send-launch").find("#progress-percent")
    ready.wait_done("spring")
    assert len(ready.sim.oracle()) == 4


def test_a_column_the_list_has_not_is_told_where_it_is_written(ready, open_tab):
    tab = open_tab(ready).login("wang").go("#/campaigns/spring?step=text")
    tab.fill("#text-text", "（（ 手机号 ））的((村名))村民您好。").wait_text("#text-problems", "((村名))", "手机号")
    assert "((手机号))" not in tab.text("#text-problems") and "手机号))，名单里没有" not in tab.text("#text-problems")
    wait_until(lambda: "!" in tab.text("[data-step=text]") and "✓" in tab.text("[data-step=list]"), what=lambda: tab.text(".steps"))
    tab.fill("#text-text", "((手机号))的村民您好。")
    tab.wait_gone("#text-problems .alert")
    wait_until(lambda: "✓" in tab.text("[data-step=text]"), what=lambda: tab.text(".steps"))
    assert tab.complaints() == []
