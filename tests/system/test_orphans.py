"""An account that is taken out of the file by a restart, where a reload would refuse, does not take its campaigns out of sight."""
from harness import wait_until

SECOND = """
[carrier second]
driver = cloudmas
base_url = http://127.0.0.1:1
submit_path = /sms/norsubmit
ec_name = x
ap_id = x
secret_key_file = mas.secret
sign_code = x
callback_key_file = mas.callback
"""


def attention(world):
    return [line for line in world.api("GET", "/status")["attention"] if "Campaign lost" in line]


def test_campaigns_of_an_account_that_is_not_configured_are_seen(make_world):
    world = make_world(start=False)
    world.start_redis()
    world.sim.start()
    world.start_daemon(extra_config=SECOND)
    world.ctl("carrier", "pause", "second", "--reason", "not today")
    world.campaign("lost", 30, carrier="second")
    world.launch("lost", expect=30)
    world.campaign("mine", 10, first=15430000000)
    world.launch("mine")
    world.wait_done("mine")
    assert attention(world) == []
    world.kill_daemon()

    world.start_daemon()  # without the section
    lines = wait_until(lambda: attention(world), what="status tells of it")
    assert len(lines) == 1 and "carrier second is not configured" in lines[0] and "[carrier second] back" in lines[0], lines
    campaign = next(c for c in world.api("GET", "/status")["campaigns"] if c["id"] == "lost")
    assert campaign["waiting"]["reason"] == "carrier second is not configured" and campaign["counts"]["queued"] == 30
    assert "carrier second is not configured" in world.ctl("status", json=False)
    world.kill_daemon()

    world.start_daemon(extra_config=SECOND)
    assert [c["id"] for c in world.api("GET", "/status")["campaigns"]] == ["lost"] and attention(world) == []
    world.ctl("campaign", "cancel", "lost", "--yes", "--reason", "nobody wants it")
    world.kill_daemon()
    world.start_daemon()
    world.api("GET", "/status")
    world.user("wang.li", "township", "513327205")  # any call that goes to Redis behind the look for accounts
    assert attention(world) == []
