"""Older data is brought to the layout of this version before anything works on it: in steps, each part of them once, whoever is killed when.
`outreachd_later` is this daemon with two steps more (later_layouts.lua), which tell what was done to what."""
import contextlib
import time

import pytest
from harness import TOP, wait_until
from test_backup import audit_is_sound, campaigns_are_sound, ledger_is_sound, restored

LATER = "outreachd_later"
SCHEMA, DAEMONS = "outreach:schema", "outreach:{n}:d"
ENTRIES, PART = 9, 4  # of the ledger in tests/data/layouts/1.backup, and how many a part of the second step takes


class Data:
    """What a world's Redis holds, to be put there again."""

    def __init__(self, redis):
        self.redis = redis
        self.keys = {key: redis.dump(key) for key in redis.scan_iter("outreach:*")}
        self.now = int(redis.get(SCHEMA))

    def again(self):
        self.redis.flushall()
        for key, value in self.keys.items():
            self.redis.restore(key, 0, value)


@pytest.fixture
def first(make_world):
    """A world whose Redis holds what the daemon of the first layout wrote, brought to today's; no daemon runs. No key of it expires."""
    world = restored(make_world, TOP / "tests/data/layouts/1.backup")
    world.start_daemon()
    world.kill_daemon()
    world.redis.delete(DAEMONS)
    for key in list(world.redis.scan_iter("outreach:*")):
        if world.redis.pttl(key) > 0:
            world.redis.delete(key)
    return world, Data(world.redis)


def start_later(world, name="a", **keys):
    return world.start_daemon(name, program=LATER, **keys)


def campaigns(world):
    return [f"outreach:{{mas}}:c:{seq}" for seq in range(1, int(world.redis.get("outreach:{mas}:next")) + 1)]


def wait_for(world, words, name="a"):
    def said():
        with contextlib.suppress(OSError):  # it does not listen yet
            status, document = world.daemons[name].api("GET", "/status")
            assert status == 200, document
            return document if words in document["redis"]["sentence"] else None
    return wait_until(said, what=f"status says {words}")


def each_part_once(world, data):
    assert world.redis.get(SCHEMA) == str(data.now + 2).encode()
    assert [world.redis.hget(key, "later") for key in campaigns(world)] == [b"1"] * len(campaigns(world))
    assert world.redis.hgetall("outreach:{l}:later") == {str(n).encode(): b"1" for n in range(1, ENTRIES + 1)}


def test_each_part_is_done_once_whenever_the_daemon_is_killed(first):
    world, data = first
    calls = len(campaigns(world)) + 1 + -(-ENTRIES // PART)  # the first step learns only from one call more that it is through
    for point in ("migrate_before", "migrate_after"):
        for k in range(1, calls + 1):
            data.again()
            start_later(world, env={"OUTREACH_FAILPOINT": f"{point}:{k}"}, wait=False)
            assert world.wait_daemon_gone() == 137, f"{point}:{k}"
            through = point == "migrate_after" and k == calls
            assert (world.redis.get(SCHEMA) == str(data.now + 2).encode()) == through, world.redis.get(SCHEMA)
            start_later(world)
            each_part_once(world, data)
            world.kill_daemon()
    data.again()
    start_later(world, env={"OUTREACH_FAILPOINT": f"migrate_after:{calls + 1}"})  # there is no such call
    each_part_once(world, data)
    for step, changed in ((data.now, len(campaigns(world))), (data.now + 1, ENTRIES)):
        assert f"event=migrated from={step} to={step + 1} changed={changed}" in world.daemons["a"].process.output()
    assert ledger_is_sound(world)["entries"] == ENTRIES
    audit_is_sound(world)
    campaigns_are_sound(world)
    assert world.status("finished")["state"] == "done"


def test_redis_killed_in_the_middle_keeps_what_was_done(make_world):
    world = restored(make_world, TOP / "tests/data/layouts/1.backup", fsync="always")
    world.start_daemon()
    world.kill_daemon()
    data = Data(world.redis)
    world.redis.delete(DAEMONS)
    start_later(world, env={"OUTREACH_FAILPOINT": "migrate_after:2"}, wait=False)
    assert world.wait_daemon_gone() == 137
    halfway = world.redis.get(SCHEMA)
    world.stop_redis(9)
    world.start_redis()
    assert world.redis.get(SCHEMA) == halfway != str(data.now).encode()
    start_later(world)
    each_part_once(world, data)


def test_an_older_daemon_keeps_away_from_a_newer_layout_and_a_half_made_one(first):
    world, data = first
    for schema in (data.now + 2, f"{data.now + 1} {data.now} 1 1 0 daemon-b"):
        world.redis.set(SCHEMA, schema)
        before = {key: world.redis.dump(key) for key in world.redis.scan_iter("outreach:*")}
        world.start_daemon(wait=False)
        wait_for(world, "install the newer version again")
        assert world.ctl_raw("pledge", "add", "--region", "513327205201", "--name", "王五", "--amount", "1").returncode != 0
        assert {key: world.redis.dump(key) for key in world.redis.scan_iter("outreach:*")} == before
        world.kill_daemon()


def test_one_daemon_at_a_time_and_the_others_wait(first):
    world, data = first
    # Another one has begun and lives.
    lease = int(time.time() * 1000) + 3_600_000
    world.redis.set(SCHEMA, f"{data.now + 1} {data.now} 1 1 {lease} daemon-z")
    world.redis.hset("outreach:{mas}:c:1", "later", 1)
    start_later(world, wait=False)
    wait_for(world, "daemon-z brings the data")
    assert world.redis.get(SCHEMA).endswith(b"daemon-z") and not world.redis.hexists("outreach:{mas}:c:2", "later")
    # It is gone: its lease ends, and who waits goes on from where it stood.
    world.redis.set(SCHEMA, f"{data.now + 1} {data.now} 1 1 {lease - 7_200_000} daemon-z")
    wait_until(world.daemons["a"].ready, what="it takes over")
    each_part_once(world, data)


def test_two_at_once(first):
    world, data = first
    for name in ("a", "b"):
        start_later(world, name, wait=False)
    for name in ("a", "b"):
        wait_until(world.daemons[name].ready, what=f"{name} is ready")
    each_part_once(world, data)


def test_a_daemon_of_the_older_version_that_works_is_waited_for(first):
    world, data = first
    world.start_daemon()
    wait_until(lambda: world.redis.hexists(DAEMONS, "daemon-a"), what="its first sign of life")
    start_later(world, "b", wait=False)
    wait_for(world, "first stop the daemon daemon-a", "b")
    assert world.redis.get(SCHEMA) == str(data.now).encode()
    assert world.ctl("status")["redis"]["health"] == "ready"  # the older one is let be
    world.kill_daemon()
    world.redis.hdel(DAEMONS, "daemon-a")  # as half a minute of silence does
    wait_until(world.daemons["b"].ready, what="it goes on")
    each_part_once(world, data)


def test_a_restored_backup_of_an_older_layout_is_brought_up_to_date(make_world):
    world = make_world(start=False)
    world.start_redis()
    world.sim.start()
    start_later(world)
    newest = int(world.redis.get(SCHEMA))
    file = TOP / "tests/data/layouts/1.backup"
    assert world.ctl_raw("restore", "--yes", file).returncode == 0
    assert world.wait_daemon_gone() == 0 and world.redis.get(SCHEMA) == b"1"
    world.redis.delete(DAEMONS)
    data = Data(world.redis)
    data.now = newest - 2
    start_later(world)
    each_part_once(world, data)
    ledger_is_sound(world)
    world.ctl("backup", world.dir / "later.backup")
    assert f"\nschema {newest}\n".encode() in (world.dir / "later.backup").read_bytes()[:200]


def test_an_empty_redis_has_the_newest_layout_at_once_and_data_without_a_number_is_let_be(make_world):
    world = make_world()
    newest = world.redis.get(SCHEMA)
    world.ctl("pledge", "add", "--region", "513327205201", "--name", "王五", "--amount", "1")
    assert "event=migrated" not in world.daemons["a"].process.output()
    world.kill_daemon()
    for schema, words in ((None, "its layout is not known"), ("two", "no outreachd has written"), (newest.decode() + " ", "no outreachd")):
        world.redis.delete(SCHEMA)
        if schema:
            world.redis.set(SCHEMA, schema)
        world.start_daemon(wait=False)
        wait_for(world, words)
        assert (world.redis.get(SCHEMA) or b"").decode() == (schema or "")
        world.kill_daemon()
