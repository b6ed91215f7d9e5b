"""What a monitor sees: /metrics, /healthz, /readyz on the listening port."""
import http.client
import re
import subprocess

from harness import PATIENCE, wait_until

SAMPLE = re.compile(r'^(outreach_[a-z_]+)(\{[a-z]+="(?:[^"\\\n]|\\.)*"(?:,[a-z]+="(?:[^"\\\n]|\\.)*")*\})? (-?[0-9.e+-]+)$')


def fetch(world, path, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", world.daemons["a"].port, timeout=PATIENCE)
    connection.request("GET", path, headers=headers or {})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def samples(text):
    """Every line is a comment or a sample; every sample stands below the head of its own metric."""
    found, family = {}, None
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            family = line.split()[2]
        elif not line.startswith("# HELP "):
            match = SAMPLE.match(line)
            assert match, line
            assert match[1] == family or match[1] in (family + "_bucket", family + "_sum", family + "_count"), line
            key = match[1] + (match[2] or "")
            assert key not in found, f"twice: {key}"
            found[key] = float(match[3])
    return found


def test_figures_of_a_campaign_under_way(world):
    world.sim.fault("rspcod:SystemBusy")  # so that it stays under way
    numbers = world.campaign("spring", rows=50)
    world.launch("spring")
    world.wait_state("spring", "sending")
    status, text = fetch(world, "/metrics")
    assert status == 200
    found = samples(text)
    states = [value for key, value in found.items() if key.startswith('outreach_campaign_recipients{campaign="spring"')]
    assert len(states) == 10 and sum(states) == 50
    assert found["outreach_redis_up"] == 1 and found['outreach_carrier_up{carrier="mas"}'] == 1
    assert not [number for number in numbers if number in text], "a number of a person"


def test_promtool_finds_nothing_to_say(world):
    world.campaign("spring", rows=50)
    world.launch("spring")
    world.wait_state("spring", "done")
    world.ctl("pledge", "add", "--region", "513327205", "--amount", "12.50", "--name", "张三")
    status, text = fetch(world, "/metrics")
    assert status == 200
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=PATIENCE)
    assert checked.returncode == 0 and checked.stderr == "", checked.stderr
    found = samples(text)
    assert found['outreach_ledger_amount_yuan{kind="cash",measure="pledged"}'] == 12.5
    assert found['outreach_ledger_entries_total'] == 1
    assert found['outreach_carrier_request_seconds_count{carrier="mas"}'] >= 2  # the canary, then the rest
    assert found['outreach_carrier_request_seconds_bucket{carrier="mas",le="+Inf"}'] == found['outreach_carrier_request_seconds_count{carrier="mas"}']


def test_queue_has_an_age(world):
    world.sim.fault("rspcod:SystemBusy")
    world.campaign("spring", rows=5)
    world.launch("spring")
    wait_until(lambda: samples(fetch(world, "/metrics")[1]).get(
        'outreach_campaign_queue_age_seconds{campaign="spring",carrier="mas",launch="1"}', 0) >= 1, what="a queue a second old")


def test_only_this_machine_is_told(world):
    assert fetch(world, "/metrics")[0] == 200
    assert fetch(world, "/metrics", {"X-Forwarded-For": "203.0.113.9"})[0] == 404
    assert fetch(world, "/metrics", {"Forwarded": "for=203.0.113.9"})[0] == 404
    assert fetch(world, "/api/v1/status")[0] == 401


def test_redis_away_is_seen(world):
    assert fetch(world, "/readyz") == (200, "ok\n")
    world.stop_redis()
    wait_until(lambda: fetch(world, "/readyz")[0] == 503, what="/readyz says 503")
    assert fetch(world, "/healthz") == (200, "ok\n"), "it lives: a restart would not bring Redis back"
    status, text = fetch(world, "/metrics")
    found = samples(text)
    assert status == 200 and found["outreach_redis_up"] == 0
    assert "outreach_build_info" in text and 'outreach_carrier_up{carrier="mas"}' not in found
