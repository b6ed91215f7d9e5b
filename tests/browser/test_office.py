"""The pages of the offices: totals and the wall, operations, people, the audit trail; and the shell around all of them."""
import csv
import pathlib
import re
import signal

import pytest
from harness import PASSWORD, TOP, wait_until
from selenium.webdriver.common.keys import Keys

TOWNSHIP, COUNTY, PROVINCE = "513327205", "513327", "51"
CHINESE = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture
def office(make_world):
    return make_world(daemon={"regions_file": TOP / "config" / "regions.csv"})


def give(world, region, yuan, *more):
    return world.ctl("pledge", "add", "--region", region, "--amount", str(yuan), *more)


def mark(tab):
    """A reload would wipe it off."""
    tab.driver.execute_script("window.marked = true")


def is_marked(tab):
    return tab.driver.execute_script("return window.marked === true")


def figure(tab, name):
    return tab.text(f"#figure-{name}")


def test_totals_follow_the_ledger_and_drill_down(office, open_tab):
    first = give(office, TOWNSHIP, 100)
    give(office, "510104017", 300)
    office.user("sheng", "viewer", PROVINCE)
    tab = open_tab(office).login("sheng").go("#/totals")
    tab.wait_text("h1", "四川省")
    tab.wait_text("#figure-pledged", "400 元")
    mark(tab)
    give(office, TOWNSHIP, 25)
    tab.wait_text("#figure-pledged", "425 元")
    office.ctl("pledge", "arrive", first["pledge"], "--amount", "60")
    tab.wait_text("#figure-arrived", "60 元")
    assert is_marked(tab) and "3" == figure(tab, "pledges") == figure(tab, "donors")
    assert all(tab.text(f"#figure-{name} + .figure-means") for name in ("pledged", "arrived", "delivered", "donors", "pledges", "messages"))
    tab.wait_text("#totals-as-of", "4")
    for name in ("pledged", "arrived", "delivered", "donors", "pledges", "messages"):
        wait_until(lambda name=name: re.fullmatch(r"统计范围：四川省，\d{4} 年", tab.text(f"#figure-{name} ~ .figure-scope:nth-last-child(2)")), what=name)
        assert re.fullmatch(r"截至 \d{4}-\d\d-\d\d \d\d:\d\d:\d\d", tab.text(f"#figure-{name} ~ .figure-scope:last-child")), name

    # By area: sorted by what was pledged, found by name, down to the township, and back to where it was.
    def rows():
        return tab.driver.execute_script("return [...document.querySelectorAll('#totals-table tbody th a')].map((a) => a.textContent)")
    assert rows() == ["成都市", "甘孜藏族自治州"]
    tab.click("[data-sort=pledged]")
    assert rows() == ["甘孜藏族自治州", "成都市"] and tab.all("th[aria-sort=ascending] [data-sort=pledged]")
    tab.fill("#totals-search", "成都")
    wait_until(lambda: rows() == ["成都市"])
    tab.find("#totals-search").send_keys(Keys.BACKSPACE * 2)
    tab.choose("#totals-level", "township")
    wait_until(lambda: sorted(rows()) == sorted(["仁达乡", "锦官驿街道"]), what=lambda: rows())
    tab.choose("#totals-level", "").click("[href='#/totals/5133']").wait_text("h1", "甘孜藏族自治州")
    tab.click(f"[href='#/totals/{COUNTY}']").wait_text("h1", "炉霍县")
    tab.wait_text("[aria-label=上级地区]", "四川省 › 甘孜藏族自治州 › 炉霍县")  # names, not codes
    tab.click("#totals-csv")
    saved = wait_until(lambda: list(_finished(tab)), what="the file")[0]
    table = list(csv.reader(saved.read_text(encoding="utf-8-sig").splitlines()))
    assert [TOWNSHIP, "仁达乡", "2", "2", "125.00", "60.00", "0.00"] in table
    tab.go("#/totals").wait_text("#figure-pledged", "425")
    tab.pictures("totals")
    assert tab.complaints() == []


def test_a_table_of_many_areas_stands_whole_in_the_page_and_is_not_made_anew(office, open_tab):
    """What makes 1 757 townships fast: rows in groups that are laid out when they are seen, and only what changed is written."""
    codes = [line.split(",")[0] for line in (TOP / "config" / "regions.csv").read_text(encoding="utf-8").splitlines()]
    townships = [code for code in codes if code.startswith(PROVINCE) and len(code) == 9][:230]
    for i, code in enumerate(townships):
        office.api("POST", "/pledges", {"actor": "root", "request": f"many-{i}", "region": code, "fen": 1000 * (i + 1)})
    office.user("sheng", "viewer", PROVINCE)
    tab = open_tab(office).login("sheng").go(f"#/totals/{PROVINCE}?level=township")

    def script(text):
        return tab.driver.execute_script(text)
    wait_until(lambda: script("return document.querySelectorAll('#totals-table tbody tr').length") == len(townships))
    assert script("return [...document.querySelectorAll('#totals-table tbody')].map((e) => e.rows.length)") == [100, 100, 30]
    assert script("return new Set([...document.querySelectorAll('#totals-table tbody')].map((e) => getComputedStyle(e).contentVisibility)).size") == 1
    assert script("return getComputedStyle(document.querySelector('#totals-table tbody')).contentVisibility") == "auto"
    assert "215" in tab.text("#totals-rest")  # all but the fifteen that have a bar
    # A grid is a table to those who hear it, and whole on paper.
    roles = script("return ['table', 'thead', 'tbody', 'thead tr', 'tbody tr', 'thead th', 'tbody th', 'td']"
                   ".map((css) => document.querySelector(`#totals-table ${css}`.replace('#totals-table table', '#totals-table')).getAttribute('role'))")
    assert roles == ["table", "rowgroup", "rowgroup", "row", "row", "columnheader", "rowheader", "cell"]
    tab.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert script("return getComputedStyle(document.querySelector('#totals-table tbody')).contentVisibility") == "visible"
    tab.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})

    # One pledge more: the rows stay where they are, the focus too, and the texts of one row change.
    script("""const link = document.querySelector('#totals-table tbody:last-of-type a');
              link.focus();
              window.kept = link;
              window.changes = [];
              new MutationObserver((seen) => window.changes.push(...seen.map((one) => one.type)))
                  .observe(document.querySelector('#totals-table'), {childList: true, subtree: true, characterData: true});""")
    give(office, townships[-1], 5)
    tab.wait_text("#totals-table tbody tr:first-child td", "2,305.00")
    assert sorted(script("return window.changes")) == ["characterData"] * 3  # how many donors, how many pledges and how much; what arrived is the same
    assert script("return document.activeElement === window.kept && document.contains(window.kept)")
    tab.fill("#totals-search", townships[3])
    wait_until(lambda: script("return document.querySelectorAll('#totals-table tbody tr').length") == 1)
    assert tab.complaints() == []


def _finished(tab):
    return pathlib.Path(tab.browser.downloads.name).glob("totals-*.csv")


def test_the_wall_follows_and_says_when_it_is_old(office, open_tab):
    give(office, TOWNSHIP, 100)
    office.user("sheng", "viewer", PROVINCE)
    tab = open_tab(office).login("sheng").go("#/wall")
    tab.wait_text("#wall-pledged", "100 元")
    tab.wait_text(".wall-as-of", "截至")
    give(office, TOWNSHIP, 11)
    tab.wait_text("#wall-pledged", "111 元")
    assert all(tab.text(f"#wall-{name} + .wall-means") for name in ("pledged", "arrived", "delivered", "donors", "messages"))
    tab.wait_text("#wall-pledged + .wall-means", "现金", "截至")
    # From five metres: the big figure is a ninth of the screen's height at least, no word is under three hundredths.
    sizes = tab.driver.execute_script("return [...document.querySelectorAll('main.wall *')].filter((e) => e.tagName !== 'CANVAS' && [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()))"
                                      ".map((e) => parseFloat(getComputedStyle(e).fontSize) / innerHeight)")
    assert max(sizes) > 1 / 9 and min(sizes) > 0.0299
    tab.pictures("wall")
    # The whole screen, from the keyboard and back.
    tab.driver.execute_script("document.getElementById('wall-full').focus()")
    for inside, word in ((True, "退出全屏"), (False, "全屏")):
        tab.press(Keys.ENTER).wait_text("#wall-full", word)
        assert tab.driver.execute_script("return document.fullscreenElement !== null") is inside
    office.daemons["a"].process.stop()
    tab.wait_text(".wall-as-of", "中断")
    assert "111" in tab.text("#wall-pledged")


def test_an_older_page_of_a_crowded_user_says_so(make_world, open_tab):
    """The newest page is the one that is looked at. The older one does not take its place back at once; shown again, it does."""
    world = make_world(daemon={"streams_per_user": 1})
    world.user("yun", "viewer")
    older = open_tab(world).login("yun")
    older.wait_text(".live-sign.is-live", "实时更新")
    newer = open_tab(world).login("yun")
    newer.wait_text(".live-sign.is-live", "实时更新")
    older.wait_text(".live-sign.is-crowded", "打开的页面过多")
    assert not older.stumbles()
    show_again = ("for (const hidden of [true, false]) { Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});"
                  " document.dispatchEvent(new Event('visibilitychange')); }")
    older.driver.execute_script(show_again)
    newer.wait_text(".live-sign.is-crowded", "打开的页面过多")
    older.wait_text(".live-sign.is-live", "实时更新")
    assert not older.all(".is-crowded")


def test_an_open_operations_page_goes_idle(world, open_tab):
    """A page that nobody touches asks for news, and the login ends all the same; a key pressed keeps it."""
    world.user("yun", "operator")
    tab = open_tab(world).login("yun").go("#/operations")
    tab.wait_text("main", "Redis")
    # An hour passes for the page, and of the half hour of the login a minute and a half is left.
    tab.driver.execute_script("const now = performance.now.bind(performance); performance.now = () => now() + 3600000")
    (key,) = world.redis.scan_iter("outreach:{u}:s:*")
    world.redis.pexpire(key, 90_000)

    def news():
        return tab.driver.execute_script("return performance.getEntriesByType('resource').filter((one) => one.name.endsWith('/status')).length")
    seen = news()
    wait_until(lambda: news() > seen + 1)
    assert 0 < world.redis.pttl(key) <= 90_000
    tab.press(Keys.TAB)
    wait_until(lambda: world.redis.pttl(key) > 90_000, what="the login is kept")
    world.redis.delete(key)
    tab.find("#login-user")


def test_a_daemon_that_stands_still_is_not_called_live(office, open_tab):
    """The line stands, nothing comes: figures of a quarter of an hour ago must not hang on the wall as today's."""
    office.user("sheng", "viewer", PROVINCE)
    tab = open_tab(office).login("sheng").go("#/wall")
    tab.wait_text(".wall-as-of", "截至")
    assert not tab.all(".wall-stale")
    daemon = office.daemons["a"].process
    daemon.send(signal.SIGSTOP)
    try:
        tab.driver.execute_script("const now = performance.now.bind(performance); performance.now = () => now() + 60000")
        tab.find(".wall-stale")
    finally:
        daemon.send(signal.SIGCONT)
    tab.wait_gone(".wall-stale")


def test_operations_say_what_waits_and_let_it_be_done(make_world, open_tab):
    world = make_world(sim={"report_delay_ms": 3600000})
    world.user("yun", "operator")
    tab = open_tab(world).login("yun").go("#/operations")

    def nothing_of_the_carrier():
        """A busy machine may have its own line there: that the daemon was slow to react."""
        wait_until(lambda: tab.text("#attention") and "mas" not in tab.text("#attention"), what=lambda: tab.text("#attention"))
    nothing_of_the_carrier()
    tab.click("[data-carrier=mas] [data-act=pause]").agree(reason="签名被投诉")
    tab.wait_text("#attention", "mas", "yun", "签名被投诉")
    tab.pictures("operations-paused")
    tab.click("[data-carrier=mas] [data-act=resume]").agree()
    nothing_of_the_carrier()

    world.sim.fault("close", accept=True, count=1)
    world.campaign("c1", rows=5)
    world.launch("c1")
    wait_until(lambda: world.counts("c1")["ambiguous"] > 0, what=lambda: world.counts("c1"))
    tab.wait_text("[data-campaign=c1]", "5")
    tab.click("[data-campaign=c1] [data-as=fail]").agree(reason="运营商后台查不到")
    wait_until(lambda: tab.all("#confirm-password") or world.counts("c1")["ambiguous"] == 0)
    if tab.all("#confirm-password"):
        tab.password_again()
    wait_until(lambda: world.counts("c1")["undelivered"] == 5, what=lambda: world.counts("c1"))
    tab.click("#verify").wait_text("#proof", "账实相符")
    assert tab.complaints() == []


def test_an_admin_makes_a_user_who_can_log_in_and_is_disabled(office, open_tab):
    office.user("guan", "admin")
    tab = open_tab(office).login("guan").go("#/people")
    tab.click("#user-add").fill("#user-name", "gaoshan").fill("#user-title", "高山乡宣传员").click("#user-township").fill("#user-area", TOWNSHIP)
    tab.fill("#user-password", PASSWORD).click("#user-save")
    tab.wait_text("[data-user=gaoshan]", "乡镇宣传", TOWNSHIP)
    tab.pictures("people")
    other = open_tab(office).login("gaoshan")
    other.wait_text("header", "高山乡宣传员")
    assert "人员与权限" not in other.text("header") and "短信活动" in other.text("header")
    other.wait_text(".trial-banner", "试用")
    tab.click("[data-user=gaoshan] .btn-outline-danger").agree().wait_text("[data-user=gaoshan]", "已停用")
    other.driver.refresh()
    other.find("#login-user")
    tab.go("#/audit").wait_text("#audit-lines", "guan", "gaoshan")
    tab.click("#audit-verify").wait_text("main [role=status]", "没有被改动")
    tab.wait_text("#audit-lines", "新增用户", "修改用户权限", "改前", "disabled=yes")
    tab.pictures("audit")
    tab.fill("#audit-about", "gaoshan").fill("#audit-by", "guan").press(Keys.ENTER).wait_text("#audit-looked", "已查到")
    wait_until(lambda: len(tab.all("#audit-lines tr")) == 2, what=lambda: tab.text("#audit-lines"))
    tab.fill("#audit-about", "nothing of the kind").press(Keys.ENTER).wait_text("#audit-looked", "没有找到")
    assert tab.complaints() == []


def test_the_keyboard_is_enough_and_a_wrong_password_is_said(office, open_tab):
    office.user("sheng", "viewer", PROVINCE)
    tab = open_tab(office)
    wait_until(lambda: tab.focused() == "login-user")
    tab.press("sheng", Keys.TAB, "wrong password!", Keys.ENTER).wait_text("[role=alert]", "用户名或密码不对")
    wait_until(lambda: tab.focused() == "login-password")
    tab.press(PASSWORD, Keys.ENTER)
    tab.find("#logout")
    tab.go("#/totals").wait_text("h1", "四川省")
    wait_until(lambda: tab.driver.execute_script("return document.activeElement.tagName") == "H1")
    # The first stop of the keyboard leads past the navigation.
    first = tab.driver.execute_script("return document.querySelector('a, button, input, select')")
    first.send_keys(Keys.ENTER)
    wait_until(lambda: tab.focused() == "main")
    tab.click("#logout").find("#login-user")


def test_after_the_login_one_is_where_one_wanted_to_be(office, open_tab):
    office.user("sheng", "viewer", PROVINCE)
    tab = open_tab(office).go(f"#/totals/{COUNTY}")
    tab.login("sheng")
    tab.wait_text("h1", "炉霍县")


def test_no_chinese_is_left_in_english_and_no_english_in_chinese(office, open_tab):
    give(office, TOWNSHIP, 100)
    everything = "township approver finance viewer operator admin auditor"
    office.user("all", everything)
    pages = ("campaigns", "campaigns/new", "pledges", "totals", "operations", "people", "audit", "account")
    for language in ("zh-CN", "en"):
        tab = open_tab(office, language=language).login("all")
        for page in pages:
            tab.go(f"#/{page}")
            wait_until(lambda: tab.all("main:not([aria-busy]) h1"), what=page)
            text = tab.driver.execute_script("return document.querySelector('main').innerText")
            if language == "en":
                # Names of areas, carriers and people are what they are.
                left = [line for line in text.split("\n") if CHINESE.search(line) and not re.search("[省市州县乡国]|Language", line)]
            else:
                left = [line for line in text.split("\n") if re.search(r"[a-z]{3,} [a-z]{3,} [a-z]{3,}", line)]
            assert left == [] or page == "audit", (language, page, left)
            tab.pictures(page.replace("/", "-"))
        assert tab.complaints() == []
