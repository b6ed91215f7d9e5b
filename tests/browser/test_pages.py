"""Each page of campaigns and pledges in both languages and three widths: nothing is wider than its window, nothing is without
a name or too pale to read. Leaves a picture of each."""
import pytest
from harness import numbers

TOWNSHIP = "513327205"
LIST = "手机号,姓名,地区\n" + "".join(f"{n},村民{i},513327205200\n" for i, n in enumerate(numbers(30))) + "1380013,少一位,\n,没有号码,\n"


@pytest.fixture
def world(make_world):
    """A finished campaign, one that stands still, a draft that somebody asked approval for, and pledges."""
    world = make_world(daemon={"four_eyes_over": 10})
    world.api("POST", "/areas/513327/live", {"actor": "root", "reason": "签名已批"})
    world.campaign("done", rows=60, title="农技培训通知")
    world.launch("done")
    world.wait_reported("done")
    world.ctl("carrier", "pause", "mas", "--reason", "合同续签")
    world.campaign("still", rows=20, title="全国扶贫日宣传", first=15410000000)
    world.launch("still")
    draft = world.api("POST", "/drafts", {"id": "spring", "title": "2027年春耕备耕通知", "region": TOWNSHIP, "carrier": "mas", "actor": "hua"})
    world.api("PUT", "/drafts/spring/recipients?at=0&last=1&name=list.csv&actor=hua", LIST.encode())
    fields = {"text": "((姓名))：春耕备耕物资已到乡供销社，请带身份证领取。", "signature": "高山乡人民政府", "class": "notice", "start": "2036-01-01 08:00",
              "end": "2036-01-01 20:00", "window": "08:00-21:00"}
    world.api("POST", "/drafts/spring", {"version": world.api("GET", "/drafts/spring")["version"], "fields": fields, "pledge": {"keywords": "捐 认捐"},
                                         "actor": "hua"})
    assert draft["id"] == "spring"
    world.api("POST", "/drafts/spring/ask", {"actor": "hua"})
    for i, (name, amount) in enumerate((("张三", "100"), ("旺堆次仁", "1.5万"), ("高山供销社", "3000"))):
        number = world.ctl("pledge", "add", "--region", TOWNSHIP + "001", "--name", name, "--amount", amount, "--mobile", f"1380013800{i}")["pledge"]
    world.ctl("pledge", "add", "--region", TOWNSHIP + "001", "--name", "央金", "--item", "大米", "--quantity", "20", "--unit", "袋")
    world.ctl("pledge", "arrive", number, "--amount", "2000")
    world.ctl("pledge", "deliver", number, "--amount", "500")
    world.pledge = number
    world.user("zhaxi", "township approver finance", TOWNSHIP)
    return world


def pages(world):
    """(name, address, what to press there, what shows that it is there)"""
    def step(name, sign):
        return f"draft-{name}", "#/campaigns/spring", [f"[data-step={name}]"], sign
    return [
        ("campaigns", "#/campaigns", [], "#campaigns a"), ("campaign-new", "#/campaigns/new", [], "#new-title"),
        ("campaign-still", "#/campaigns/still", [], "#progress-waiting"), ("campaign-done", "#/campaigns/done", [], "#report-table, #report-none"),
        ("campaign-pause", "#/campaigns/still", ["#progress-pause"], "dialog[open] textarea"),
        step("list", "#problem-rows"), step("text", "#preview-place"), step("schedule", "#time-start"), step("test", "#test-number"),
        step("send", "#send-approve"),
        ("pledges", "#/pledges", ["#pledge-enter summary", "#pledge-import summary"], "#pledge-list tbody tr"),
        ("pledge", f"#/pledges/{world.pledge}", [], "#pledge-history tbody tr"),
        ("pledge-arrive", f"#/pledges/{world.pledge}", ["#pledge-arrive"], "dialog[open] input"),
    ]


def test_every_page_in_both_languages_and_three_widths(world, open_tab):
    tab = open_tab(world).login("zhaxi")
    trouble = []
    for language in ("zh-CN", "en"):
        tab.language(language)
        for width in (360, 1024, 1920):
            tab.size(width)
            for name, address, presses, sign in pages(world):
                tab.go(address)
                for css in presses:
                    tab.click(css)
                tab.find(sign)
                trouble += [f"{name} {language} {width}: {one}" for one in tab.stumbles()]
                if tab.lines(".navbar-brand") != 1:
                    trouble.append(f"{name} {language} {width}: the name of the site takes more than a line")
                tab.picture(f"all-{name}")
    assert trouble == [], "\n".join(sorted(set(trouble)))
    assert tab.complaints() == []
