"""The whole way of a campaign through the console: a township writes it, another person approves it, it is launched and
watched to its end, a pledge is entered, and the province sees it without a reload."""
import re

import pytest
from harness import local_minute, numbers

TOWNSHIP, PROVINCE = "513327205", "51"
PEOPLE = 120  # more than may be sent to without a second person


def set_field(tab, css, value):
    """A date or time field, which takes keys in the order of the browser's country."""
    tab.driver.execute_script("arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('change'))", tab.find(css), value)


def write_lists(folder):
    good = [(number, f"村民{i}", "513327205200") for i, number in enumerate(numbers(PEOPLE))]
    bad = [*good[:5], ("1380013", "少一位", ""), ("", "没有号码", ""), (good[0][0], "重复", ""), *good[5:-2], (good[-2][0], "", ""), good[-1]]

    def write(name, header, rows, encoding):
        (folder / name).write_bytes("".join(",".join(row) + "\r\n" for row in [header, *rows]).encode(encoding))
        return folder / name
    header = ("手机号", "姓名", "地区")
    return (write("columns.csv", ("号码是", "姓名", "地区"), good, "utf-8"), write("rows.csv", header, bad, "gb18030"),
            write("good.csv", header, good, "gb18030"))


def new_draft(tab, title):
    tab.go("#/campaigns").click("[href='#/campaigns/new']")
    tab.fill("#new-title", title).click("form button[type=submit]")
    tab.wait_text(".badge.state", "草稿")


def write_text(tab):
    tab.click("[data-step=text]").fill("#text-signature", "高山乡人民政府").fill("#text-text", "：10月17日是全国扶贫日，欢迎来乡政府广场。")
    tab.driver.execute_script("arguments[0].setSelectionRange(0, 0)", tab.find("#text-text"))
    tab.click("#text-columns button:nth-of-type(2)")  # ((姓名))
    tab.wait_text("#text-weight", "条")
    assert tab.find("#text-text").get_attribute("value").startswith("((姓名))")


@pytest.mark.parametrize("width,language", [(1280, "zh-CN")])
def test_from_a_list_with_mistakes_to_the_totals_of_the_province(make_world, open_tab, width, language):
    world = make_world(carrier={"rate": 60})
    columns, rows, good = write_lists(world.dir)
    world.api("POST", "/areas/513327/live", {"actor": "root", "reason": "两人到位，签名已批"})
    for name, roles, area in (("wang", "township", TOWNSHIP), ("zhaxi", "approver", TOWNSHIP), ("qiu", "finance", TOWNSHIP), ("sheng", "viewer", PROVINCE)):
        world.user(name, roles, area)
    tab = open_tab(world, width=width, language=language).login("wang")
    new_draft(tab, "全国扶贫日宣传")

    # The list: its columns first, then its rows, each with its number in the spreadsheet, on the same page.
    tab.give_file("#list-file", columns).wait_text("#list-fault", "列名")
    assert not tab.all("#problem-rows")
    tab.picture("draft-list-columns")
    tab.give_file("#list-file", rows).wait_text("#problem-rows", "7", "8", "9")
    assert [re.split(r"\s", row.text)[0] for row in tab.all("#problem-rows tbody tr")][:3] == ["7", "8", "9"]
    tab.picture("draft-list-rows")
    mended = world.dir / "mended.csv"  # of the rows left out one comes back mended, one as it was
    mended.write_text(f"手机号,姓名,地区,行号,原因\n{numbers(PEOPLE + 1)[-1]},少一位,,7,手机号不足 11 位\n,没有号码,,8,填上手机号\n", encoding="gb18030")
    tab.give_file("#list-mended-file", mended).wait_text("#list-mended", "1 行", "2 行")
    tab.wait_text("#list-verdict", str(PEOPLE + 1))
    tab.picture("draft-list-mended")
    tab.give_file("#list-mended-file", good).wait_text("#list-result .alert-danger", "行号")  # the whole list is no file of mended rows
    tab.give_file("#list-file", good).wait_text("#list-verdict.alert-success", str(PEOPLE))

    # The text, and what the first and the third person will get.
    write_text(tab)
    tab.wait_text("#preview-text", "【高山乡人民政府】村民0：")  # also when half of the text was saved for itself
    tab.wait_text("#preview-place", "1 / 120")
    tab.click("#preview-on").wait_text("#preview-place", "2 / 120")
    tab.click("#preview-on").wait_text("#preview-place", "3 / 120")
    tab.wait_text("#preview-text", "村民2：")
    tab.picture("draft-text")

    tab.click("[data-step=schedule]")
    set_field(tab, "#time-start", local_minute(-60).replace(" ", "T"))
    set_field(tab, "#time-end", local_minute(86400).replace(" ", "T"))
    set_field(tab, "#time-opens", "00:00")
    set_field(tab, "#time-closes", "23:59")
    tab.choose("#time-class", "notice").fill("#time-late_after", "2d").click("h2")
    tab.picture("draft-schedule")
    tab.click("[data-step=send]").wait_text("#truth-people", str(PEOPLE))
    tab.wait_text("#send-blocked", "批准")
    assert not tab.all("#send-launch")
    tab.click("#send-ask").wait_text("#send-approval", "wang")
    assert not tab.all("#send-approve")  # not one's own
    tab.picture("draft-asked")

    other = open_tab(world, width=width, language=language).login("zhaxi").go("#/campaigns")
    other.wait_text("[data-filter=asked] .badge", "1")  # nobody has to send her a link
    other.click("[data-filter=asked]").wait_text("#campaigns", "等待审批" if language == "zh-CN" else "waits for approval")
    other.click("#campaigns a")
    other.wait_text("#truth-people", str(PEOPLE))
    other.click("#send-return").agree(reason="开始时间要写明").wait_text("#send-approval", "退回", "开始时间要写明")
    tab.driver.refresh()
    tab.click("#send-ask").wait_text("#send-approval", "请求审批")
    other.driver.refresh()
    other.click("#send-approve").wait_text("#send-approval", "zhaxi", "批准")

    tab.driver.refresh()
    assert f"{PEOPLE}" in tab.find("#send-launch").text
    tab.picture("draft-approved")
    impatient = open_tab(world, width=width, language=language).login("wang").go(tab.driver.current_url.split("/console/")[1])
    impatient.find("#send-launch")
    tab.click("#send-launch").wait_text("#progress-sum", str(PEOPLE))
    impatient.click("#send-launch").wait_text("#send-already", "wang")
    assert not impatient.find("#send-launch, #send-already button").get_attribute("id")  # the button stays locked
    campaign = tab.driver.current_url.rsplit("/", 1)[1]
    tab.picture("launched")
    world.wait_reported(campaign)
    tab.wait_text(".badge.state", "已发完")
    tab.wait_text("#progress-percent", "100")
    assert world.status(campaign)["actor"] == "wang" and world.sim.stats()["accepted"] == PEOPLE

    province = open_tab(world, width=width, language=language).login("sheng").go("#/totals")
    province.find("h1")
    desk = open_tab(world, width=width, language=language).login("qiu").go("#/pledges")
    desk.click("#pledge-enter summary").fill("#enter-amount", "12345").fill("#enter-name", "旺堆").click("#enter-book")
    desk.wait_text("#enter-number", "-")
    province.wait_text("main", "12,345")
    province.picture("totals")
    province.go("#/wall").wait_text("#wall-pledged", "12,345")
    province.picture("wall")
    assert [t.complaints() for t in (tab, other, province, desk)] == [[], [], [], []]
