"""A reader of the console: what a person does with a page, and waits that end when the page shows it."""
import os
import pathlib
import tempfile

from harness import PASSWORD, wait_until
from selenium import webdriver
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException, WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

HEIGHT = 900
AUDIT = (pathlib.Path(__file__).parent / "audit.js").read_text(encoding="utf-8")
PICTURES = pathlib.Path(os.environ.get("OUTREACH_SCREENSHOTS", pathlib.Path(tempfile.gettempdir()) / "outreach-screenshots"))


class Chromium:
    """A browser of its own: its cookies are nobody else's."""

    live = []

    def __init__(self, width, language):
        options = webdriver.ChromeOptions()
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
                         "--no-first-run", "--force-prefers-reduced-motion", "--disable-background-networking", "--proxy-server=direct://"):
            options.add_argument(argument)
        self.downloads = tempfile.TemporaryDirectory(prefix="outreach-downloads-")
        options.add_experimental_option("prefs", {"download.default_directory": self.downloads.name})
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.language = language
        self.driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
        self.driver.set_window_size(width, HEIGHT)
        self.driver.set_page_load_timeout(60)
        Chromium.live.append(self)

    def open(self, world):
        base = f"http://127.0.0.1:{world.daemons['a'].port}/console/"
        self.driver.get(base)
        self.driver.execute_script(f"localStorage.setItem('outreach.language', '{self.language}')")
        self.driver.get(base)
        return Tab(self, base)

    def story(self):
        """For the report of a failed test."""
        lines = [f"{entry['level']} {entry['message']}" for entry in self.driver.get_log("browser")]
        return "\n".join([self.driver.current_url, self.driver.find_element(By.TAG_NAME, "body").text, *lines])

    def close(self):
        Chromium.live.remove(self)
        self.driver.quit()
        self.downloads.cleanup()


class Tab:
    def __init__(self, browser, base):
        self.browser, self.driver, self.base = browser, browser.driver, base

    # -- looking

    def all(self, css):
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def _shown(self, css):
        """The first that is shown and may be used, or None."""
        try:
            return next((e for e in self.all(css) if e.is_displayed() and e.is_enabled()), None)
        except StaleElementReferenceException:
            return None

    def find(self, css):
        return wait_until(lambda: self._shown(css), what=lambda: f"{css} on {self.driver.current_url}: {self.text('body')}")

    def text(self, css):
        """What is read there, "" while there is nothing."""
        try:
            return " ".join(e.text for e in self.all(css))
        except (NoSuchElementException, StaleElementReferenceException):
            return ""

    def wait_text(self, css, *words):
        return wait_until(lambda: all(word in self.text(css) for word in words) and self.text(css),
                          what=lambda: f"{words} in {css}: {self.text(css) or self.text('body')}")

    def wait_gone(self, css):
        wait_until(lambda: not self._shown(css), what=f"{css} goes")

    # -- doing

    def go(self, hash_):
        """To a page; as a new one, also when it is the same."""
        self.driver.get("about:blank")
        self.driver.get(self.base + hash_)
        return self

    def size(self, width):
        self.driver.set_window_size(width, HEIGHT)
        return self

    def language(self, code):
        self.driver.execute_script("localStorage.setItem('outreach.language', arguments[0])", code)
        self.browser.language = code
        return self

    def click(self, css):
        """Again while the page draws itself anew under the finger."""
        def clicked():
            try:
                element = self.find(css)
                self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
                element.click()
                return True
            except (StaleElementReferenceException, WebDriverException) as error:
                if isinstance(error, StaleElementReferenceException) or "intercepted" in str(error):
                    return False
                raise
        wait_until(clicked, what=f"a click on {css}")
        return self

    def fill(self, css, text):
        element = self.find(css)
        element.clear()
        element.send_keys(text)
        return self

    def choose(self, css, value):
        Select(self.find(css)).select_by_value(value)
        return self

    def give_file(self, css, path):
        wait_until(lambda: self.all(css), what=css)[0].send_keys(str(path))
        return self

    def press(self, *keys):
        """Keys for whatever has the focus."""
        self.driver.switch_to.active_element.send_keys(*keys)
        return self

    def focused(self):
        """The id of what has the focus, read at one instant: a page may draw itself anew."""
        return self.driver.execute_script("return document.activeElement?.id ?? ''")

    def login(self, user, password=PASSWORD):
        self.fill("#login-user", user).fill("#login-password", password).press(Keys.ENTER)
        self.wait_gone("#login-user")
        wait_until(lambda: self.all("#logout"), what="somebody is logged in")
        return self

    def agree(self, **fields):
        """Fills in the open question and says yes."""
        for name, value in fields.items():
            element = self.find(f"dialog[open] [name={name}]")
            if element.tag_name == "select":
                Select(element).select_by_value(value)
            else:
                element.send_keys(value)
        self.find("dialog[open] button[type=submit]").click()
        return self

    def password_again(self, password=PASSWORD):
        self.fill("#confirm-password", password).press(Keys.ENTER)
        self.wait_gone("#confirm-password")
        return self

    # -- judging

    def picture(self, name):
        """The whole page as PNG; fails when it is wider than its window."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        size = self.driver.get_window_size()
        wide, high, inner = self.driver.execute_script(
            "return [document.documentElement.scrollWidth, document.documentElement.scrollHeight, window.innerWidth]")
        assert wide <= inner, f"{name}: {wide} pixels wide in a window of {inner}"
        self.driver.set_window_size(size["width"], min(max(high + 140, HEIGHT), 4000))
        self.driver.save_screenshot(str(PICTURES / f"{name}-{self.browser.language}-{size['width']}.png"))
        self.driver.set_window_size(size["width"], HEIGHT)
        return self

    def pictures(self, name, widths=(360, 1280, 1920)):
        """The same page at several widths, as PNG; fails when it is wider than its window at one of them."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        for width in widths:
            self._pretend(width, HEIGHT)
            high = self.driver.execute_script("return document.documentElement.scrollHeight")
            wide = wait_until(lambda: self.driver.execute_script("return document.documentElement.scrollWidth"))
            assert wide <= width, f"{name}: {wide} pixels wide in a window of {width}"
            self._pretend(width, min(max(high, HEIGHT), 4000))
            self.driver.save_screenshot(str(PICTURES / f"{name}-{self.browser.language}-{width}.png"))
        self.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        return self

    def _pretend(self, width, height):
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                                    {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})
        self.driver.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")  # drawn anew

    def lines(self, css):
        """How many lines the text of an element takes."""
        return self.driver.execute_script("""
            const range = document.createRange();
            range.selectNodeContents(document.querySelector(arguments[0]));
            return new Set([...range.getClientRects()].map((one) => one.top)).size""", css)

    def stumbles(self):
        """What somebody who does not see well stumbles over (audit.js): names, labels, ids, headings, contrast."""
        return self.driver.execute_script(AUDIT)

    def complaints(self):
        """Errors of the page's scripts and refusals of the content policy."""
        return [entry["message"] for entry in self.driver.get_log("browser")
                if entry["level"] == "SEVERE" and entry["source"] != "network"]
