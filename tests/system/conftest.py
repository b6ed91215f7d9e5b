"""Fixtures of the system tests; what they give is in harness.py.

world        a World with everything running
make_world   World(**keys) for other settings, several in one test
make_sim     a simulator alone
"""
import pathlib
import shutil
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import Sim, World  # noqa: E402  (the path must be set first)


@pytest.fixture
def make_world():
    yield World
    for world in list(World.live):  # also one whose start failed
        world.close()


@pytest.fixture
def world(make_world):
    return make_world()


@pytest.fixture
def make_sim():
    sims = []

    def make(**options):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="os-"))
        sims.append(Sim(folder, **options))
        return sims[-1].start()
    yield make
    ends = [sim.process.stop() for sim in sims if sim.process]
    for sim in sims:
        shutil.rmtree(sim.folder, ignore_errors=True)
    assert not any(ends), "a simulator did not end cleanly (under the sanitizers: leaked?)"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.when in ("setup", "call") and report.failed:
        for world in World.live:
            report.sections.extend(world.logs())
