"""The console's figures: how soon a page with 1 757 townships is painted."""
import csv
import json
import pathlib
import shutil
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
    world = World(regions_file=TOP / "config" / "regions.csv", console_dir=TOP / "daemon" / "console")
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
