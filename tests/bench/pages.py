"""The console's figures: how soon a page with 1 757 townships is painted, how soon a pledge is on 200 open pages, and what 2 000
open pages cost."""
import contextlib
import csv
import http.client
import json
import pathlib
import resource
import selectors
import shutil
import socket
import statistics
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
PROVINCE, TOWNSHIPS = "51", 1757
PASSWORD = "Bench-2026-pages"

# Runs before the page's own scripts: the time since the navigation began, when the rows stand in the table and were painted.
WATCH = """
new MutationObserver((_, watch) => {
    if (document.querySelectorAll('#totals-table tbody tr').length >= %d) {
        watch.disconnect();
        requestAnimationFrame(() => {  // after this frame's layout and paint comes the next task
            const channel = new MessageChannel();
            channel.port1.onmessage = () => { window.painted = performance.now(); };
            channel.port2.postMessage(0);
        });
    }
}).observe(document, {childList: true, subtree: true});
""" % TOWNSHIPS

LOGIN = """
const [user, password, done] = arguments;
fetch('/api/v1/session', {method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify({user, password})})
    .then((answer) => done(answer.status));
"""


def townships(n):
    with open(TOP / "config" / "regions.csv", encoding="utf-8") as file:
        codes = [row["code"] for row in csv.DictReader(file) if row["code"].startswith(PROVINCE) and len(row["code"]) == 9]
    return codes[:n]


def give(world, link, request, region, fen):
    """Books a pledge; gives the time at which the daemon had answered."""
    link.request("POST", "/api/v1/pledges", json.dumps({"actor": "bench", "request": request, "region": region, "fen": fen, "name": "张三"}),
                 {"Content-Type": "application/json"})
    answer = link.getresponse()
    text = answer.read()
    if answer.status != 201:
        raise SystemExit(f"bench: pledge: {answer.status} {text}")
    return time.monotonic()


def office(World, link_to):
    """A daemon whose ledger has a pledge of each township, and a viewer of the province."""
    world = World(regions_file=TOP / "config" / "regions.csv", console_dir=TOP / "daemon" / "console", streams_per_user=100000)
    link = link_to(world.control)
    for i, region in enumerate(townships(TOWNSHIPS)):
        give(world, link, f"t-{i}", region, 10000 + i * 31 % 9973)
    world.get("/api/v1/users", "POST", {"actor": "bench", "name": "sheng", "title": "省厅", "roles": ["viewer"], "area": PROVINCE, "password": PASSWORD})
    return world, link


def totals_render(World, link_to, say):
    if not shutil.which("chromedriver"):
        print(f"# totals_render_ms_{TOWNSHIPS}: left out, there is no chromium-driver", flush=True)
        return
    from selenium import webdriver  # only this figure needs it
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.support.ui import WebDriverWait

    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1920,1080",
                     "--no-first-run", "--disable-background-networking", "--proxy-server=direct://"):
        options.add_argument(argument)
    world, _ = office(World, link_to)
    driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    try:
        base = f"http://127.0.0.1:{world.port}/console/"
        driver.get(base)
        if driver.execute_async_script(LOGIN, "sheng", PASSWORD) != 200:
            raise SystemExit("bench: the viewer cannot log in")
        driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
        took = []
        for _ in range(7):
            driver.get("about:blank")
            driver.get(f"{base}#/totals/{PROVINCE}?level=township")
            took.append(WebDriverWait(driver, 30, 0.02).until(lambda d: d.execute_script("return window.painted")))
    finally:
        driver.quit()
        world.__exit__()
    say(f"totals_render_ms_{TOWNSHIPS}", statistics.median(took), "ms", f"bound <= 1000; from the navigation to the painted table, median of {len(took)}; longest {max(took):.0f}")


class Pages:
    """Open pages as the daemon sees them: each has an event stream, and fetches what it shows on connections of its own when the
    ledger's event comes."""

    FETCHED = ("/totals?region=51&year=%s&children=1", "/totals/day?region=51&day=%s&step=15", "/totals/messages?region=51&year=%s")

    def __init__(self, port, cookie, n, fetching=True):
        self.port, self.cookie = port, cookie
        today = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 8 * 3600))
        self.requests = [(path % (today if "day=" in path else today[:4])) for path in self.FETCHED] if fetching else []
        self.selector, self.open = selectors.DefaultSelector(), []
        for page in range(n):
            self._connect(page, "/events", None)
            for path in self.requests:
                self._connect(page, path, b"")

    def _connect(self, page, path, got):
        link = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        head = f"GET /api/v1{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {self.cookie}\r\n\r\n".encode()
        self.open.append({"page": page, "link": link, "head": head, "got": b"", "stream": got is None})
        self.selector.register(link, selectors.EVENT_READ, self.open[-1])
        if got is None:
            link.sendall(head)

    def wait_hello(self):
        waiting = [one for one in self.open if one["stream"]]
        for one in waiting:
            while b"event: hello" not in one["got"]:
                one["got"] += one["link"].recv(65536)
            one["got"] = b""

    def follow(self, entry):
        """Until every page has what it shows after this entry; gives the time of the last."""
        pages = {}
        for one in self.open:
            one["got"] = b""
            pages.setdefault(one["page"], []).append(one)
        told, whole, wanted = set(), 0, len(pages) * (len(self.requests) or 1)
        mark = b'"entry": %d}' % entry
        end = time.monotonic() + 60
        while whole < wanted:
            if time.monotonic() > end:
                raise SystemExit(f"bench: only {whole} of {wanted} answers after a minute")
            for key, _ in self.selector.select(1):
                one = key.data
                one["got"] += one["link"].recv(65536)
                if one["stream"] and one["page"] not in told and mark in one["got"]:
                    told.add(one["page"])
                    whole += not self.requests
                    for other in pages[one["page"]]:
                        if not other["stream"]:
                            other["link"].sendall(other["head"])
                elif not one["stream"] and self._is_whole(one["got"]):
                    whole += 1
        return time.monotonic()

    @staticmethod
    def _is_whole(got):
        head, _, body = got.partition(b"\r\n\r\n")
        if not body:
            return False
        if not head.startswith(b"HTTP/1.1 200"):
            raise SystemExit(f"bench: {got[:200]}")
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
        return len(body) >= length

    def close(self):
        for one in self.open:
            one["link"].close()


def login(port):
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    link.request("POST", "/api/v1/session", json.dumps({"user": "sheng", "password": PASSWORD}), {"Content-Type": "application/json"})
    answer = link.getresponse()
    if answer.status != 200:
        raise SystemExit(f"bench: login: {answer.status} {answer.read()}")
    return answer.getheader("Set-Cookie").split(";")[0]


def events_reach(World, link_to, say, n=200):
    world, link = office(World, link_to)
    with contextlib.closing(Pages(world.port, login(world.port), n)) as pages:
        pages.wait_hello()
        took = []
        entry = TOWNSHIPS
        for i in range(11):
            time.sleep(0.7 + i * 0.037)  # not in step with anything of the daemon's
            entry += 1
            began = time.monotonic()
            give(world, link, f"reach-{i}", f"{PROVINCE}3327205", 100)
            took.append(pages.follow(entry) - began)
    world.__exit__()
    say(f"events_reach_ms_{n}", statistics.median(took) * 1000, "ms",
        f"bound <= 1000; from the pledge to the last of {n} pages having fetched all it shows, median of {len(took)}; longest {max(took) * 1000:.0f}")


def rss_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))


def events_rss(World, link_to, say, n=2000):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, 3 * n), hard), hard))
    world, link = office(World, link_to)
    before = rss_kib(world.daemon.pid)
    with contextlib.closing(Pages(world.port, login(world.port), n, fetching=False)) as pages:
        pages.wait_hello()
        give(world, link, "rss", f"{PROVINCE}3327205", 100)
        pages.follow(TOWNSHIPS + 1)
        after = rss_kib(world.daemon.pid)
    world.__exit__()
    say(f"events_rss_mib_{n}", after / 1024, "MiB", f"bound <= 100; {n} open streams that were told of a pledge; {before / 1024:.1f} MiB before them, {(after - before) / n:.1f} KiB each")
