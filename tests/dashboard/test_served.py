"""The dashboard's command as it runs in a pod, behind a proxy that terminates HTTPS."""

import pathlib

import requests

from tests.browser import dashboard_process
from tests.fakes import traffic_api

_TOKEN = "a-token-for-all"


def test_a_proxy_that_speaks_https_gets_a_cookie_for_https_only(
    fake: traffic_api.FakeTrafficApi, tmp_path: pathlib.Path
) -> None:
    fake.viewers = {_TOKEN: traffic_api.Viewer("bob")}
    outside = {
        "Host": "dashboard.internal:8050",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "traffic.example.com",
        "Origin": "https://traffic.example.com",
    }
    authority = fake.authority(tmp_path / "ca.crt")
    with dashboard_process.serve_each(fake.url, "--listen=0.0.0.0:0", authority=authority) as announced:
        address = announced.replace("0.0.0.0", "127.0.0.1")  # noqa: S104  # it listens on all interfaces
        assert requests.get(address + "healthz", timeout=30).text == "ok\n"
        answer = requests.post(
            address + "login", data={"token": _TOKEN}, headers=outside, timeout=30, allow_redirects=False
        )
    assert answer.status_code == 303
    assert answer.headers["Set-Cookie"].startswith("__Host-trafficmetrics=")
