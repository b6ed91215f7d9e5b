"""Configuration: everything wrong at once, reload all or nothing, and what Redis must be like."""
import json
import signal
import subprocess

from harness import BUILD, CALLBACK_KEY, PATIENCE, wait_until


def test_check_reports_everything_at_once(world):
    world.write_config("a", extra_config="[carrier mas]\nrate = 5\n[carier x]\nfoo = 1\n")
    text = world.daemons["a"].config.read_text().replace("log_level = debug", "log_level = loud\nlisten_prot = 5")
    world.daemons["a"].config.write_text(text)
    done = world.ctl_raw("check")
    assert done.returncode == 1
    wrong = done.stdout + done.stderr
    for word in ("log_level", "listen_prot", "carier x", "carrier mas"):
        assert word in wrong, wrong
    assert "a.ini:" in wrong
    offline = world.daemons["a"].process  # the daemon's own check says the same
    assert offline.running()


def test_check_shows_the_value_of_each_mistake(world):
    """Also where no row of the table is at hand; but nothing that may be a secret."""
    config = world.daemons["a"].config
    config.write_text(config.read_text().replace(
        "[carrier mas]", "[carrier mas]\nratte = 77\nsecrt_key = Geheim1\nsegment_fen = 4", 1))
    done = world.ctl_raw("--json", "check")
    shown = {item["key"]: item["value"] for item in json.loads(done.stdout)["mistakes"] if not item["warning"]}
    assert done.returncode == 1 and shown["ratte"] == "77" and shown["secrt_key"] is None, done.stdout
    assert shown["segment_fen"] is not None, done.stdout  # the second of two
    own = subprocess.run([BUILD / "outreachd", "--config", config, "--check"],
                         capture_output=True, text=True, timeout=PATIENCE)
    assert "ratte = 77:" in own.stderr and "Geheim1" not in own.stderr + own.stdout + done.stdout + done.stderr, own.stderr


def test_check_shows_a_wrong_id(world):
    world.campaign("c1", rows=2)
    path = world.dir / "campaigns.d" / "c1.ini"
    path.rename(path.with_name("c2.ini"))
    wrong = [item for item in json.loads(world.ctl_raw("--json", "check").stdout)["mistakes"] if item["key"] == "id"]
    assert [item["value"] for item in wrong] == ["c1"], wrong


def test_check_refuses_what_could_never_be_launched(world):
    """Both programs, before anybody plans or launches it."""
    world.campaign("c1", rows=2, text="((村))您好")
    world.campaign("c2", rows=2, text="字" * 300)
    world.campaign("c3", rows=2, columns=("编号",))
    own = subprocess.run([BUILD / "outreachd", "--config", world.daemons["a"].config, "--check"],
                         capture_output=True, text=True, timeout=PATIENCE)
    for done in (world.ctl_raw("check"), own):
        wrong = done.stdout + done.stderr
        assert done.returncode == 1, wrong
        assert "c1.ini" in wrong and "((村))" in wrong and "c2.ini" in wrong and "max_segments" in wrong, wrong
        assert "c3.ini" in wrong and "no column holds the numbers" in wrong, wrong


def test_a_broken_reload_changes_nothing(world):
    daemon = world.daemons["a"]
    good = daemon.config.read_text()
    daemon.config.write_text(good.replace("batch_max", "batch_maximum") if "batch_max" in good else good + "\nnonsense\n")
    daemon.process.send(signal.SIGHUP)
    status = wait_until(lambda: (s := world.api("GET", "/status"))["last_reload"] and not s["last_reload"]["ok"] and s, what="reload refused")
    assert status["last_reload"]["message"]
    world.campaign("c1", rows=20)
    daemon.config.write_text(good)
    daemon.process.send(signal.SIGHUP)
    wait_until(lambda: world.api("GET", "/status")["last_reload"]["ok"], what="reload accepted")
    world.launch("c1")
    world.wait_reported("c1")
    world.check_books("c1")


def test_an_unfit_redis_is_named_and_cured(world):
    """eviction would lose recipients: nothing is sent until it is off."""
    world.redis.config_set("maxmemory-policy", "allkeys-lru")
    world.kill_daemon(signal.SIGTERM)
    world.start_daemon(wait=False)
    redis = wait_until(lambda: (s := _status(world)) and s["redis"]["health"] == "unfit" and s["redis"], what="unfit")
    assert "maxmemory-policy" in redis["sentence"]
    world.redis.config_set("maxmemory-policy", "noeviction")
    wait_until(world.daemons["a"].ready, what="ready again by itself")


def test_no_aof_is_refused_unless_accepted(make_world):
    world = make_world(start=False)
    world.start_redis()
    world.redis.config_set("appendonly", "no")
    world.sim.start()
    world.start_daemon(wait=False)
    redis = wait_until(lambda: (s := _status(world)) and s["redis"]["health"] == "unfit" and s["redis"], what="unfit")
    assert "appendonly" in redis["sentence"]
    world.kill_daemon(signal.SIGTERM)
    world.redis_keys = {"i_accept_data_loss": "yes"}
    world.start_daemon()


def test_one_process_per_id(world):
    world.write_config("b")
    text = world.daemons["b"].config.read_text()
    world.daemons["b"].config.write_text(text.replace(str(world.daemons["b"].state_dir), str(world.daemons["a"].state_dir))
                                         .replace("daemon-b", "daemon-a"))
    from harness import BUILD, Process
    second = Process("second", [BUILD / "outreachd", "--config", world.daemons["b"].config], world.dir / "second.log")
    wait_until(lambda: not second.running(), what="the second refuses")
    assert second.popen.returncode != 0 and "daemon-a" in second.output()


def test_logs_hold_no_number_and_no_text(world):
    numbers = world.campaign("c1", rows=120)
    world.launch("c1")
    world.wait_reported("c1")
    world.sim.uplink(numbers[0], "R")
    world.sim.wait_quiet()
    log = world.daemons["a"].process.output()
    assert "event=" in log
    assert not any(number in log for number in numbers)
    assert "扶贫日" not in log and "Test#2026" not in log and CALLBACK_KEY not in log


def _status(world):
    try:
        return world.api("GET", "/status")
    except (OSError, AssertionError, KeyError):
        return None
