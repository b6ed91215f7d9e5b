"""The example for nginx: nginx takes it, and it keeps what docs/operations.md promises."""
import os
import re
import shutil
import subprocess

import pytest

from house import TOP

EXAMPLE = TOP / "config/nginx/outreachd.conf"


def complaint(tmp_path, text):
    """What nginx -t says about it, in a configuration and with a certificate of its own; empty when it takes it."""
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/sbin")
    for tool in (nginx, shutil.which("openssl")):
        if tool is None:
            assert os.environ.get("CI") != "true", "nginx or openssl is missing (scripts/packages)"
            pytest.skip("nginx or openssl is missing: install the packages of scripts/packages")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=sms.example.cn",
                    "-days", "2", "-keyout", tmp_path / "outreachd.key", "-out", tmp_path / "outreachd.crt"], check=True, capture_output=True)
    (tmp_path / "outreachd.conf").write_text(text.replace("/etc/nginx/outreachd.", f"{tmp_path}/outreachd."), encoding="utf-8")
    (tmp_path / "nginx.conf").write_text(f"pid {tmp_path}/nginx.pid; error_log stderr warn; events {{}}\n"
                                         f"http {{ access_log {tmp_path}/access.log; include {tmp_path}/outreachd.conf; }}\n", encoding="utf-8")
    done = subprocess.run([nginx, "-t", "-q", "-c", tmp_path / "nginx.conf"], capture_output=True, text=True, timeout=30, check=False)
    return done.stderr.strip() or ("" if done.returncode == 0 else "it was refused")


def test_nginx_takes_the_example(tmp_path):
    assert complaint(tmp_path, EXAMPLE.read_text(encoding="utf-8")) == ""


def test_a_fault_is_seen(tmp_path):
    assert "proxy_pas" in complaint(tmp_path, EXAMPLE.read_text(encoding="utf-8").replace("proxy_pass ", "proxy_pas "))


def location(path):
    text = EXAMPLE.read_text(encoding="utf-8")
    return re.search(rf"location (?:= )?{re.escape(path)} \{{(.*?)\n    \}}", text, re.S)[1]


def test_it_keeps_its_promises():
    assert "limit_req" in location("/api/v1/session") and "limit_req" in location("/api/v1/session/confirm")
    assert "proxy_buffering off" in location("/api/v1/events")
    assert "access_log off" in location("/hook/")
    assert "return 404" in location("/metrics")
    text = EXAMPLE.read_text(encoding="utf-8")
    assert "proxy_set_header X-Forwarded-For $remote_addr;" in text and "$proxy_add_x_forwarded_for;" not in text
    assert "proxy_next_upstream off" in text
    port = re.search(r"^listen = .*:(\d+)$", (TOP / "config/outreachd.ini").read_text(encoding="utf-8"), re.M)[1]
    assert f"server 127.0.0.1:{port};" in text
