"""A Chinese page says in Chinese what is wrong: whatever the daemon says in English is put into words, or small and marked as English
(audit.js looks for the rest)."""
from harness import PASSWORD, wait_until
from selenium.webdriver.common.keys import Keys

TOWNSHIP = "513327205"
TEXT = "：10月17日是全国扶贫日，欢迎来乡政府广场。"


def live_world(make_world, users, **options):
    """A world whose township is live, with {user: roles}."""
    world = make_world(**options)
    world.api("POST", "/areas/513327/live", {"actor": "root", "reason": "签名已批"})
    for user, roles in users.items():
        world.user(user, roles, TOWNSHIP if user != "yun" else "all")
    return world


def said(tab, css, *words):
    """It says so, and nothing on the page is English that is not marked as that."""
    tab.wait_text(css, *words)
    wait_until(lambda: tab.stumbles() == [], what=lambda: "\n".join(tab.stumbles()))


def write(world, name, data):
    path = world.dir / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def test_why_an_account_stands_still(make_world, open_tab):
    world = live_world(make_world, {"wang": "township", "yun": "operator"})
    world.sim.fault("rspcod:NOT_WHITE_IP")
    world.campaign("oct", rows=30, title="全国扶贫日宣传")
    world.launch("oct")
    wait_until(lambda: "stopped" in str((world.status("oct")["waiting"] or {}).get("reason")), what="the account stops")
    tab = open_tab(world).login("wang").go("#/campaigns")
    said(tab, "#campaigns", "短信通道 mas 已停", "白名单", "NOT_WHITE_IP")
    tab.picture("chinese-campaigns-stopped")
    said(tab.go("#/campaigns/oct"), "#progress-waiting", "短信通道 mas 已停", "白名单")
    tab.picture("chinese-campaign-stopped")
    # A test to one's own phone is refused, too, and says why.
    world.campaign("draft", rows=1, title="春耕通知")
    tab.go("#/campaigns/draft").click("[data-step=test]").fill("#test-number", "13800138000").press(Keys.ENTER)
    said(tab, "#test-result", "没有接收", "白名单", "要请运维人员恢复")
    tab.fill("#test-number", "0837-722").press(Keys.ENTER)
    said(tab, "#test-result [role=alert]", "手机号")
    tab.picture("chinese-test-refused")
    operator = open_tab(world).login("yun").go("#/operations")
    said(operator, "#attention", "mas 已停止", "白名单")
    said(operator, "[data-carrier=mas]", "白名单")
    said(operator, "[data-campaign=oct]", "短信通道 mas 已停")
    operator.picture("chinese-operations-stopped")
    operator.click("#attention details summary")  # what can be typed at the daemon's machine, marked as English
    wait_until(lambda: "outreachctl carrier resume mas" in operator.text("#attention [lang=en]"))
    said(operator, "#attention", "白名单")
    # A day's allowance is used up: it tries again by itself.
    world.sim.clear()
    world.sim.fault("rspcod:OverDailyMax")
    operator.click("[data-carrier=mas] [data-act=resume]").agree()
    said(operator, "[data-carrier=mas]", "今天可发的数量", "系统会自动再试")
    # The carrier's machine is away.
    world.sim.clear()
    world.sim.stop()
    operator.click("[data-carrier=mas] [data-act=resume]").agree()
    said(operator, "[data-carrier=mas]", "连不上", "对方拒绝连接")
    said(tab.go("#/campaigns/oct"), "#progress-waiting", "短信通道 mas 连不上")
    assert tab.complaints() == [] and operator.complaints() == []


def test_why_a_campaign_was_stopped_by_itself(make_world, open_tab):
    world = live_world(make_world, {"wang": "township"})
    world.sim.fault("rspcod:ContainSensitiveWord")
    world.campaign("oct", rows=30, title="全国扶贫日宣传")
    world.launch("oct")
    world.wait_state("oct", "paused")
    tab = open_tab(world).login("wang").go("#/campaigns/oct")
    said(tab, "#progress-waiting", "暂停", "敏感词")
    tab.picture("chinese-campaign-refused")
    said(tab.go("#/campaigns"), "#campaigns", "敏感词")
    assert tab.complaints() == []


def test_what_is_wrong_with_a_list(make_world, open_tab):
    world = live_world(make_world, {"wang": "township"})
    tab = open_tab(world).login("wang").go("#/campaigns/new").fill("#new-title", "扶贫日").press(Keys.ENTER)
    tab.wait_text(".badge.state", "草稿")
    for name, data, *words in (
            ("book.csv", b"PK\x03\x04" + bytes(200), "Excel 工作簿", "CSV UTF-8"),
            ("wide.csv", "手机号\n13800138000\n".encode("utf-16"), "编码"),
            ("empty.csv", b"", "文件是空的"),
            ("bare.csv", "13800138000,张三\n13800138001,李四\n", "列名"),
            ("names.csv", "姓名,村\n张三,一村\n", "手机号"),
            ("twice.csv", "手机号,手机,姓名\n13800138000,13800138001,张三\n", "意思相同"),
            ("quote.csv", '手机号,姓名\n13800138000,"张三\n', "第 2 行", "引号")):
        tab.give_file("#list-file", write(world, name, data))
        said(tab, "#list-result", *words)
        assert not tab.all("#list-result .alert-success")
    tab.picture("chinese-list-quote")
    rows = "手机号,姓名\n0837-7221234,张三\n95588,李四\n1380013,王五\n13800138000,赵六\n"
    tab.give_file("#list-file", write(world, "rows.csv", rows))
    said(tab, "#problem-rows", "固定电话", "服务号码", "不足 11 位")
    tab.click("[data-step=text]").fill("#text-signature", "乡").fill("#text-text", "【通知】((村))请到乡政府。")
    said(tab, "#text-problems", "【】")
    said(tab, "main [role=alert]", "要 2 到", "现在是 1 个")
    tab.picture("chinese-text")
    tab.fill("#text-signature", "高山乡人民政府").fill("#text-text", "((村))" + TEXT).click("[data-step=schedule]").fill("#time-rate", "99999999")
    tab.press(Keys.TAB)
    said(tab, "main [role=alert]", "速度", "要在 0 到")
    tab.fill("#time-rate", "10").press(Keys.TAB)
    tab.wait_gone("main [role=alert]")
    tab.click("[data-step=send]")
    said(tab, "main", "(村)", "名单里没有这一列")
    tab.picture("chinese-send-column")
    assert tab.complaints() == []


def test_why_a_launch_is_refused(make_world, open_tab):
    world = live_world(make_world, {"wang": "township operator", "zhaxi": "approver"})
    list_ = "手机号,姓名\n" + "".join(f"1380013{i:04},村民{i}\n" for i in range(3))
    world.campaign("one", csv=list_.encode(), rows=3, title="扶贫日")
    world.launch("one")
    world.wait_reported("one")
    world.campaign("two", csv=list_.encode(), rows=3, title="扶贫日又一次")
    tab = open_tab(world).login("wang").go("#/campaigns/two").click("[data-step=send]").click("#send-launch")
    said(tab, "#draft-failed", "同样的短信", "活动 one")
    tab.picture("chinese-launch-repeat")
    tab.click("#send-again").agree(reason="上次发错了日期")
    world.wait_reported("two")
    said(tab, ".badge.state", "已发完")
    # A list that somebody changes while it is looked at.
    world.campaign("three", csv=list_.encode(), rows=3, title="扶贫日第三次")
    tab.go("#/campaigns/three").click("[data-step=send]").find("#send-launch")
    (world.dir / "campaigns.d" / "three.csv").write_text(list_ + "13800138999,又一人\n", encoding="utf-8")
    tab.click("#send-launch")
    said(tab, "#draft-step [role=alert]", "短信或名单刚刚被改过")
    tab.picture("chinese-launch-changed")
    tab.wait_text("#send-launch", "4 人")
    tab.click("#send-launch")  # another launch, though nobody has changed the draft's own text
    world.wait_reported("three")
    said(tab, ".badge.state", "已发完")
    # What is over cannot be paused.
    tab.go("#/campaigns/one").wait_text("#progress-percent", "100")
    refused = tab.driver.execute_async_script("""
        const done = arguments[0];
        const [api, {errorBox}] = await Promise.all([import('/console/lib/api.js'), import('/console/lib/notice.js')]);
        api.post('/campaigns/one/pause', {reason: '停'}).catch((error) => { document.querySelector('main').prepend(errorBox(error)); done(error.message); });""")
    assert "cannot pause it" in refused
    said(tab, "main > .alert", "活动现在是“已发完”")
    assert tab.complaints() == []


def test_what_is_wrong_with_a_pledge(make_world, open_tab):
    world = live_world(make_world, {"qiu": "finance"})
    number = world.ctl("pledge", "add", "--region", TOWNSHIP + "001", "--name", "扎西", "--mobile", "13800138002", "--amount", "100")["pledge"]
    tab = open_tab(world).login("qiu").go("#/pledges")
    tab.click("#pledge-enter summary").fill("#enter-amount", "许多").press(Keys.ENTER)
    said(tab, "#pledge-enter [role=alert]", "金额写成")
    tab.fill("#enter-amount", "5").fill("#enter-mobile", "138").press(Keys.ENTER)
    said(tab, "#pledge-enter [role=alert]", "手机号是 11 位")
    tab.fill("#enter-mobile", "").fill("#enter-region", "5134").press(Keys.ENTER)
    said(tab, "#pledge-enter [role=alert]", "不在您管理的地区")
    tab.fill("#enter-region", "12345").press(Keys.ENTER)
    said(tab, "#pledge-enter [role=alert]", "地区代码")
    tab.fill("#enter-region", TOWNSHIP).fill("#enter-campaign", "nothing").press(Keys.ENTER)
    said(tab, "#pledge-enter [role=alert]", "活动")
    tab.picture("chinese-pledge-enter")
    tab.click("#pledge-import summary").give_file("#import-file", write(world, "names.csv", "村\n一村\n"))
    said(tab, "#import-result", "捐赠人")
    tab.give_file("#import-file", write(world, "rows.csv", "姓名,金额,日期\n张三,许多,2026-10-17\n李四,5,2999-01-01\n,5,2026-10-17\n"))
    said(tab, "#problem-rows", "金额写成", "不能晚于今天", "至少填一个")
    tab.fill("#pledge-search", "a").press(Keys.ENTER)
    said(tab, "section [role=alert]", "两个字")
    tab.go("#/pledges/513327-2026-000001-11")
    said(tab, "[role=alert]", "编号")
    tab.go(f"#/pledges/{number}").click("#pledge-arrive").agree(amount="500")
    said(tab, "main [role=alert]", "还没到的是 100.00 元", "您填了 500.00 元")
    tab.click("#pledge-arrive").agree(amount="60")
    tab.wait_text("#pledge-sums", "60")
    tab.click("#pledge-deliver").agree(amount="61")
    said(tab, "main [role=alert]", "还没发放的是 60.00 元")
    tab.picture("chinese-pledge-refused")
    assert tab.complaints() == []


def test_what_is_wrong_with_a_password_or_a_user(make_world, open_tab):
    world = live_world(make_world, {"yun": "admin operator auditor"})
    tab = open_tab(world)
    tab.fill("#login-user", "yun").fill("#login-password", "not the password").press(Keys.ENTER)
    said(tab, "[role=alert]", "用户名或密码不对")
    tab.login("yun").go("#/account")
    for old, new, word in (("not the password", "一句只有我知道的话，很长", "密码不对"), (PASSWORD, "password1234", "太常见"), (PASSWORD, "yunyunyunyun1", "用户名")):
        tab.fill("#account-old", old).fill("#account-new", new).fill("#account-again", new).press(Keys.ENTER)
        said(tab, "form [role=alert]", word)
    tab.picture("chinese-password")
    tab.go("#/people").click("#user-add").fill("#user-name", "王 丽").click("#user-viewer").fill("#user-password", PASSWORD).press(Keys.ENTER)
    said(tab, "main [role=alert]", "用户名用字母")
    tab.fill("#user-name", "yun").press(Keys.ENTER)
    said(tab, "main [role=alert]", "已经有用户 yun")
    tab.fill("#user-name", "li").fill("#user-area", "12345").press(Keys.ENTER)
    said(tab, "main [role=alert]", "地区代码")
    tab.picture("chinese-people")
    tab.go("#/audit").find("#audit-lines tr")
    said(tab, "#audit-lines", "yun")
    assert tab.complaints() == []


def test_the_database_is_away(make_world, open_tab):
    world = live_world(make_world, {"yun": "operator township"})
    world.campaign("oct", rows=3, title="扶贫日")
    tab = open_tab(world).login("yun").go("#/campaigns")
    tab.wait_text("#campaigns", "扶贫日")
    world.stop_redis()
    said(tab.go("#/campaigns"), "[role=alert]", "数据库")
    tab.picture("chinese-redis-away")
    assert tab.complaints() == []
