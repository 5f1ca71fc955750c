"""The dashboard requires a token that the API accepts, and reads with each viewer's own token."""

import contextlib
import datetime as dt
import json
import logging
import pathlib
from collections.abc import Iterator

import flask.testing
import pytest
import werkzeug.test

from dashboard.client import incluster
from dashboard.health import verdict
from dashboard.web import login_throttle, sites
from tests.fakes import traffic_api

_SHOP, _ALL = "a-token-for-the-shop", "a-token-for-all"
_HERE = {"Origin": "http://localhost"}
_JUDGING = verdict.Thresholds()
Client = flask.testing.FlaskClient


@pytest.fixture
def cluster(fake: traffic_api.FakeTrafficApi, tmp_path: pathlib.Path) -> incluster.InClusterAddress:
    fake.viewers = {
        _SHOP: traffic_api.Viewer("ann", frozenset({"shop"})),
        _ALL: traffic_api.Viewer("bob"),
    }
    return incluster.InClusterAddress(fake.url, fake.authority(tmp_path / "ca.crt"))


def _open(cluster: incluster.InClusterAddress, key: pathlib.Path | None = None) -> sites.Site:
    length = dt.timedelta(hours=8)
    return sites.with_login(cluster, thresholds=_JUDGING, host="192.0.2.1", key=key, length=length)


@pytest.fixture
def site(cluster: incluster.InClusterAddress) -> Iterator[sites.Site]:
    opened = _open(cluster)
    with contextlib.closing(opened):
        yield opened


@pytest.fixture
def visitor(site: sites.Site) -> Client:
    return site.application.test_client()


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", **_HERE}


def _sign_in(visitor: Client, token: str, **headers: str) -> werkzeug.test.TestResponse:
    return visitor.post("/login", data={"token": token, "next": "?ns=shop"}, headers={**_HERE, **headers})


def _refresh(visitor: Client, query: str, headers: dict[str, str]) -> str:
    """Send the request by which the browser refreshes the page; return the text of the answer."""
    dependencies = json.loads(visitor.get("/_dash-dependencies", headers=headers).data)
    output = next(entry["output"] for entry in dependencies if "drawing.data" in entry["output"])
    names = [part.rpartition(".") for part in output.strip(".").split("...")]
    asked = {
        "output": output,
        "outputs": [{"id": name, "property": prop} for name, _, prop in names],
        "inputs": [
            {"id": "tick", "property": "n_intervals", "value": 1},
            {"id": "url", "property": "search", "value": query},
        ],
        "changedPropIds": ["url.search"],
    }
    return visitor.post("/_dash-update-component", json=asked, headers=headers).text


@pytest.mark.parametrize(
    "path",
    [
        "/_dash-layout",
        "/_dash-dependencies",
        "/assets/graph.js",
        "/anything",
        "/_dash-component-suites/dash/deps/react@18.3.1.min.js",
    ],
)
def test_a_stranger_gets_nothing(visitor: Client, path: str) -> None:
    answer = visitor.get(path)
    assert (answer.status_code, answer.text) == (401, "Sign in first.\n")


def test_a_stranger_at_the_front_is_led_to_the_login_and_back_to_the_same_view(visitor: Client) -> None:
    led = visitor.get("/?ns=shop")
    assert (led.status_code, led.location) == (303, "/login?next=%3Fns%3Dshop")
    login = visitor.get(led.location)
    assert login.status_code == 200
    assert 'value="?ns=shop"' in login.text
    assert login.headers["Cache-Control"] == "no-store"
    assert _sign_in(visitor, _SHOP).location == "/?ns=shop"


def test_a_view_is_all_that_a_login_leads_to(visitor: Client) -> None:
    answer = visitor.post("/login", data={"token": _ALL, "next": "https://evil.example/"}, headers=_HERE)
    assert answer.location == "/"


def test_health_is_for_all_and_tells_nothing(visitor: Client) -> None:
    assert visitor.get("/healthz").text == "ok\n"


def test_the_session_is_out_of_reach_for_scripts_and_other_sites(visitor: Client) -> None:
    cookie = _sign_in(visitor, _SHOP).headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=28800"} <= set(cookie.split("; "))
    assert _SHOP not in cookie
    assert visitor.get("/_dash-layout").status_code == 200


def test_over_https_the_cookie_never_travels_in_clear(visitor: Client) -> None:
    secure = {"base_url": "https://localhost", "headers": {"Origin": "https://localhost"}}
    cookie = visitor.post("/login", data={"token": _SHOP}, **secure).headers["Set-Cookie"]
    assert cookie.startswith("__Host-trafficmetrics=")
    assert "Secure" in cookie.split("; ")


@pytest.mark.parametrize("token", ["nobody's", "", "two\r\nlines: x", "x" * 20_000, "nobody"])
def test_a_wrong_token_is_refused_in_words_and_not_repeated(visitor: Client, token: str) -> None:
    answer = _sign_in(visitor, token)
    assert answer.status_code == 401
    assert "The API does not accept this token" in answer.text
    assert "Set-Cookie" not in answer.headers
    assert not token or token not in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://localhost", "Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize("path", ["/login", "/logout", "/_dash-update-component"])
def test_another_site_can_do_nothing_with_a_session(
    visitor: Client, path: str, headers: dict[str, str]
) -> None:
    _sign_in(visitor, _ALL)
    assert visitor.post(path, data={"token": _SHOP}, headers=headers).status_code == 403


def test_each_reads_with_their_own_token(visitor: Client) -> None:
    assert "db" in _refresh(visitor, "", _bearer(_ALL))
    refused = _refresh(visitor, "", _bearer(_SHOP))
    assert 'User \\"ann\\" cannot list resource' in refused
    assert "frontend" not in refused
    assert "frontend" in _refresh(visitor, "?ns=shop", _bearer(_SHOP))


def test_nobody_is_offered_a_namespace_that_only_others_saw(
    visitor: Client, fake: traffic_api.FakeTrafficApi
) -> None:
    fake.viewers["a-token-for-nothing"] = traffic_api.Viewer("eve", frozenset())
    _refresh(visitor, "", _bearer(_ALL))
    assert '"namespaces":{"data":[]}' in _refresh(visitor, "", _bearer("a-token-for-nothing"))


def test_rights_taken_away_take_the_graph_with_them(
    site: sites.Site, fake: traffic_api.FakeTrafficApi, visitor: Client
) -> None:
    assert "frontend" in _refresh(visitor, "?ns=shop&refresh=2s", _bearer(_SHOP))
    fake.viewers[_SHOP] = traffic_api.Viewer("ann", frozenset())
    # This is another query of the same viewer: an earlier answer must not be used for it.
    assert "frontend" not in _refresh(visitor, "?ns=shop&window=1m", _bearer(_SHOP))


def test_an_open_page_whose_token_ended_is_led_to_the_login(
    visitor: Client, fake: traffic_api.FakeTrafficApi
) -> None:
    _sign_in(visitor, _SHOP)
    assert "frontend" in _refresh(visitor, "?ns=shop", _HERE)
    fake.viewers.clear()
    referer = {**_HERE, "Referer": "http://localhost/?ns=shop"}
    dependencies = visitor.get("/_dash-dependencies", headers=_HERE).data
    assert dependencies
    answer = json.loads(_refresh(visitor, "?ns=shop&window=1m", referer))
    assert answer["sideUpdate"] == {"leave": {"href": "/login?why=refused&next=%3Fns%3Dshop"}}
    assert visitor.get("/").status_code == 303


def test_signing_out_ends_the_session(visitor: Client) -> None:
    _sign_in(visitor, _SHOP)
    assert visitor.post("/logout", headers=_HERE).location == "/login?why=out"
    assert visitor.get("/_dash-layout").status_code == 401


def test_replicas_with_the_same_key_open_each_others_sessions(
    cluster: incluster.InClusterAddress, tmp_path: pathlib.Path
) -> None:
    key = tmp_path / "key"
    key.write_text("an old key that is long enough, yes it is".replace(" ", "-"))
    with contextlib.closing(_open(cluster, key)) as one:
        cookie = _sign_in(one.application.test_client(), _SHOP).headers["Set-Cookie"].partition(";")[0]
    key.write_text(f"{'new' * 20}\n{key.read_text()}")
    with contextlib.closing(_open(cluster, key)) as other:
        visitor = other.application.test_client(use_cookies=False)
        assert visitor.get("/_dash-layout", headers={"Cookie": cookie}).status_code == 200
    with contextlib.closing(_open(cluster)) as stranger:
        visitor = stranger.application.test_client(use_cookies=False)
        assert visitor.get("/", headers={"Cookie": cookie}).location == "/login?why=ended"


def test_a_proxys_viewer_has_no_sign_out_of_ours(visitor: Client) -> None:
    layout = visitor.get("/_dash-layout", headers=_bearer(_SHOP)).text
    assert '"ann"' in layout
    assert "Sign out" not in layout
    assert visitor.get("/", headers=_bearer("nobody")).location == "/login?why=proxy"


def test_a_wrong_token_again_and_again_is_not_passed_on_and_another_is(
    visitor: Client, fake: traffic_api.FakeTrafficApi
) -> None:
    answers = [_sign_in(visitor, "wrong").status_code for _ in range(5)]
    assert answers == [401] * 3 + [429] * 2
    assert fake.requests.total() == 3
    assert visitor.get("/", headers=_bearer("wrong")).location == "/login?why=often"
    assert _sign_in(visitor, _SHOP).status_code == 303


def test_wrong_tokens_without_end_are_not_passed_on_but_who_was_in_stays_in(
    visitor: Client, fake: traffic_api.FakeTrafficApi
) -> None:
    assert _sign_in(visitor, _SHOP).status_code == 303
    fake.requests.clear()
    answers = [_sign_in(visitor, f"wrong-{number}").status_code for number in range(80)]
    most = login_throttle.PER_ADDRESS.failures
    assert answers[:most] == [401] * most
    assert answers.count(429) >= 10
    assert fake.requests.total() == answers.count(401)
    visitor.post("/logout", headers=_HERE)
    assert _sign_in(visitor, _SHOP).status_code == 303


def test_an_api_that_is_away_is_no_reason_to_sign_in_again(
    visitor: Client, fake: traffic_api.FakeTrafficApi
) -> None:
    fake.mode = "unavailable"
    answer = visitor.get("/", headers=_bearer(_SHOP))
    assert answer.location == "/login?why=away"
    assert "Set-Cookie" not in answer.headers
    assert _sign_in(visitor, _SHOP).status_code == 503


def test_no_log_line_has_a_token(visitor: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    # If another test has used the Kubernetes client, that client has silenced this logger.
    caplog.set_level(logging.DEBUG, logger="urllib3")
    _sign_in(visitor, _SHOP)
    _refresh(visitor, "?ns=shop", _HERE)
    visitor.get("/", headers=_bearer("nobody-of-note"))
    assert caplog.records
    assert _SHOP not in caplog.text
    assert "nobody-of-note" not in caplog.text
