"""Drafts over the API: the INI and the list that the console writes are the files that people write by hand."""
import collections
import hashlib
import http.client
import io
import json
import os
import subprocess
import threading
from csv import reader as csv_reader

import pytest

from harness import BUILD, CALLBACK_KEY, PATIENCE, local_minute, numbers, wait_until

ACTOR = {"actor": "clerk1"}
START = local_minute(-86400)


def csv_of(rows, columns=("手机号", "姓名")):
    return ("\n".join([",".join(columns), *(",".join(map(str, row)) for row in rows)]) + "\n").encode()


def make(world, title="扶贫日", id_=None, **more):
    body = {"title": title, "region": "513327205", "carrier": "mas", **ACTOR, **more}
    if id_:
        body["id"] = id_
    return world.api("POST", "/drafts", body)


def change(world, draft, pledge=..., actor="clerk1", **fields):
    body = {"version": draft["version"], "fields": fields, "actor": actor}
    if pledge is not ...:
        body["pledge"] = pledge
    return world.api("POST", f"/drafts/{draft['id']}", body)


def refused(world, draft, status=400, **fields):
    got, document = world.daemons["a"].api("POST", f"/drafts/{draft['id']}",
                                           {"version": draft["version"], "fields": fields, **ACTOR})
    assert got == status, document
    return document["error"]


def upload(world, id_, data, name="list.csv", part=1 << 20, actor="clerk1"):
    answer = None
    for at in range(0, len(data), part):
        piece = data[at:at + part]
        last = int(at + len(piece) == len(data))
        answer = world.api("PUT", f"/drafts/{id_}/recipients?at={at}&last={last}&name={name}&actor={actor}", piece)
    return answer


def complete(world, id_="spring", rows=30, actor="clerk1", text="尊敬的((姓名))，10月17日是扶贫日。"):
    draft = make(world, id_=id_, actor=actor)
    draft = change(world, draft, actor=actor, text=text, signature="高山乡人民政府", start=START, end="2036-01-01 20:00",
                   window="00:00-24:00", **{"class": "notice"}, optout="拒收请回复R", late_after="30d")
    return upload(world, id_, csv_of([(n, f"村民{i}") for i, n in enumerate(numbers(rows))]), actor=actor)


def folder(world):
    return world.dir / "campaigns.d"


def files(world, id_):
    return sorted(p.name for p in folder(world).iterdir() if p.name.startswith((id_, ".")))


def test_from_nothing_to_a_launch(world):
    draft = make(world)
    assert draft["id"].endswith("-513327205-1") and draft["author"] == "clerk1"
    assert draft["fields"]["title"] == "扶贫日" and draft["fields"]["text"] is None
    assert {m["field"] for m in draft["mistakes"]} >= {"recipients", "start", "end", "signature", "text"}
    assert draft["launchable"] is False and "no list yet" in draft["blocked"]
    assert make(world)["id"].endswith("-513327205-2")
    listed = {c["id"]: c for c in world.api("GET", "/campaigns")["campaigns"]}
    assert listed[draft["id"]]["state"] == "draft" and listed[draft["id"]]["unfinished"] is True

    done = complete(world, "spring", rows=30)
    assert done["mistakes"] == [] and done["recipients"]["columns"] == ["手机号", "姓名"]
    assert done["recipients"]["file"] == "list.csv" and done["recipients"]["uploaded_by"] == "clerk1"
    assert done["approval"]["needed"] is None  # nobody has counted them
    plan = world.api("GET", "/drafts/spring/plan")
    assert (plan["rows"], plan["accepted"], plan["stage"]) == (30, 30, "ok")
    assert plan["optouts_consulted"] and plan["complete"]
    done = world.api("GET", "/drafts/spring")
    assert done["launchable"] is True and done["approval"]["needed"] is False and done["people"] == 30
    # the files are the contract's: the command line launches them
    world.sizes["spring"] = 30
    world.launch("spring")
    world.wait_done("spring")
    launched = world.api("GET", "/drafts/spring")
    assert launched["launched"] is True and launched["launchable"] is False
    assert refused(world, launched, 409, title="anders")["code"] == "launched"
    status, document = world.daemons["a"].api("DELETE", "/drafts/spring", ACTOR)
    assert status == 409 and document["error"]["code"] == "launched"
    status, _ = world.daemons["a"].api("PUT", "/drafts/spring/recipients?at=0&last=1&name=x.csv", csv_of([]))
    assert status == 409


def test_comments_and_order_of_a_file_written_by_hand_stay(world):
    world.campaign("spring", rows=20)
    path = folder(world) / "spring.ini"
    before = "# of the township\r\n" + path.read_text(encoding="utf-8").replace("\n", "\r\n").replace(
        "[message]", "; what people read\r\n[message]")
    path.write_bytes(before.encode())
    path.chmod(0o664)
    draft = world.api("GET", "/drafts/spring")
    assert draft["author"] is None and draft["mistakes"] == []
    changed = change(world, draft, title="中秋", rate=7, text=draft["fields"]["text"])
    after = path.read_bytes().decode()
    assert after == before.replace("title = 测试", "title = 中秋").replace("late_after = 2d\r\n", "late_after = 2d\r\nrate = 7\r\n")
    assert path.stat().st_mode & 0o777 == 0o664
    assert changed["updated_by"] == "clerk1" and changed["fields"]["rate"] == "7"
    assert change(world, changed, rate=None)["fields"]["rate"] is None
    assert "rate" not in path.read_text(encoding="utf-8")


def test_a_mistake_is_told_by_field_and_nothing_is_written(world):
    draft = complete(world)
    path = folder(world) / "spring.ini"
    before = path.read_bytes()
    for field, value in (("start", "17.10."), ("carrier", "max"), ("region", "5133272"), ("rate", "viel"), ("class", "advert"),
                         ("optout", "a\u0007b"), ("title", "x" * 101), ("signature", "【高山】"), ("text", "a【b】"), ("text", "a\nb\u0001"),
                         ("empty", "default:"), ("late_after", "soon"), ("window", "8-21"), ("end", "2020-01-01 10:00")):
        error = refused(world, draft, **{field: value})
        assert error["code"] == "invalid" and error["field"] == field, (field, error)
        assert error["message"]
    assert refused(world, draft, text_file="/etc/passwd")["field"] == "fields"
    assert refused(world, draft, recipients="/etc/passwd")["field"] == "fields"
    assert refused(world, draft, id="other")["field"] == "fields"
    for pledge, field in (({"confirm": "maybe"}, "pledge.confirm"), ({"confirmm": "reply"}, "pledge.confirmm"),
                          ({"x]\n[campaign": "1"}, "pledge"), ([], "pledge")):
        status, document = world.daemons["a"].api("POST", "/drafts/spring", {"version": draft["version"], "pledge": pledge, **ACTOR})
        assert status == 400 and document["error"]["field"] == field, document
    assert path.read_bytes() == before
    assert files(world, "spring") == ["spring.csv", "spring.ini"]
    # what is missing may wait
    saved = change(world, draft, text="")
    assert [m["field"] for m in saved["mistakes"]] == ["text"] and saved["fields"]["text"] is None


def test_a_section_pledge_comes_and_goes(world):
    draft = complete(world)
    draft = change(world, draft, pledge={})
    assert draft["pledge"] == {"confirm": "reply"} and draft["mistakes"] == []
    draft = change(world, draft, pledge={"confirm": "none", "hotline": "0836-1234567"})
    assert draft["pledge"] == {"confirm": "none", "hotline": "0836-1234567"}
    draft = change(world, draft, pledge={"hotline": None})
    assert draft["pledge"] == {"confirm": "none"}
    draft = change(world, draft, pledge=None)
    assert draft["pledge"] is None and "pledge" not in (folder(world) / "spring.ini").read_text(encoding="utf-8")


def test_a_text_with_line_breaks_stands_beside_the_ini(world):
    draft = complete(world)
    draft = change(world, draft, text="尊敬的((姓名))：\r\n10月17日是扶贫日。\n")
    assert draft["fields"]["text"] == "尊敬的((姓名))：\n10月17日是扶贫日。" and draft["mistakes"] == []
    first = files(world, "spring")
    assert len(first) == 3 and first[2].startswith("spring.text-")
    assert world.api("GET", "/drafts/spring/preview?at=1")["text"] == "【高山乡人民政府】尊敬的村民1：\n10月17日是扶贫日。拒收请回复R"
    draft = change(world, draft, text="一\n二\n三")
    second = files(world, "spring")
    assert {p.stat().st_mode & 0o777 for p in folder(world).iterdir()} == {0o660}
    assert len(second) == 3 and second != first
    draft = change(world, draft, text="一行")
    assert files(world, "spring") == ["spring.csv", "spring.ini"] and draft["fields"]["text"] == "一行"


def test_two_who_save_at_once(world):
    draft = complete(world)
    change(world, draft, title="甲")
    assert refused(world, draft, 409, title="乙")["code"] == "stale"
    current = world.api("GET", "/drafts/spring")
    assert current["fields"]["title"] == "甲"
    got = []

    def save(title):
        got.append(world.daemons["a"].api("POST", "/drafts/spring", {"version": current["version"], "fields": {"title": title}, **ACTOR}))
    threads = [threading.Thread(target=save, args=(f"第{i}",)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(status for status, _ in got) == [200, 409, 409, 409, 409, 409]
    winner = next(document for status, document in got if status == 200)
    assert world.api("GET", "/drafts/spring")["fields"]["title"] == winner["fields"]["title"]
    assert files(world, "spring") == ["spring.csv", "spring.ini"]


def test_names_never_lead_out_of_the_folder(world):
    (world.dir / "secret.ini").write_text("[campaign]\n")
    for id_ in ("..%2fsecret", "%2e%2e", ".hidden", "a%00b", "-x", "a%20b"):
        for method, tail in (("GET", ""), ("GET", "/plan"), ("POST", ""), ("DELETE", ""), ("PUT", "/recipients?at=0&last=1")):
            body = None if method == "GET" else b"x" if method == "PUT" else {"version": "", **ACTOR}
            assert world.daemons["a"].api(method, f"/drafts/{id_}{tail}", body)[0] in (400, 404), (method, id_)
    for id_ in ("../x", "a/b", ".x", "", "x" * 65, "a\nb"):
        status, document = world.daemons["a"].api("POST", "/drafts", {"title": "t", "carrier": "mas", "id": id_ or "/", **ACTOR})
        assert status == 400 and document["error"]["field"] == "id", document
    status, document = world.daemons["a"].api("POST", "/drafts", {"copy_of": "../secret", **ACTOR})
    assert status == 404
    assert (world.dir / "secret.ini").exists()


def test_copy_and_delete(world):
    complete(world)
    change(world, world.api("GET", "/drafts/spring"), text="一\n二((姓名))")
    copy = make(world, title="又一次", id_="autumn", copy_of="spring")
    assert copy["fields"]["text"] == "一\n二((姓名))" and copy["fields"]["start"] is None
    assert copy["fields"]["title"] == "又一次" and copy["recipients"]["bytes"] > 0
    assert (folder(world) / "autumn.csv").read_bytes() == (folder(world) / "spring.csv").read_bytes()
    assert not os.path.samefile(folder(world) / "autumn.csv", folder(world) / "spring.csv")
    status, document = world.daemons["a"].api("POST", "/drafts", {"title": "x", "carrier": "mas", "id": "autumn", **ACTOR})
    assert status == 409 and document["error"]["field"] == "id"
    world.api("DELETE", "/drafts/autumn", ACTOR)
    assert files(world, "autumn") == []
    assert world.daemons["a"].api("GET", "/drafts/autumn")[0] == 404
    assert len(files(world, "spring")) == 3


def test_what_is_being_written_is_no_mistake(world):
    """Three clerks write; that is no reason for an operator's check to fail, nor for a warning at each reload."""
    make(world, id_="one")
    make(world, id_="two")
    change(world, world.api("GET", "/drafts/two"), text="你好", signature="高山乡人民政府", start=START)
    complete(world, "three")
    make(world, title="又一次", id_="four", copy_of="three")  # has everything but its days
    check = world.ctl("check")
    assert check["ok"] and check["campaigns"] == 1 and check["mistakes_total"] == 0
    assert {d["file"]: d["lacks"] for d in check["drafts"]} == {
        "one.ini": "start end recipients signature text", "two.ini": "end recipients", "four.ini": "start end"}
    said = world.ctl("check", json=False)
    assert "no mistakes; 1 campaign definition\n" in said and "3 drafts on the console" in said and "two.ini lacks end recipients" in said
    daemon = world.daemons["a"]
    done = subprocess.run([BUILD / "outreachd", "--config", daemon.config, "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "two.ini lacks end recipients" in done.stdout, done.stdout + done.stderr

    # A file that somebody wrote by hand is as wrong as before, and so is a finished draft that became wrong.
    (folder(world) / "byhand.ini").write_text("[campaign]\nid = byhand\ntitle = 手\n", encoding="utf-8")
    world.api("POST", "/reload", ACTOR)
    push = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=PATIENCE)
    push.request("POST", f"/hook/mas/{CALLBACK_KEY}/uplink",
                 json.dumps({"mobile": "15400000001", "smsContent": "捐5", "sendTime": "2026-10-17 09:00:00", "addSerial": ""}))
    assert push.getresponse().status == 200
    push.close()
    log = wait_until(lambda: "file=byhand.ini" in daemon.process.output() and daemon.process.output(), what="the mistakes of the folder")
    wrong = [line for line in log.splitlines() if "event=definition_wrong" in line]
    assert wrong and all("file=byhand.ini" in line for line in wrong), wrong
    check = world.ctl_raw("check")
    assert check.returncode == 1 and "byhand.ini" in check.stderr and "two.ini" not in check.stderr and "two.ini" in check.stdout
    (folder(world) / "byhand.ini").unlink()
    (folder(world) / "three.ini").write_text((folder(world) / "three.ini").read_text(encoding="utf-8").replace("carrier = mas", "carrier = sam"),
                                             encoding="utf-8")
    check = world.ctl_raw("check")
    assert check.returncode == 1 and "three.ini" in check.stderr, check.stderr


def test_upload_in_parts(world):
    make(world, id_="spring")
    data = csv_of([(n, f"村民{i}") for i, n in enumerate(numbers(5000))])
    put = world.daemons["a"].api
    where = "/drafts/spring/recipients?name=a.csv&actor=clerk1"
    assert put("PUT", where + "&at=0", data[:1000]) == (200, {"at": 1000})
    status, document = put("PUT", where + "&at=0x10", data[:1000])
    assert status == 400 and document["error"]["field"] == "at"
    status, document = put("PUT", where + "&at=900", data[900:2000])
    assert status == 409 and document["at"] == 1000 and document["error"]["code"] == "offset"
    # another person's upload does not mix with it
    assert put("PUT", "/drafts/spring/recipients?name=b.csv&actor=clerk2&at=0", b"x" * 10) == (200, {"at": 10})
    status, document = put("PUT", where.replace("a.csv", "c.csv") + "&at=1000", b"x")
    assert status == 409 and document["at"] == 0
    assert put("PUT", where + "&at=1000", data[1000:4000])[0] == 200
    status, draft = put("PUT", where + "&last=1&at=4000", data[4000:])
    assert status == 200 and draft["recipients"]["sha256"] == hashlib.sha256(data).hexdigest()
    assert draft["recipients"]["bytes"] == len(data) and draft["recipients"]["encoding"] == "UTF-8"
    assert (folder(world) / "spring.csv").read_bytes() == data
    # what is no table leaves the old list where it is
    status, document = put("PUT", where + "&last=1&at=0", b"PK\x03\x04" + bytes(range(256)) * 8)
    assert status == 400 and document["error"]["field"] == "recipients", document
    assert (folder(world) / "spring.csv").read_bytes() == data
    # begun again from the start
    assert put("PUT", where + "&at=0", data[:10]) == (200, {"at": 10})
    assert put("PUT", where + "&last=1&at=0", csv_of([(numbers(1)[0], "甲")]))[0] == 200
    assert len((folder(world) / "spring.csv").read_bytes()) < 100


def test_the_temporary_files_are_bounded(make_world):
    world = make_world(daemon={"upload_max": "64k"})
    put = world.daemons["a"].api
    make(world, id_="spring")

    def temporary():
        return [p for p in folder(world).iterdir() if p.name.startswith(".draft-")]
    status, document = put("PUT", "/drafts/spring/recipients?at=0&name=a.csv", b"x" * 70000)
    assert status == 413 and "upload_max" in document["error"]["message"]
    assert put("PUT", "/drafts/spring/recipients?at=0&name=a.csv", b"x" * 60000)[0] == 200
    assert put("PUT", "/drafts/spring/recipients?at=60000&name=a.csv", b"x" * 6000)[0] == 413
    assert temporary() == []
    for i in range(16):
        assert put("PUT", f"/drafts/spring/recipients?at=0&name=a.csv&actor=c{i}", b"x")[0] == 200
    status, document = put("PUT", "/drafts/spring/recipients?at=0&name=a.csv&actor=one-more", b"x")
    assert status == 503 and document["error"]["code"] == "busy"
    assert len(temporary()) == 16
    world.kill_daemon()
    for path in temporary():
        os.utime(path, (0, 0))
    (folder(world) / "spring.text-01234567.txt").write_text("nobody names it")
    os.utime(folder(world) / "spring.text-01234567.txt", (0, 0))
    world.start_daemon()
    assert temporary() == [] and files(world, "spring") == ["spring.ini"]


@pytest.mark.parametrize("point", ["draft_written", "draft_synced", "draft_between", "draft_after"])
def test_killed_in_the_middle_of_a_save(world, point):
    draft = complete(world)
    draft = change(world, draft, text="旧的\n第一行((姓名))")
    world.kill_daemon()
    world.start_daemon(env={"OUTREACH_FAILPOINT": point})
    try:
        world.daemons["a"].api("POST", "/drafts/spring", {"version": draft["version"],
                                                          "fields": {"title": "新的", "text": "新的\n第二行((姓名))"}, **ACTOR})
    except OSError:
        pass
    assert world.wait_daemon_gone() == 137
    world.start_daemon()
    now = world.api("GET", "/drafts/spring")
    is_new = point == "draft_after"
    assert now["fields"]["title"] == ("新的" if is_new else "扶贫日")
    assert now["fields"]["text"] == ("新的\n第二行((姓名))" if is_new else "旧的\n第一行((姓名))")
    assert now["mistakes"] == []
    assert world.api("GET", "/drafts/spring/plan")["accepted"] == 30


@pytest.mark.parametrize("point", ["upload_synced", "upload_between"])
def test_killed_in_the_middle_of_an_upload(world, point):
    complete(world)
    world.kill_daemon()
    world.start_daemon(env={"OUTREACH_FAILPOINT": point})
    before = (folder(world) / "spring.csv").read_bytes()
    try:
        upload(world, "spring", csv_of([(numbers(1)[0], "甲")]))
    except OSError:
        pass
    assert world.wait_daemon_gone() == 137
    world.start_daemon()
    assert (folder(world) / "spring.csv").read_bytes() == before
    assert world.api("GET", "/drafts/spring")["recipients"]["sha256"] == hashlib.sha256(before).hexdigest()


def test_without_redis_nothing_is_saved(world):
    draft = complete(world)
    world.stop_redis()
    wait_until(lambda: world.daemons["a"].api("GET", "/status")[1].get("redis", {}).get("health") != "ready", what="Redis away")
    before = (folder(world) / "spring.ini").read_bytes()
    assert world.daemons["a"].api("POST", "/drafts/spring", {"version": draft["version"], "fields": {"title": "x"}, **ACTOR})[0] == 503
    assert (folder(world) / "spring.ini").read_bytes() == before
    assert files(world, "spring") == ["spring.csv", "spring.ini"]


def plan_of(world, id_="spring"):
    return world.api("GET", f"/drafts/{id_}/plan")


def test_the_plan_tells_one_class_of_trouble_at_a_time(world):
    make(world, id_="spring")
    plan = plan_of(world)
    assert plan["stage"] == "file" and "upload one" in plan["fault"] and plan["rows"] == 0
    upload(world, "spring", csv_of([("13800138000", "甲")], columns=("号", "姓名")))
    plan = plan_of(world)  # no text, no time yet: the list is checked all the same
    assert plan["stage"] == "columns" and not plan["complete"] and "手机" in plan["fault"]
    good = numbers(3)
    rows = [*((n, "甲") for n in good), ("1380013800", "短"), (good[0], "又"), ("", "空"), ("02812345678", "座机"), (good[1], "")]
    upload(world, "spring", csv_of(rows))
    plan = plan_of(world)
    assert plan["stage"] == "rows" and plan["fault"] is None
    assert (plan["rows"], plan["accepted"], plan["duplicate"], plan["invalid"]) == (8, 3, 2, 3)
    assert [p["row"] for p in plan["problems"]] == [5, 6, 7, 8, 9] and all(p["reason"] for p in plan["problems"])
    assert sum(plan["by_word"].values()) == 5 and plan["by_word"]["duplicate"] == 2
    assert any("not complete" in w for w in plan["warnings"])
    draft = change(world, world.api("GET", "/drafts/spring"), text="((名字))你好", signature="高山乡人民政府")
    plan = plan_of(world)
    assert plan["stage"] == "columns" and "名字" in plan["fault"] and "姓名" in plan["fault"]
    draft = change(world, draft, text="((姓名))" + "很长" * 120)
    assert plan_of(world)["stage"] == "text"
    draft = change(world, draft, text="((姓名))你好")
    plan = plan_of(world)
    assert plan["invalid"] == 3 and plan["duplicate"] == 2 or plan["invalid"] == 4  # an empty name is a fault now
    assert plan["preview"][0].startswith("【高山乡人民政府】甲你好")
    world.api("POST", "/optouts", {"numbers": [int(good[2])], "scope": "all", "source": "operator", **ACTOR})
    change(world, draft, title="anders")
    assert plan_of(world)["opted_out"] == 1
    # a definition that is wrong by hand
    path = folder(world) / "spring.ini"
    path.write_text(path.read_text(encoding="utf-8").replace("carrier = mas", "carrier = max"), encoding="utf-8")
    plan = plan_of(world)
    assert plan["stage"] == "definition" and plan["fault"].startswith("carrier: ")


def test_an_area_that_cannot_be_read_is_told(world):
    """The row is sent, but would silently count for the area of the campaign."""
    complete(world)
    people = numbers(5)
    cells = ("513327205001", "abc", "51332", "云坪村", "")
    rows = [(n, "甲", cell) for n, cell in zip(people, cells)] + [("1380013800", "短", "513327205001")]
    upload(world, "spring", csv_of(rows, columns=("手机号", "姓名", "地区")))
    plan = plan_of(world)
    assert (plan["accepted"], plan["invalid"], plan["problems_total"], plan["warnings_total"]) == (5, 1, 1, 3), plan
    assert [(p["row"], p["value"], p["accepted"]) for p in plan["problems"]] == [
        (7, "1380013800", False), (3, "abc", True), (4, "51332", True), (5, "云坪村", True)]
    assert plan["by_word"]["area_code"] == 3


def test_rows_one_by_one_and_those_left_out(world):
    complete(world)
    people = numbers(2500)
    rows = [(n, f"村民{i}") for i, n in enumerate(people)]
    rows[2400] = (people[2400], "名字很长的村民" * 12)
    rows += [(n, "=1+1") for n in people[:40]] + [("坏号", "x")] * 3000
    upload(world, "spring", csv_of(rows))
    plan = plan_of(world)
    assert plan["accepted"] == 2500 and plan["problems_total"] == 3040 and len(plan["problems"]) == 20
    assert plan["rows_to_look_at"] == 2001 and plan["longest_at"] == 2000 and plan["segments_max"] == 2
    row = world.api("GET", "/drafts/spring/preview?at=7")
    assert row["row"] == 9 and row["values"] == {"姓名": "村民7"} and row["number"] == people[7][:3] + "****" + people[7][-4:]
    assert row["text"] == "【高山乡人民政府】尊敬的村民7，10月17日是扶贫日。拒收请回复R" and row["units"] == len(row["text"])
    longest = world.api("GET", f"/drafts/spring/preview?at={plan['longest_at']}")
    assert longest["row"] == 2402 and longest["segments"] == 2 and longest["of"] == 2001
    for at, status in ((2001, 404), ("x", 400), (-1, 400), (10**12, 400)):
        assert world.daemons["a"].api("GET", f"/drafts/spring/preview?at={at}")[0] == status
    status, text = world.daemons["a"].api("GET", "/drafts/spring/rejected")
    lines = text.lstrip("\ufeff").splitlines()
    assert status == 200 and lines[0] == "手机号,姓名,row,reason" and len(lines) == 3041
    assert lines[1].startswith(f"{people[0]},\"'=1+1\",2502,\"the same number") and lines[-1].startswith("坏号,x,5541,")
    status, text = world.daemons["a"].api("GET", "/drafts/spring/sample")
    assert status == 200 and text == "\ufeff手机号,姓名\r\n"


def rejected(person, id_="spring", lang="zh-CN"):
    """The download of rows left out as a spreadsheet reads it, and its bytes."""
    status, text = person.call("GET", f"/api/v1/drafts/{id_}/rejected?lang={lang}")
    assert status == 200, text
    return list(csv_reader(io.StringIO(text.lstrip("\ufeff")))), text.encode()


def test_rows_left_out_are_mended_and_uploaded_again(make_world):
    world = make_world()
    live(world)
    wang, li = world.login("wang", "township", "513327205"), world.login("li", "approver", "513327")
    good = numbers(1500)
    world.api("POST", "/optouts", {"numbers": [good[3]], "source": "operator", **ACTOR})
    rows = [(n, f"村民{i}", "+备注") for i, n in enumerate(good)]
    rows[5:5] = [("1380013", "少一位", ""), ("", "没号码", "=1+1"), (good[0], "重复", "")]
    rows[1200:1200] = [(good[1300], "", "两列"), ("+86154000x", "字母", "")]
    ready(world, "spring", wang, first=good[:1])
    put_part(wang, "/drafts/spring/recipients?at=0&last=1&name=a.csv", csv_of(rows, ("手机号", "姓名", "备注")))
    plan = wang.call("GET", "/api/v1/drafts/spring/plan")[1]
    assert plan["problems_total"] == 6 and {p["row"]: p["column"] for p in plan["problems"]} == {
        5: "", 7: "", 8: "", 9: "", 1202: "姓名", 1203: ""}
    lines, data = rejected(wang)
    assert lines[0] == ["手机号", "姓名", "备注", "行号", "原因"]
    assert [(line[0], line[1], line[2], line[3]) for line in lines[1:]] == [
        (good[3], "村民3", "'+备注", "5"), ("1380013", "少一位", "", "7"), ("", "没号码", "'=1+1", "8"), (good[0], "重复", "", "9"),
        (good[1300], "", "两列", "1202"), ("'+86154000x", "字母", "", "1203")]
    assert [line[4] for line in lines[1:]] == ["本人拒收，不再发送，无需处理", "手机号不足 11 位，补齐", "填上手机号", "和前面的行重复，删去一行",
                                               "“姓名”空着，填上内容", "号码里有字母或符号，一格只写 11 位数字"]
    # uploaded as it is, it holds the same rows, none of its own columns twice, and no second apostrophe
    put_part(wang, "/drafts/spring/recipients?at=0&last=1&name=b.csv", data)
    again, _ = rejected(wang, lang="en")
    assert again[0] == ["手机号", "姓名", "备注", "row", "reason"]
    assert [line[:3] for line in again[1:]] == [line[:3] for line in lines[1:] if line[0] not in (good[0],)]
    assert again[2][4].startswith("too few digits") or "11" in again[2][4]
    # mended
    mended = data.decode("utf-8-sig").replace("1380013,", f"{numbers(1, 15400900001)[0]},").replace("'+86154000x", "'+8615400900002")
    put_part(wang, "/drafts/spring/recipients?at=0&last=1&name=c.csv", mended.encode())
    plan = wang.call("GET", "/api/v1/drafts/spring/plan")[1]
    assert (plan["rows"], plan["accepted"], plan["opted_out"], plan["by_word"]) == (6, 3, 1, {"empty": 1, "empty_column": 1, "opted_out": 1})
    # whole numbers are for who uploads, with a line in the audit
    masked, _ = rejected(li)
    assert [line[0] for line in masked[1:]] == [good[3][:3] + "****" + good[3][-4:], "", good[1300][:3] + "****" + good[1300][-4:]]
    acts = [entry[b"actor"] for _, entry in world.redis.xrevrange("outreach:{a}:audit") if entry[b"act"] == b"rejected rows"]
    assert acts == [b"wang", b"wang"]
    assert code(wang.call("GET", "/api/v1/drafts/spring/rejected?lang=de")) == (400, "invalid")


def test_a_hundred_thousand_rows_do_not_hold_the_loop_up(world):
    complete(world)
    data = csv_of([(n, f"村民{i}", "513327205201") for i, n in enumerate(numbers(100_000))], columns=("手机号", "姓名", "区划代码"))
    upload(world, "spring", data)
    got = []
    threads = [threading.Thread(target=lambda: got.append(plan_of(world))) for _ in range(3)]
    for thread in threads:
        thread.start()
    answered = 0
    while not got:
        world.api("GET", "/status")
        answered += 1
    for thread in threads:
        thread.join()
    assert answered >= 4  # plans made on the loop would let one answer through before the first, and one behind it
    assert [plan["accepted"] for plan in got] == [100_000] * 3
    assert got[0]["by_region"] and sum(r["people"] for r in got[0]["by_region"]) == 100_000


def test_an_approval_is_bound_to_the_bytes(make_world):
    world = make_world(daemon={"four_eyes_over": 10})
    complete(world, rows=30, actor="ann")
    call = world.daemons["a"].api

    def act(name, who, **body):
        return call("POST", f"/drafts/spring/{name}", {"actor": who, **body})
    assert act("approve", "dan")[0] == 409
    status, draft = act("ask", "ben")
    assert status == 200 and draft["approval"]["state"] == "asked" and draft["approval"]["people"] == 30
    assert draft["approval"]["needed"] is True and draft["launchable"] is False and "second person" in draft["blocked"]
    for who in ("ann", "ben"):
        status, document = act("approve", who)
        assert status == 409 and "second person" in document["error"]["message"]
    assert act("approve", "dan", digest="0" * 64)[0] == 409
    status, document = act("return", "dan")
    assert status == 400 and document["error"]["field"] == "reason"
    assert act("return", "dan", reason="the date is wrong")[1]["approval"]["reason"] == "the date is wrong"
    act("ask", "ben")
    status, draft = act("approve", "dan", digest=draft["approval"]["digest"])
    assert status == 200 and draft["approval"]["state"] == "approved" and draft["launchable"] is True
    # any change voids it, of the INI, and of the list, also by hand
    changed = change(world, draft, title="anders")
    assert changed["approval"]["state"] == "none" and changed["approval"]["void"] is True and not changed["launchable"]
    back = change(world, changed, title="扶贫日")
    assert back["approval"]["state"] == "approved"
    path = folder(world) / "spring.csv"
    with open(path, "ab") as file:
        file.write(f"{numbers(31)[30]},又一个\n".encode())
    changed = world.api("GET", "/drafts/spring")
    assert changed["approval"]["state"] == "none" and changed["approval"]["needed"] is None
    lines = [entry for _, entry in world.redis.xrevrange("outreach:{a}:audit", count=20)]
    assert [line[b"act"].decode().rsplit("/", 1)[-1] for line in lines[:5]] == ["draft change", "draft change", "approve", "ask", "return"]
    assert lines[1][b"detail"].decode() == 'title "扶贫日" -> "anders"' and lines[2][b"actor"] == b"dan"


def rejected_text(world):
    return world.daemons["a"].api("GET", "/drafts/spring/rejected?lang=zh-CN")[1].lstrip("\ufeff")


def give_mended(world, text, id_="spring", encoding="utf-8-sig", name="mended.csv"):
    data = text.encode(encoding)
    return world.daemons["a"].api("PUT", f"/drafts/{id_}/recipients?at=0&last=1&name={name}&mended=1&actor=clerk1", data)


def list_text(world, id_="spring"):
    return (folder(world) / f"{id_}.csv").read_text(encoding="utf-8-sig")


def a_list_with_mistakes(world):
    """Rows 3, 5 and 7 are left out; row 4 is blank, row 6 holds what a spreadsheet would compute."""
    one, two, three, four = numbers(4)
    complete(world)
    upload(world, "spring", f"手机号,姓名\n{one},甲\n1380013,乙\n\n,丙\n{two},=1+1\n{one},丁\n{three},戊\n".encode())
    plan = plan_of(world)
    assert (plan["accepted"], plan["problems_total"]) == (3, 3)
    return one, two, three, four


def test_mended_rows_take_their_places(world):
    one, two, three, four = a_list_with_mistakes(world)
    text = rejected_text(world)
    assert [line.split(",")[2] for line in text.splitlines()[1:]] == ["3", "5", "7"]
    lines = text.splitlines()
    mended = "\r\n".join([lines[0], lines[1].replace("1380013", four), lines[2]])  # one is mended, one is still wrong, one is deleted
    status, draft = give_mended(world, mended, encoding="gb18030")
    assert status == 200, draft
    assert list_text(world).replace("\r", "") == f"手机号,姓名\n{one},甲\n{four},乙\n\n,丙\n{two},\"'=1+1\"\n{one},丁\n{three},戊\n"
    plan = plan_of(world)
    assert (plan["accepted"], plan["problems_total"]) == (4, 2) and {p["row"] for p in plan["problems"]} == {5, 7}
    before = list_text(world)
    assert give_mended(world, mended)[0] == 200 and list_text(world) == before  # twice is once
    line = next(line for line in world.ctl("audit", "list")["lines"] if line["act"] == "draft upload")
    assert "mended rows, mended.csv" in line["detail"]


@pytest.mark.parametrize("change_it,words", [
    (lambda text: text.replace("行号", "编号"), "no column"),
    (lambda text: text.replace("姓名", "名字"), "姓名"),
    (lambda text: text.replace(",3,", ",2,"), "not left out"),
    (lambda text: text.replace(",3,", ",99,"), "does not have"),
    (lambda text: text.replace(",3,", ",5,"), "twice"),
    (lambda text: text.replace(",3,", ",三,"), "not the number of a row"),
    (lambda text: text.splitlines()[0], "there is none"),
    (lambda text: text.replace("1380013,乙", "1380013,乙,x,3,,,,,,"), "mended rows"),
])
def test_mended_rows_that_do_not_fit_change_nothing(world, change_it, words):
    a_list_with_mistakes(world)
    text, before, files_before = rejected_text(world), list_text(world), files(world, "spring")
    status, answer = give_mended(world, change_it(text))
    assert (status, answer["error"]["code"], answer["error"]["field"]) == (400, "list", "recipients"), answer
    assert words in answer["error"]["message"], answer
    assert list_text(world) == before and files(world, "spring") == files_before


def test_mended_rows_of_another_list_replace_nobody(world):
    """She gave a new list meanwhile: its good rows are not overwritten by the old one's mended rows."""
    a_list_with_mistakes(world)
    text = rejected_text(world).replace("1380013", numbers(4)[3])
    upload(world, "spring", csv_of([(n, "别人") for n in numbers(6, first=15420000000)]))
    before = list_text(world)
    status, answer = give_mended(world, text)
    assert status == 400 and "not left out" in answer["error"]["message"] and list_text(world) == before


def test_an_approval_is_void_when_rows_are_mended(make_world):
    world = make_world(daemon={"four_eyes_over": 2})
    *_, four = a_list_with_mistakes(world)
    call = world.daemons["a"].api
    assert call("POST", "/drafts/spring/ask", {"actor": "ben"})[0] == 200
    assert call("POST", "/drafts/spring/approve", {"actor": "dan"})[1]["approval"]["state"] == "approved"
    assert give_mended(world, rejected_text(world).replace("1380013", four))[0] == 200
    assert world.api("GET", "/drafts/spring")["approval"]["state"] == "none"


def test_the_list_says_what_waits_for_whom(make_world):
    world = make_world(daemon={"four_eyes_over": 10})
    complete(world, rows=30, actor="ann")
    make(world, id_="other")
    call = world.daemons["a"].api

    def approvals():
        return {row["id"]: row["approval"] for row in world.api("GET", "/campaigns")["campaigns"]}
    assert approvals() == {"spring": "", "other": ""}
    for act, expected in (("ask", "asked"), ("return", "returned"), ("ask", "asked"), ("approve", ""), ("return", "returned"), ("ask", "asked")):
        assert call("POST", f"/drafts/spring/{act}", {"actor": "ben" if act == "ask" else "dan", "reason": "look again"})[0] == 200, act
        assert approvals() == {"spring": expected, "other": ""}
    change(world, world.api("GET", "/drafts/spring"), title="anders")
    assert approvals()["spring"] == ""
    call("POST", "/drafts/spring/ask", {"actor": "ben"})
    call("DELETE", "/drafts/spring?actor=ann")
    assert approvals() == {"other": ""} and world.redis.hlen("outreach:{dr}:w") == 0


def test_the_audit_has_the_text_as_it_was_and_as_it_is(world):
    draft = complete(world, text="旧的文字，联系13800138000。")
    change(world, draft, text="新的文字。")
    line = world.ctl("audit", "list")["lines"][0]
    assert (line["act"], line["object"], line["detail"]) == ("draft change", "spring", "text")
    assert (line["before"], line["after"]) == ("旧的文字，联系138****8000。", "新的文字。")


def test_what_cannot_be_sent_cannot_be_asked_for(world):
    make(world, id_="spring")
    status, document = world.daemons["a"].api("POST", "/drafts/spring/ask", ACTOR)
    assert status == 409 and "no list yet" in document["error"]["message"]
    complete(world, "autumn", rows=0)
    status, document = world.daemons["a"].api("POST", "/drafts/autumn/ask", ACTOR)
    assert status == 409 and "nobody is left" in document["error"]["message"]


def test_text_count(world):
    count = world.api("POST", "/text/count", {"signature": "高山乡", "text": "((姓名))您好", "optout": "拒收请回复R", "carrier": "mas"})
    assert count["units"] == 5 + 2 + 6 and count["segments"] == 1 and count["left"] == 57 and count["columns"] == ["姓名"]
    assert count["personal"] is True and count["problems"] == [] and isinstance(count["price_fen"], int)
    count = world.api("POST", "/text/count", {"text": "字\n" * 40})
    assert count["segments"] == 2 and count["left"] == 134 - count["units"] and count["price_fen"] is None
    assert world.api("POST", "/text/count", {"text": "【a】"})["problems"]
    assert world.daemons["a"].api("POST", "/text/count", {"text": 7})[0] == 400


# ---- from the listening port: roles and areas

def code(answer):
    return answer[0], answer[1]["error"]["code"]


def put_part(browser, path, data, **headers):
    """A part is raw bytes; Browser.call sends JSON."""
    connection = http.client.HTTPConnection("127.0.0.1", browser.port, timeout=60)
    sent = {"Cookie": browser.cookie, "Content-Type": "application/octet-stream", **headers}
    if browser.csrf:
        sent["X-CSRF-Token"] = browser.csrf
    connection.request("PUT", "/api/v1" + path, data, sent)
    answer = connection.getresponse()
    document = json.loads(answer.read())
    connection.close()
    return answer.status, document


def test_roles_and_areas(make_world):
    world = make_world(daemon={"four_eyes_over": 10})
    live(world)
    wang, zhao = world.login("wang", "township", "513327205"), world.login("zhao", "township", "513327206")
    li = world.login("li", "approver", "513327")
    far, viewer = world.login("far", "approver", "5101"), world.login("chen", "viewer", "513327")
    new = {"title": "扶贫日", "carrier": "mas", "id": "spring"}
    for browser in (li, viewer):
        assert code(browser.call("POST", "/api/v1/drafts", new)) == (403, "role")
    assert code(wang.call("POST", "/api/v1/drafts", {**new, "region": "513327206"})) == (403, "area")
    assert code(wang.call("POST", "/api/v1/drafts", {**new, "region": "5133"})) == (403, "area")
    status, draft = wang.call("POST", "/api/v1/drafts", new)
    assert status == 201 and draft["fields"]["region"] == "513327205" and draft["author"] == "wang"

    def fields(browser, **values):
        return browser.call("POST", "/api/v1/drafts/spring", {"version": draft["version"], "fields": values})
    assert code(fields(wang, region="513327206")) == (403, "area")
    assert code(fields(wang, region="")) == (403, "area")
    assert fields(wang, region="99")[0] == 403
    assert code(fields(zhao, title="x")) == (404, "no_campaign")
    assert code(zhao.call("POST", "/api/v1/drafts", {"copy_of": "spring"})) == (404, "no_draft")
    for path in ("", "/plan", "/preview", "/rejected", "/sample"):
        assert code(far.call("GET", "/api/v1/drafts/spring" + path)) == (404, "no_campaign")
        assert code(viewer.call("GET", "/api/v1/drafts/spring" + path)) == (403, "role")
    assert code(zhao.call("DELETE", "/api/v1/drafts/spring")) == (404, "no_campaign")
    data = csv_of([(n, f"村民{i}") for i, n in enumerate(numbers(30))])
    assert put_part(zhao, "/drafts/spring/recipients?at=0&last=1&name=a.csv", data)[0] == 404
    csrf, wang.csrf = wang.csrf, None
    assert put_part(wang, "/drafts/spring/recipients?at=0&last=1&name=a.csv", data)[1]["error"]["code"] == "csrf"
    wang.csrf = csrf
    status, draft = put_part(wang, "/drafts/spring/recipients?at=0&last=1&name=a.csv", data)
    assert status == 200 and draft["recipients"]["uploaded_by"] == "wang"
    assert put_part(wang, "/drafts/spring/recipients?at=0&last=1&name=a.csv&actor=li", data)[0] == 400
    status, draft = fields(wang, text="((姓名))", signature="高山乡人民政府", start=START, end="2036-01-01 20:00",
                           window="00:00-24:00", **{"class": "notice"}, late_after="30d")
    assert status == 200 and draft["mistakes"] == []
    assert wang.call("GET", "/api/v1/drafts/spring/plan")[1]["accepted"] == 30
    assert code(wang.call("POST", "/api/v1/drafts/spring/approve", {})) == (403, "role")
    assert wang.call("POST", "/api/v1/drafts/spring/ask", {})[0] == 200
    assert code(far.call("POST", "/api/v1/drafts/spring/approve", {})) == (404, "no_campaign")
    status, draft = li.call("POST", "/api/v1/drafts/spring/approve", {})
    assert status == 200 and draft["approval"]["decided_by"] == "li" and draft["launchable"] is True
    # one person with both roles is still one person
    both = world.login("both", "township approver", "513327205")
    status, draft = both.call("POST", "/api/v1/drafts/spring", {"version": draft["version"], "fields": {"title": "y"}})
    assert status == 200 and both.call("POST", "/api/v1/drafts/spring/ask", {})[0] == 200
    status, document = both.call("POST", "/api/v1/drafts/spring/approve", {})
    assert status == 409 and "second person" in document["error"]["message"]
    assert wang.call("DELETE", "/api/v1/drafts/spring")[0] == 200


def ready(world, id_, browser, rows=30, carrier="mas", first=None):
    """A draft of the browser's user that could be launched as far as its files go."""
    status, draft = browser.call("POST", "/api/v1/drafts", {"title": "扶贫日", "carrier": carrier, "id": id_})
    assert status == 201, draft
    people = first or numbers(rows)
    put_part(browser, f"/drafts/{id_}/recipients?at=0&last=1&name=a.csv", csv_of([(n, f"村民{i}") for i, n in enumerate(people)]))
    status, draft = browser.call("POST", f"/api/v1/drafts/{id_}", {"version": draft["version"], "fields": {
        "text": "((姓名))", "signature": "高山乡人民政府", "start": START, "end": "2036-01-01 20:00", "window": "00:00-24:00",
        "class": "notice", "late_after": "30d"}})
    assert status == 200 and draft["mistakes"] == [], draft
    return draft


def live(world, region="all"):
    return world.api("POST", f"/areas/{region}/live", {"reason": "ready", "actor": "root"})


def launch(browser, id_, people, **more):
    return browser.call("POST", "/api/v1/campaigns/launch", {"file": id_, "expect_recipients": people, "now": True, **more})


def test_four_eyes_at_the_launch(make_world):
    world = make_world(daemon={"four_eyes_over": 10})
    live(world)
    wang, li = world.login("wang", "township", "513327205"), world.login("li", "approver", "513327")
    ready(world, "spring", wang)
    assert code(wang.call("POST", "/api/v1/campaigns/launch", {"file": "spring"})) == (400, "missing")
    assert code(launch(wang, "spring", 30)) == (409, "approval")
    assert code(launch(li, "spring", 30)) == (403, "role")
    # a smaller number is no way round: the import counts
    assert launch(wang, "spring", 10)[0] == 202
    failed = wait_until(lambda: (wang.call("GET", "/api/v1/campaigns/spring")[1].get("import") or {}).get("reason"), what="it fails")
    assert "30" in failed and world.sim.oracle() == []
    # a file in the daemon's working directory is not what the id means
    (world.dir / "spring").write_text("[campaign]\n")
    assert wang.call("POST", "/api/v1/drafts/spring/ask", {})[0] == 200
    assert li.call("POST", "/api/v1/drafts/spring/approve", {})[0] == 200
    with open(folder(world) / "spring.csv", "ab") as file:
        file.write(f"{numbers(31)[30]},x\n".encode())
    status, document = launch(wang, "spring", 31)
    assert status == 409 and "changed after the approval" in document["error"]["message"]
    assert wang.call("POST", "/api/v1/drafts/spring/ask", {})[0] == 200
    assert li.call("POST", "/api/v1/drafts/spring/approve", {})[0] == 200
    assert launch(wang, "spring", 31)[0] == 202
    world.wait_done("spring")
    assert len(world.sim.oracle()) == 31
    last = world.redis.xrevrange("outreach:{a}:audit", count=30)
    assert any(entry[b"act"] == b"launch" and entry[b"actor"] == b"wang" for _, entry in last)


def test_a_launch_is_of_what_was_looked_at(world):
    """As many people as were expected may be others, and get another text."""
    live(world)
    wang = world.login("wang", "township", "513327205")
    complete(world, rows=5)

    def seen():
        return wang.call("GET", "/api/v1/drafts/spring/plan")[1]["digest"]
    looked_at = seen()
    draft = world.api("GET", "/drafts/spring")
    assert draft["approval"]["digest"] == looked_at
    change(world, draft, text="换成完全不同的文字。")
    assert code(launch(wang, "spring", 5, digest=looked_at)) == (409, "stale")
    looked_at = seen()
    upload(world, "spring", csv_of([(n, "村民") for n in numbers(5, first=15410000000)]))
    assert code(launch(wang, "spring", 5, digest=looked_at)) == (409, "stale")
    assert world.sim.oracle() == []
    assert launch(wang, "spring", 5, digest=seen())[0] == 202
    world.wait_done("spring")
    assert {taken.mobile for taken in world.sim.oracle()} == set(numbers(5, first=15410000000))


def test_what_is_too_late_is_said_before_the_button(world):
    draft = complete(world)
    assert world.api("GET", "/drafts/spring/plan")["accepted"] == 30
    for fields, blocked in (({"start": "2026-01-01 08:00"}, "late"), ({"end": "2026-01-02 08:00"}, "over"), ({"start": START, "end": "2036-01-01 20:00"}, "")):
        draft = change(world, world.api("GET", "/drafts/spring"), **fields)
        world.api("GET", "/drafts/spring/plan")
        draft = world.api("GET", "/drafts/spring")
        assert (draft["blocked_code"], draft["launchable"]) == (blocked, blocked == ""), draft["blocked"]


@pytest.mark.parametrize("region", ["00", "0000", "513327205 ", "51332720", "全国"])
def test_a_region_that_is_none_is_refused_at_once(world, region):
    """In it nobody would see the draft again."""
    wang = world.login("wang", "township", "513327205")
    status, answer = wang.call("POST", "/api/v1/drafts", {"title": "x", "region": region, "carrier": "mas"})
    assert (status, answer["error"]["code"], answer["error"]["field"]) == (400, "invalid", "region") and "513327205" in answer["error"]["message"]
    draft = wang.call("POST", "/api/v1/drafts", {"title": "x", "carrier": "mas"})[1]
    status, answer = wang.call("POST", f"/api/v1/drafts/{draft['id']}", {"version": draft["version"], "fields": {"region": region}})
    assert (status, answer["error"]["field"]) == (400, "region")
    assert len(list(folder(world).glob("*.ini"))) == 1


def truth(person, id_, blocked):
    """What plan and draft say of the trial: the same, and it is what stands in the way."""
    plan = person.call("GET", f"/api/v1/drafts/{id_}/plan")[1]
    draft = person.call("GET", f"/api/v1/drafts/{id_}")[1]
    assert (draft["blocked_code"], draft["launchable"]) == (blocked, blocked == ""), draft
    assert plan["trial"] == draft["trial"]
    return plan["trial"]


def test_an_area_begins_in_trial(make_world):
    world = make_world(daemon={"trial_daily": 7})
    wang = world.login("wang", "township", "513327205")
    root = world.login("root", "admin")
    assert wang.call("GET", "/api/v1/session")[1]["trial"] is True
    assert wang.call("GET", "/api/v1/session")[1]["limits"]["trial_daily"] == 7
    people = numbers(5)
    ready(world, "spring", wang, first=people)
    assert code(launch(wang, "spring", 5)) == (409, "trial")  # the carrier is a real one
    trial = truth(wang, "spring", "trial_carrier")
    assert trial["refusals"] == ["carrier", "numbers"] and (trial["others"], trial["first_row"], trial["own_numbers"]) == (5, 2, 0)
    world.carrier_keys["trial"] = "yes"
    world.write_config()
    world.ctl("reload")
    status, area = root.call("POST", "/api/v1/areas/513327205", {"own_numbers": people[:4]})
    assert status == 200 and area["own_numbers"] == sorted(people[:4]) and area["state"] == "trial"
    assert code(wang.call("POST", "/api/v1/areas/513327205", {"own_numbers": people})) == (403, "role")
    assert wang.call("GET", "/api/v1/areas/513327205")[1]["own_numbers"] == sorted(people[:4])
    assert code(wang.call("GET", "/api/v1/areas/513327206")) == (403, "area")
    # five people of whom one is a stranger: nothing leaves
    trial = truth(wang, "spring", "trial_numbers")
    assert trial["refusals"] == ["numbers"] and (trial["others"], trial["first_row"], trial["own_numbers"]) == (1, 6, 4)
    assert launch(wang, "spring", 5)[0] == 202
    reason = wait_until(lambda: (wang.call("GET", "/api/v1/campaigns/spring")[1].get("import") or {}).get("reason"), what="it fails")
    assert "trial" in reason and people[4] not in reason and world.sim.oracle() == []
    # tests too; two of seven messages are left
    test = {"file": "spring", "to": people[4]}
    assert code(wang.call("POST", "/api/v1/campaigns/test", test)) == (409, "trial")
    assert wang.call("POST", "/api/v1/campaigns/test", {**test, "to": people[0]})[0] == 200
    ready(world, "summer", wang, first=people[:2])
    trial = truth(wang, "summer", "trial_limit")
    assert trial == {"refusals": ["limit"], "others": 0, "first_row": None, "own_numbers": 4, "left_today": 1, "daily": 7}
    status, document = launch(wang, "summer", 2)
    assert status == 409 and "1 of 7" in document["error"]["message"]
    # out of the trial: a recorded step, by an administrator
    assert code(wang.call("POST", "/api/v1/areas/513327205/live", {"reason": "x"})) == (403, "role")
    status, document = root.call("POST", "/api/v1/areas/513327/live", {})
    assert status == 400 and document["error"]["field"] == "reason"
    assert root.call("POST", "/api/v1/areas/513327/live", {"reason": "contract signed"})[1]["state"] == "live"
    assert wang.call("GET", "/api/v1/session")[1]["trial"] is True  # its own record is the nearer one
    assert root.call("POST", "/api/v1/areas/513327205/live", {"reason": "contract signed"})[0] == 200
    assert wang.call("GET", "/api/v1/session")[1]["trial"] is False
    areas = {a["region"]: a for a in root.call("GET", "/api/v1/areas")[1]["areas"]}
    assert areas["513327"]["by"] == "root" and areas["513327"]["reason"] == "contract signed"
    assert areas["513327205"]["own_numbers"] == 4 and areas["513327205"]["state"] == "live"
    assert truth(wang, "summer", "") is None
    assert launch(wang, "summer", 2)[0] == 202
    world.wait_done("summer")


def test_a_stranger_who_opted_out_does_not_stand_in_the_way_of_a_trial(make_world):
    """Nothing goes to that number: the plan and the launch agree, whatever chunk the row falls into."""
    world = make_world(daemon={"trial_daily": 100})
    world.carrier_keys["trial"] = "yes"
    world.write_config()
    world.ctl("reload")
    wang = world.login("wang", "township", "513327205")
    people = numbers(15)
    own, strangers = people[2:14], [people[0], people[1], people[14]]  # in the canary's block and in the last one
    root = world.login("root", "admin")
    assert root.call("POST", "/api/v1/areas/513327205", {"own_numbers": own})[0] == 200
    assert world.ctl("optout", "add", strangers[0])["fresh"] == 1
    assert world.ctl("optout", "add", strangers[1])["fresh"] == 1
    ready(world, "spring", wang, first=people)
    # One who has not opted out, in the last row: both say so, and nothing leaves.
    trial = truth(wang, "spring", "trial_numbers")
    assert (trial["others"], trial["first_row"]) == (1, 16)
    assert launch(wang, "spring", 13)[0] == 202
    reason = wait_until(lambda: (wang.call("GET", "/api/v1/campaigns/spring")[1].get("import") or {}).get("reason"), what="it fails")
    assert "trial" in reason and "row 16" in reason and world.sim.oracle() == []
    assert world.ctl("optout", "add", strangers[2])["fresh"] == 1
    ready(world, "summer", wang, first=people)
    trial = truth(wang, "summer", "")
    assert (trial["refusals"], trial["others"], trial["first_row"]) == ([], 0, None)
    assert launch(wang, "summer", 12)[0] == 202
    wait_until(lambda: len(world.sim.oracle()) >= 12, what="the area's own numbers have it")
    assert sorted(a.mobile for a in world.sim.oracle()) == sorted(own)


def test_tests_of_a_day_are_counted(make_world):
    world = make_world(daemon={"test_daily": 2})
    live(world, "513327")
    wang = world.login("wang", "township", "513327205")
    ready(world, "spring", wang)
    test = {"file": "spring", "to": "15400000777"}
    assert [wang.call("POST", "/api/v1/campaigns/test", test)[0] for _ in range(3)] == [200, 200, 409]
    world.api("POST", "/campaigns/test", {**test, **ACTOR})  # the control socket is trusted
    assert len(world.sim.oracle()) == 3


# ---- reports

def rows_of(text):
    return list(csv_reader(io.StringIO(text.lstrip("\ufeff"))))


def test_a_report_beside_the_columns_that_were_uploaded(make_world):
    world = make_world(sim={"report_delay_ms": 0})
    live(world)
    wang = world.login("wang", "township", "513327205")
    people = numbers(1200)
    rows = [(f"村{i}", n, "13900000001" if i == 7 else "=1+1") for i, n in enumerate(people)]
    rows[100:100] = [("坏", "12345", ""), ("又", people[3], "")]
    world.campaign("spring", rows=rows, columns=("姓名", "手机号", "备注"))
    world.launch("spring", expect=1200)
    world.wait_done("spring")
    world.wait_counts("spring", accepted=0)
    counts = world.counts("spring")
    status, text = wang.call("GET", "/api/v1/campaigns/spring/report?with=columns")
    assert status == 200 and text.startswith("\ufeff") and 'filename="spring-report.csv"' in wang.headers["content-disposition"]
    got = rows_of(text)
    assert got[0] == ["姓名", "手机号", "备注", "number", "state", "code", "meaning", "updated_at", "submitted_at", "region"]
    assert [row[0] for row in got[1:]] == [row[0] for row in rows]  # the order of the list
    assert got[101][4] == "left_out" and got[102][4] == "left_out" and got[4][4] == "delivered"
    assert got[1][1] == got[1][3] == people[0][:3] + "****" + people[0][-4:] and got[8][2] == "139****0001"
    assert got[1][2] == "'=1+1"
    assert collections.Counter(row[4] for row in got[1:]) == {**{k: v for k, v in counts.items() if v}, "left_out": 2}
    # only some states; whole numbers after the password
    status, text = wang.call("GET", "/api/v1/campaigns/spring/report?states=undelivered,expired&with=columns")
    assert {row[4] for row in rows_of(text)[1:]} <= {"undelivered", "expired"}
    assert len(rows_of(text)) == 1 + counts["undelivered"] + counts["expired"]
    status, text = wang.call("GET", "/api/v1/campaigns/spring/report?states=undelivered")
    assert len(rows_of(text)) == 1 + counts["undelivered"]
    assert code(wang.call("GET", "/api/v1/campaigns/spring/report?states=dead")) == (400, "invalid")
    assert code(wang.call("GET", "/api/v1/campaigns/spring/report?with=numbers")) == (400, "invalid")
    assert code(wang.call("GET", "/api/v1/campaigns/spring/report?with=columns&format=jsonl")) == (400, "invalid")
    assert code(wang.call("GET", "/api/v1/campaigns/spring/report?masked=0&with=columns")) == (400, "missing")
    status, text = wang.call("GET", "/api/v1/campaigns/spring/report?masked=0&with=columns&reason=call%20back")
    whole = rows_of(text)
    assert status == 200 and whole[1][3] == people[0]  # a login is a confirmation
    assert whole[0][-1] == "watermark" and len(whole) > 2 and all(row[-1].startswith("wang 20") and len(row) == len(whole[0]) for row in whole[1:])
    told = [entry for _, entry in world.redis.xrevrange("outreach:{a}:audit", count=10) if entry[b"act"] == b"report unmasked"]
    assert [entry[b"detail"] for entry in told] == [b"call back"]
    plain = rows_of(wang.call("GET", "/api/v1/campaigns/spring/report?masked=0&reason=x&lang=zh-CN")[1])
    assert plain[0][-1] == "导出人和时间" and plain[1][-1].startswith("wang 20")
    # for a reader in her language, heads and states and times as people write them
    status, text = wang.call("GET", "/api/v1/campaigns/spring/report?with=columns&lang=zh-CN")
    chinese = rows_of(text)
    assert chinese[0] == ["姓名", "手机号", "备注", "发送号码", "结果", "代码", "说明", "结果时间", "提交时间", "号码所属地区"]
    assert len(chinese) == len(got) and (chinese[4][4], chinese[101][4]) == ("已送达", "不在发送之列")
    assert chinese[4][7] == got[4][7][:19].replace("T", " ")
    assert rows_of(wang.call("GET", "/api/v1/campaigns/spring/report?lang=zh-CN")[1])[0] == chinese[0][3:]
    # as it was on the control socket
    status, text = world.daemons["a"].api("GET", "/campaigns/spring/report?format=csv")
    assert not text.startswith("\ufeff") and rows_of(text)[1][0] in people
    (folder(world) / "spring.csv").unlink()
    status, document = wang.call("GET", "/api/v1/campaigns/spring/report?with=columns")
    assert status == 409 and document["error"]["field"] == "with"


def test_paths_of_the_server_are_shown_to_who_runs_it_only(make_world):
    world = make_world()
    wang, root = world.login("wang", "township", "513327205"), world.login("root", "operator")
    ready(world, "spring", wang, first=numbers(3))
    ini = folder(world) / "spring.ini"
    ini.write_text(ini.read_text(encoding="utf-8").replace("carrier = mas", "carrier = nope"), encoding="utf-8")

    def reason(person):
        return next(one["reason"] for one in person.call("GET", "/api/v1/drafts/spring")[1]["mistakes"] if one["field"] == "carrier")
    assert reason(wang) == "there is no [carrier nope] in a.ini"
    assert reason(root) == f"there is no [carrier nope] in {world.dir}/a.ini"


def test_areas_on_the_command_line(world):
    assert "in trial; 2 own numbers" in world.ctl("area", "numbers", "513327205", "15400000001", "154 0000 0002", json=False)
    assert world.ctl("area", "live", "513327", "--reason", "signed")["state"] == "live"
    assert world.ctl_raw("area", "live", "51332").returncode == 2  # no reason
    assert "no area code" in world.ctl_raw("area", "live", "51332", "--reason", "x").stderr
    text = world.ctl("area", "list", json=False)
    assert "513327205" in text and "signed" in text and "live" in text
    assert world.ctl("area", "trial", "513327", "--reason", "x")["state"] == "trial"
    assert world.ctl("area", "numbers", "513327205")["own_numbers"] == []
