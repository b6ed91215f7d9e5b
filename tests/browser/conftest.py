"""Fixtures of the browser tests: a World (tests/system/harness.py) and headless Chromium in front of its daemon.

world, make_world   as in the system tests
open_tab            open_tab(world, user, width=1280): a Tab of a browser of its own, at the login page

Pictures go to $OUTREACH_SCREENSHOTS (default: outreach-screenshots in the system's temporary folder)."""
import pathlib
import shutil
import sys

import pytest

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent), str(pathlib.Path(__file__).resolve().parents[1] / "system")]

from harness import World  # noqa: E402  (the path must be set first)

from tab import Chromium  # noqa: E402


def pytest_collection_modifyitems(items):
    if not shutil.which("chromium") or not shutil.which("chromedriver"):
        for item in items:
            item.add_marker(pytest.mark.skip(reason="no chromium, no chromedriver"))


@pytest.fixture
def make_world():
    yield World
    for world in list(World.live):  # also one whose start failed
        world.close()


@pytest.fixture
def world(make_world):
    return make_world()


@pytest.fixture
def open_tab():
    browsers = []

    def make(world, width=1280, language="zh-CN"):
        browsers.append(Chromium(width, language))
        return browsers[-1].open(world)
    yield make
    for browser in browsers:
        browser.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.when in ("setup", "call") and report.failed:
        for world in World.live:
            report.sections.extend(world.logs())
        for browser in Chromium.live:
            report.sections.append(("browser", browser.story()))
