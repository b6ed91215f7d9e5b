"""outreachctl backup and restore: one instant, checked, all of it or nothing."""
import hashlib
import re
import threading

import pytest

from harness import TOP, wait_until

VILLAGE = "513327205201"
PASSPHRASE = "gao shan xiang 2026"
# What `campaign status` and `ledger verify` said when tests/data/layouts/N.backup was made.
LAYOUTS = {1: {"finished": 56, "queued": 490, "entries": 9}, 2: {"finished": 56, "queued": 490, "entries": 14}}


def content(redis, prefix="outreach:"):
    """Every key without the prefix: type, whether it expires, and its value in an order that does not depend on the server."""
    found = {}
    for key in redis.scan_iter(prefix + "*"):
        kind = redis.type(key).decode()
        value = {"string": lambda k: redis.get(k), "hash": lambda k: sorted(redis.hgetall(k).items()),
                 "list": lambda k: redis.lrange(k, 0, -1), "set": lambda k: sorted(redis.smembers(k)),
                 "zset": lambda k: redis.zrange(k, 0, -1, withscores=True),
                 "stream": lambda k: [(i, list(f.items())) for i, f in redis.xrange(k)]}[kind](key)
        found[key.decode("latin-1")[len(prefix) - 1:]] = (kind, redis.pexpiretime(key), value)
    return found


def comparable(found):
    """Without what the daemons write by merely being there, what a restore writes on purpose, and what each side did to get here."""
    return {key: value for key, value in found.items() if key != ":{n}:d" and not key.startswith((":{a}:", ":{mas}:carrier", ":{f:"))}


def filled(world):
    """Something of everything: a finished campaign, replies, pledges, seals, opt-outs, users, a draft."""
    world.campaign("old", 1500, columns=("手机号", "姓名"), text="{姓名}您好，10月17日是全国扶贫日。",
                   csv=("手机号,姓名\n" + "".join(f"{15400000000 + i},张三{i}\n" for i in range(1500))).encode())
    world.launch("old", expect=1500)
    world.wait_reported("old")
    for i in range(20):
        world.ctl("pledge", "add", "--region", VILLAGE, "--name", f"李四{i}", "--amount", str(10 + i), "--mobile", str(15400000100 + i))
    world.ctl("ledger", "seal")
    world.ctl("optout", "add", "15400009999")
    world.user("wang.li", "township", VILLAGE)


def ledger_is_sound(world):
    report = world.ctl("ledger", "verify")
    assert report["ok"] and report["problems"] == 0, report
    return report


def campaigns_are_sound(world):
    """Counts every chunk of every campaign again."""
    for key in world.redis.scan_iter("outreach:{mas}:c:*"):
        seq, at = key.decode().rsplit(":", 1)[1], 0
        while at >= 0:
            answer = world.redis.execute_command("FCALL", "or1_recount", 1, "outreach:{mas}:", seq, at, 20)
            assert answer[0] == 0 and answer[2] == b"", answer
            at = answer[1]


def audit_is_sound(world):
    assert world.ctl_raw("audit", "verify").returncode == 0


def restored(make_world, file, *args, stdin="", **keys):
    """A new world with an empty Redis that was restored from `file`, its daemon ended by itself and not yet started again."""
    world = make_world(**keys)
    done = world.ctl_raw("restore", "--yes", *args, file, stdin=stdin)
    assert done.returncode == 0, done.stderr
    assert world.wait_daemon_gone() == 0
    return world


def test_restored_into_an_empty_redis_all_is_as_it_was(make_world):
    old = make_world()
    filled(old)
    wait_until(lambda: old.redis.exists("outreach:{n}:d"), what="the daemon's first sign of life")  # a key that comes by itself
    before = content(old.redis)
    file = old.dir / "one.backup"
    answer = old.ctl("backup", file)
    assert answer["keys"] == len(before) and file.stat().st_mode & 0o777 == 0o600
    assert file.read_bytes()[:18] == b"outreachd backup 1"
    new = restored(make_world, file)
    after = content(new.redis)
    assert comparable(after) == comparable(before)
    audit = [line for line in after[":{a}:audit"][2]]
    assert audit[:len(before[":{a}:audit"][2])] == before[":{a}:audit"][2]
    assert not list(new.redis.scan_iter("outreach~*"))
    new.start_daemon()
    ledger_is_sound(new)
    campaigns_are_sound(new)
    audit_is_sound(new)
    assert new.counts("old") == old.counts("old")
    carrier = new.ctl("status")["carriers"][0]
    assert carrier["state"] == "paused" and "restored from a backup" in carrier["reason"], carrier
    # Resumed by a person, it works as ever.
    new.ctl("carrier", "resume", "mas")
    new.campaign("next", 50, first=15410000000)
    new.launch("next")
    new.wait_done("next")
    campaigns_are_sound(new)


def test_a_backup_while_everything_moves_shows_one_instant(make_world):
    old = make_world(sim={"report_delay_ms": 5}, carrier={"rate": 3000})
    old.campaign("moving", 30000)
    old.launch("moving")
    stop, wrong = threading.Event(), []

    def post():
        n = 0
        while not stop.is_set():
            n += 1
            code, document = old.daemons["a"].api("POST", "/pledges", {
                "actor": "test", "request": f"r{n}", "region": VILLAGE, "name": "王五", "kind": "cash", "fen": 100 + n})
            if code >= 300:
                wrong.append(document)
                return
    writer = threading.Thread(target=post)
    writer.start()
    try:
        files = [old.dir / f"{i}.backup" for i in range(3)]
        wait_until(lambda: old.counts("moving")["delivered"] > 100, what="reports come")
        for file in files:
            old.ctl("backup", file)
        assert old.status("moving")["state"] == "sending", "make the campaign larger: it ended before the last backup"
    finally:
        stop.set()
        writer.join()
    assert not wrong, wrong
    seen = []
    for file in files:
        new = restored(make_world, file)
        campaigns_are_sound(new)
        new.start_daemon()
        seen.append(ledger_is_sound(new)["entries"])
        audit_is_sound(new)
        campaigns_are_sound(new)
        status = new.status("moving")
        assert sum(status["counts"].values()) == status["accepted"] == 30000
        new.kill_daemon()
    assert seen == sorted(seen) and seen[0] < seen[-1], "nothing was written meanwhile: this shows nothing"


def test_every_kind_of_key_and_none_of_others(world, make_world):
    """Each of Redis' encodings, names that it packs, expiry; and nothing of other prefixes and databases."""
    redis, base = world.redis, "outreach:{x}:"
    words = [f"word {i} of many that go on and on" for i in range(1000)]
    redis.set(base + "number", 12345)
    redis.set(base + "negative", -7)
    redis.set(base + "large", 1 << 40)
    redis.set(base + "packed", "ab" * 20000)
    redis.set(base + "long", bytes(range(256)) * 4000)
    redis.set(base + "a" * 300, "a name that is packed")
    redis.set(base + "".join(f"{i}," for i in range(300)), "another")
    redis.set(base + "ends", "later", ex=5000)
    redis.set(base + "ended", "too soon", px=30)
    for n in (3, 1000):
        redis.rpush(f"{base}list{n}", *words[:n])
        redis.sadd(f"{base}set{n}", *words[:n])
        redis.sadd(f"{base}ints{n}", *range(n))
        redis.zadd(f"{base}zset{n}", {word: i / 3 for i, word in enumerate(words[:n])})
        redis.zadd(f"{base}zints{n}", {str(i): i for i in range(n)})
        redis.hset(f"{base}hash{n}", mapping={word: word * 2 for word in words[:n]})
        for i in range(n):
            redis.xadd(f"{base}stream{n}", {"a": i, "b": words[i]})
    redis.rpush(base + "biglist", "x" * 100_000, "y")
    redis.xgroup_create(base + "stream3", "group", id="0")
    redis.xreadgroup("group", "reader", {base + "stream3": ">"}, count=2)
    for other in ("outreach2:x", "outreach", "12345", "x" * 500, "zzz:{x}:stream"):
        redis.xadd(other, {"a": "b"})
    redis.set("outreach-of-others", "x")
    elsewhere = type(redis)(unix_socket_path=str(world.redis_socket), db=3)
    elsewhere.set(base + "elsewhere", "x")
    elsewhere.close()
    before = {key: value for key, value in content(redis).items() if key.startswith(":{x}:")}
    wait_until(lambda: not redis.exists(base + "ended"), what="the short one ends")
    before.pop(":{x}:ended", None)
    groups = redis.xinfo_groups(base + "stream3")
    world.ctl("backup", world.dir / "one.backup")
    new = restored(make_world, world.dir / "one.backup")
    after = content(new.redis)
    assert {key: value for key, value in after.items() if key.startswith(":{x}:")} == before
    assert not any("elsewhere" in key or "others" in key for key in after)
    assert sorted(new.redis.scan_iter("*")) == sorted(new.redis.scan_iter("outreach:*"))
    assert new.redis.xinfo_groups(base + "stream3") == groups


def test_what_is_there_is_not_overwritten(world):
    filled(world)
    file = world.dir / "one.backup"
    world.ctl("backup", file)
    before = comparable(content(world.redis))
    refused = world.ctl_raw("restore", "--yes", file)
    assert refused.returncode == 1 and "holds data already" in refused.stderr, refused.stderr
    assert comparable(content(world.redis)) == before
    # Whichever key is met first, the sentence can be read: some names hold packed numbers.
    bare = world.redis.keys("outreach:*")
    kept = {name: world.redis.dump(name) for name in bare}
    world.redis.delete(*bare)
    world.redis.set(b"outreach:\xff\xfe\x00", "x")
    refused = world.ctl_raw("restore", "--yes", file)
    assert refused.returncode == 1 and "holds data already (???)" in refused.stderr, refused.stderr
    world.redis.delete(b"outreach:\xff\xfe\x00")
    for name, value in kept.items():
        world.redis.restore(name, 0, value, replace=True)
    world.campaign("later", 20, first=15420000000)
    world.launch("later")
    world.wait_reported("later")
    done = world.ctl_raw("restore", "--yes", "--replace", file)
    assert done.returncode == 0, done.stderr
    assert world.wait_daemon_gone() == 0
    assert comparable(content(world.redis)) == before
    world.start_daemon()
    assert world.status("later")["state"] == "draft"
    ledger_is_sound(world)


def test_another_daemon_keeps_a_restore_out(world):
    file = world.dir / "one.backup"
    world.ctl("backup", file)
    world.start_daemon("b")
    wait_until(lambda: world.redis.hlen("outreach:{n}:d") == 2, what="both daemons are known")
    refused = world.ctl_raw("restore", "--yes", "--replace", file)
    assert refused.returncode == 1 and "daemon-b is running" in refused.stderr, refused.stderr


def test_damaged_files_are_refused_before_anything_is_written(world, make_world):
    filled(world)
    file = world.dir / "one.backup"
    world.ctl("backup", file)
    whole = file.read_bytes()
    new = make_world()
    before = comparable(content(new.redis))

    def refused(data, *words):
        bad = new.dir / "bad.backup"
        bad.write_bytes(data)
        done = new.ctl_raw("restore", "--yes", bad)
        assert done.returncode == 1 and any(word in done.stderr for word in words), done.stderr
        assert comparable(content(new.redis)) == before and not list(new.redis.scan_iter("outreach~*"))
        assert new.daemons["a"].process.running()

    refused(b"", "its end is missing")
    for cut in (10, len(whole) // 3, len(whole) - 1):
        refused(whole[:cut], "its end is missing")
    middle = len(whole) // 2
    # The byte may be part of a length: then the end is not where it should be.
    refused(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1:], "damaged", "its end is missing", "behind the end")
    refused(whole + b"x", "behind the end")
    refused(b"something else\n" + whole, "no backup of outreachd")
    newer = re.sub(rb"\nschema \d+\n", b"\nschema 9\n", whole, count=1)
    newer = newer[:-32] + hashlib.sha256(newer[:-32]).digest()
    refused(newer, "layout 9")
    refused(whole.replace(b"backup 1\n", b"backup 2\n", 1), "newer outreachd")


def test_locked_with_a_passphrase(world, make_world):
    filled(world)
    secret, other, file = world.dir / "pass", world.dir / "other", world.dir / "one.backup"
    for path, text in ((secret, PASSPHRASE), (other, "another one")):
        path.write_text(text)
        path.chmod(0o600)
    before = content(world.redis)
    assert world.ctl("backup", "--passphrase", secret, file)["locked"]
    locked = file.read_bytes()
    assert b"outreach:" not in locked and "张三".encode() not in locked and b":{mas}:" not in locked
    new = make_world()
    for args, words in (([], "it is locked"), (["--passphrase", other], "passphrase is another one")):
        done = new.ctl_raw("restore", "--yes", *args, file)
        assert done.returncode == 1 and words in done.stderr, done.stderr
    for bad in (locked[:-1], locked[:-70000], locked[:200] + b"x" + locked[201:], locked + b"x", locked[:30]):
        (new.dir / "bad").write_bytes(bad)
        assert new.ctl_raw("restore", "--yes", "--passphrase", secret, new.dir / "bad").returncode == 1
    assert new.daemons["a"].process.running()
    done = new.ctl_raw("restore", "--yes", "--passphrase", "-", file, stdin=PASSPHRASE + "\n")
    assert done.returncode == 0, done.stderr
    assert new.wait_daemon_gone() == 0
    assert comparable(content(new.redis)) == comparable(before)


@pytest.mark.parametrize("moment", ["restore_part", "restore_swap"])
def test_killed_during_a_restore_nothing_is_half_there(world, make_world, moment):
    filled(world)
    file = world.dir / "one.backup"
    world.ctl("backup", file)
    wanted = comparable(content(world.redis))
    new = make_world(start=False)
    new.start_redis()
    new.sim.start()
    new.start_daemon(env={"OUTREACH_FAILPOINT": moment})
    empty = set(comparable(content(new.redis)))
    assert new.ctl_raw("restore", "--yes", file).returncode == 4
    assert new.wait_daemon_gone() == 137
    now = comparable(content(new.redis))
    assert set(now) == empty or now == wanted
    if now != wanted:
        assert len(list(new.redis.scan_iter("outreach~restore:*"))) > 1, "it was killed before anything was brought"
    new.start_daemon()
    if now != wanted:
        wait_until(lambda: not list(new.redis.scan_iter("outreach~*")), what="what lay about is cleared")
        assert new.ctl_raw("restore", "--yes", file).returncode == 0
        new.wait_daemon_gone()
        assert comparable(content(new.redis)) == wanted and not list(new.redis.scan_iter("outreach~*"))
        new.start_daemon()
    ledger_is_sound(new)
    campaigns_are_sound(new)


def staged(world):
    return len(list(world.redis.scan_iter("outreach~*")))


def test_what_a_restore_brought_in_vain_is_cleared(world, make_world):
    """Refused at its end; left by another daemon, dead or alive; more than one call clears."""
    filled(world)
    file = world.dir / "one.backup"
    world.ctl("backup", file)
    bad = world.dir / "bad.backup"
    bad.write_bytes(file.read_bytes()[:-1] + b"x")
    new = make_world()
    body = bad.read_bytes()
    status, _ = new.daemons["a"].api("PUT", "/restore?at=0", body)
    assert status == 409
    wait_until(lambda: staged(new) == 0, what="the refused one is cleared")
    new.kill_daemon()

    left = {f"outreach~restore:left{i}": "x" for i in range(20_100)}
    for owner, beat, goes in (("daemon-z", None, True), ("daemon-z", 0, True), ("daemon-z", 10**14, False), ("daemon-a", None, True)):
        new.redis.mset({**left, "outreach~restore:": owner})
        if beat is not None:
            new.redis.hset("outreach:{n}:d", owner, f"host\t0.1.0\t1\t1\t{beat}\t0\t0")
        new.start_daemon()
        if goes:
            wait_until(lambda: staged(new) == 0, what=f"what {owner} left is cleared")
        else:
            new.ctl("ledger", "seal")  # looks again
            new.ctl("status")
            assert staged(new) == len(left) + 1
        new.kill_daemon()
        new.redis.hdel("outreach:{n}:d", owner)
    new.redis.mset({**left, "outreach~restore:": "daemon-a"})
    new.start_daemon()
    new.ctl("ledger", "seal")
    wait_until(lambda: staged(new) == 0, what="cleared")
    new.redis.mset({"outreach~restore:a": "x", "outreach~restore:": "daemon-a"})
    new.ctl("ledger", "seal")
    wait_until(lambda: staged(new) == 0, what="the nightly seal clears it")
    ledger_is_sound(new)


def test_a_broken_off_backup_leaves_no_file(world):
    filled(world)
    file = world.dir / "one.backup"
    world.stop_redis()
    done = world.ctl_raw("backup", file)
    assert done.returncode == 1 and "Redis" in done.stderr, done.stderr
    assert not list(world.dir.glob("one.backup*"))


def test_the_newest_are_kept(world):
    folder = world.dir / "kept"
    folder.mkdir()
    for name in ("outreach-20200101T000000Z.backup", "outreach-20210101T000000Z.backup", "notes.txt"):
        (folder / name).write_text("x")
    world.ctl("backup", "--keep", "2", f"{folder}/")
    names = sorted(path.name for path in folder.iterdir())
    assert names[:2] == ["notes.txt", "outreach-20210101T000000Z.backup"] and len(names) == 3, names
    assert world.ctl_raw("backup", "--keep", "2", folder / "x").returncode == 2


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
def test_every_released_layout_is_read(make_world, layout):
    """tests/data/layouts/N.backup was made by the daemon that first wrote layout N, and every later one must take it over: figures,
    proofs, and what was not finished. A new layout gets a file beside it; none of the files is ever made anew."""
    was = LAYOUTS[layout]
    world = restored(make_world, TOP / f"tests/data/layouts/{layout}.backup")
    world.start_daemon()
    assert ledger_is_sound(world)["entries"] == was["entries"]
    audit_is_sound(world)
    campaigns_are_sound(world)
    finished, halfway = world.status("finished"), world.status("halfway")
    assert finished["state"] == "done" and finished["counts"]["delivered"] == was["finished"], finished
    assert halfway["state"] == "paused" and halfway["counts"]["queued"] == was["queued"], halfway
    assert sum(halfway["counts"].values()) == halfway["accepted"] == 600
    for number in ("15400009999", "15400000001"):
        assert world.ctl("optout", "check", number)["opted_out"]
    # It goes on: the number of the next pledge follows, the group knows who was written to, and what was queued can be cancelled.
    number = world.ctl("pledge", "add", "--region", VILLAGE, "--name", "王五", "--amount", "1")["pledge"]
    assert number.split("-")[0] == "513327" and ledger_is_sound(world)["entries"] == was["entries"] + 1
    world.ctl("campaign", "cancel", "halfway", "--reason", "it was of another day")
    assert world.counts("halfway")["cancelled"] == was["queued"]
    world.ctl("carrier", "resume", "mas")
    world.campaign("next", 50, first=15420000000)
    world.launch("next")
    world.wait_done("next")
    campaigns_are_sound(world)
