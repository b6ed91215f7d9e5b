"""The public page as a visitor sees it, in both languages and three widths, with scripts turned off; leaves pictures."""
import pytest
from harness import wait_until

TOWNSHIP = "513327205"


@pytest.fixture
def world(make_world):
    world = make_world()
    rows = "姓名,手机号,金额\n" + "".join(f"村民{i},{13800138000 + i},{(i + 1) * 10}\n" for i in range(120))
    (world.dir / "list.csv").write_text(rows, encoding="utf-8")
    world.ctl("pledge", "import", str(world.dir / "list.csv"), "--region", TOWNSHIP + "001")
    world.ctl("pledge", "add", "--region", TOWNSHIP, "--name", "高山供销社有限责任公司", "--organisation", "--amount", "1500000")
    world.ctl("pledge", "add", "--region", TOWNSHIP, "--name", "央金", "--item", "大米", "--quantity", "20", "--unit", "袋", "--public", "anonymous")
    world.write_config(extra_config="[ledger]\npublic_page = yes\npublic_region = 513327\npublic_title = 炉霍县2026年扶贫日捐赠\nhotline = 0836-12317\n"
                                    "public_refresh = 1s\n")
    world.ctl("reload")
    return world


def test_the_page_in_both_languages_and_three_widths(world, open_tab):
    tab = open_tab(world)
    tab.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    address = tab.base.replace("/console/", "/public/")

    def there():
        tab.driver.get(address)
        return tab.text("h1") == "炉霍县2026年扶贫日捐赠" and "村***" in tab.text(".donors")
    wait_until(there, what="the page is there")
    trouble = []
    for language, next_page, other in (("zh-CN", "下一页", "English"), ("en", "Next", "中文")):
        tab.browser.language = language
        tab.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})  # what judges the page is a script
        trouble += tab.stumbles()
        tab.pictures("public")
        tab.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
        assert tab.driver.find_element("css selector", "html").get_attribute("lang") == language
        tab.click("a[rel=next]")
        tab.wait_text(".pages", "2")
        assert "高山供销社有限责任公司" in tab.text(".donors") and next_page not in tab.text(".pages")
        tab.driver.find_element("link text", other).click()
        wait_until(lambda: tab.driver.find_element("css selector", "html").get_attribute("lang") != language, what="the other language")
    assert not trouble
    assert not tab.complaints()
    assert tab.driver.get_cookies() == []
