"""No request to the dashboard makes it fail, or delays another viewer."""

import concurrent.futures
import contextlib
import datetime as dt
import http.client
import json
import pathlib
import socket
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from dashboard.client import incluster
from dashboard.health import verdict
from dashboard.web import gate, http_server, login_throttle, sites, state, threaded_reader
from tests.attacks import dashboards, effort, hostile
from tests.fakes import traffic_api

_BODIES = 900
_REQUESTS = 150
_FEW = login_throttle.RateLimit(10)
_GROWTH = 64 << 20  # bytes
_INTERNALS = ("Traceback", 'File "', "site-packages", "werkzeug", "KeyError", "waitress")


@pytest.fixture(scope="module")
def fake() -> Iterator[traffic_api.FakeTrafficApi]:
    with traffic_api.FakeTrafficApi() as running:
        yield running


@pytest.fixture(scope="module")
def attacked(
    fake: traffic_api.FakeTrafficApi, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dashboards.Dashboard]:
    with dashboards.running(fake, tmp_path_factory.mktemp("dashboard")) as one:
        yield one


@pytest.fixture(autouse=True)
def _well(fake: traffic_api.FakeTrafficApi) -> None:
    fake.mode = "well"
    fake.requests.clear()


def _refresh(one: dashboards.Dashboard, token: str, address: str = "?ns=shop") -> requests.Response:
    (callback,) = (known for known in one.callbacks() if "drawing.data" in known["output"])
    body = dashboards.good_body(callback, address)
    with one.session(token) as session:
        return session.post(f"{one.address}{dashboards.CALLBACK}", json=body, timeout=60)


def _holds(one: dashboards.Dashboard, answers: dict[str, requests.Response]) -> None:
    """Demand that no answer is a 5xx or shows internals, and that the log has no error."""
    failed = {what: answer.status_code for what, answer in answers.items() if answer.status_code >= 500}
    assert not failed
    for what, answer in answers.items():
        if answer.status_code >= 400:
            shown = [word for word in _INTERNALS if word in answer.text]
            assert not shown, (what, answer.text[:300])
    assert "Traceback" not in one.log
    assert "ERROR" not in one.log


def test_bodies_that_no_page_sends_are_refused_while_others_are_served(
    attacked: dashboards.Dashboard, tries: effort.Effort
) -> None:
    good = [dashboards.good_body(callback) for callback in attacked.callbacks()]
    before = attacked.resident
    served = 0
    over = threading.Event()

    def watch() -> None:
        nonlocal served
        while not over.wait(0.2):
            assert _refresh(attacked, dashboards.BOB).status_code == 200
            served += 1

    answers: dict[str, requests.Response] = {}
    with concurrent.futures.ThreadPoolExecutor(1) as bob, attacked.session(dashboards.EVE) as eve:
        watching = bob.submit(watch)
        dice = tries.dice("bodies")
        eve.headers["Content-Type"] = "application/json"
        for body in hostile.bodies(good, dice=dice, number=tries.times(_BODIES)):
            answer = eve.post(f"{attacked.address}{dashboards.CALLBACK}", data=body, timeout=60)
            answers[body[:2000].decode(errors="replace")] = answer
        over.set()
        watching.result(60)
    _holds(attacked, answers)
    assert {answer.status_code for answer in answers.values()} <= {200, 204, 400, 413}
    assert sum(answer.status_code == 400 for answer in answers.values()) > len(answers) / 2
    assert served
    assert attacked.resident < before + _GROWTH


def test_what_the_page_sends_is_answered(attacked: dashboards.Dashboard) -> None:
    with attacked.session(dashboards.BOB) as bob:
        for callback in attacked.callbacks():
            body = dashboards.good_body(callback)
            assert bob.post(f"{attacked.address}{dashboards.CALLBACK}", json=body, timeout=60).ok, callback[
                "output"
            ]


def test_a_body_in_another_form_is_refused(attacked: dashboards.Dashboard) -> None:
    content = json.dumps(dashboards.good_body(attacked.callbacks()[0])).encode()
    answers = {}
    with attacked.session(dashboards.EVE) as eve:
        for headers in hostile.HEADERS:
            sent = {"Content-Type": "application/json", **headers}
            answer = eve.post(
                f"{attacked.address}{dashboards.CALLBACK}", data=content, headers=sent, timeout=60
            )
            answers[str(headers)] = answer
    _holds(attacked, answers)
    assert all(answer.status_code in (200, 400) for answer in answers.values())
    assert sum(answer.status_code == 400 for answer in answers.values()) >= 8


@pytest.mark.parametrize("token", ["", dashboards.EVE])
def test_no_request_at_all_is_a_failure_of_ours(
    attacked: dashboards.Dashboard, tries: effort.Effort, token: str
) -> None:
    dice = tries.dice(f"requests{token}")
    place = urllib.parse.urlsplit(attacked.address)
    for _ in range(tries.times(_REQUESTS)):
        method, path = dice.choice(hostile.METHODS), dice.choice(hostile.PATHS)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        for _ in range(dice.randrange(3)):
            headers |= dice.choice(hostile.REQUESTS)
        connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=60)
        with contextlib.closing(connection):
            sent = {name: value.encode() for name, value in headers.items()}
            with contextlib.suppress(ValueError):  # what this client itself refuses to send
                connection.request(
                    method, f"/{path}", body=b"x=1" if method == "POST" else None, headers=sent
                )
                answer = connection.getresponse()
                said = answer.read().decode(errors="replace")
                what = (method, path[:200], {name: value[:100] for name, value in headers.items()})
                assert answer.status < 500 or answer.status == 501, (what, said[:500])
                assert not (answer.status >= 400 and any(word in said for word in _INTERNALS)), (what, said)
    assert "Traceback" not in attacked.log
    assert "ERROR" not in attacked.log


@pytest.mark.parametrize("path", ["login", "logout", dashboards.CALLBACK, "anything"])
def test_a_stranger_sends_no_large_body(attacked: dashboards.Dashboard, path: str) -> None:
    before = attacked.resident
    for _ in range(20):
        with attacked.session() as stranger, contextlib.suppress(requests.ConnectionError):
            answer = stranger.post(f"{attacked.address}{path}", data={"token": "x" * (1 << 20)}, timeout=60)
            assert answer.status_code == 413
        with attacked.session() as stranger, contextlib.suppress(requests.ConnectionError):
            pieces = (b"x" * 9999 for _ in range(100))
            assert stranger.post(f"{attacked.address}{path}", data=pieces, timeout=60).status_code == 413
    assert attacked.resident < before + _GROWTH / 4


def test_fifteen_thousand_namespaces_are_refused_in_words_and_cost_the_api_nothing(
    attacked: dashboards.Dashboard, fake: traffic_api.FakeTrafficApi
) -> None:
    _refresh(attacked, dashboards.EVE)
    fake.requests.clear()
    before = attacked.resident
    many = _refresh(attacked, dashboards.EVE, "?ns=" + ",".join(f"{number:x}" for number in range(9_000)))
    assert many.status_code == 200
    assert f"9000 namespaces are chosen, and at most {state.MOST_NAMESPACES} can be shown" in many.text
    more = _refresh(attacked, dashboards.EVE, "?ns=" + ",".join(f"n{number}" for number in range(15_000)))
    assert more.status_code == 413
    assert fake.requests.total() == 0
    assert attacked.resident < before + _GROWTH / 2


def test_what_a_question_costs_the_api_does_not_grow_with_its_length(
    attacked: dashboards.Dashboard, fake: traffic_api.FakeTrafficApi
) -> None:
    names = [f"n{number}" for number in range(state.MOST_NAMESPACES - 2)]
    few = _refresh(attacked, dashboards.EVE, "?ns=data,shop&window=15m").json()["response"]["drawing"]["data"]
    fake.requests.clear()
    address = f"?ns={','.join([*names, 'data', 'shop'])}&window=15m"
    many = _refresh(attacked, dashboards.EVE, address).json()["response"]["drawing"]["data"]
    assert fake.requests.total() == 2
    assert (many["nodes"], many["edges"]) == (few["nodes"], few["edges"])
    fake.requests.clear()
    _refresh(
        attacked, dashboards.EVE, f"?ns={','.join(names[: threaded_reader.MOST_SEPARATE_READS])}&window=5m"
    )
    assert fake.requests.total() == 2 * threaded_reader.MOST_SEPARATE_READS


def test_who_may_not_read_all_namespaces_learns_why_many_are_refused(
    attacked: dashboards.Dashboard, fake: traffic_api.FakeTrafficApi
) -> None:
    fake.viewers["a-token-of-ann"] = traffic_api.Viewer("ann", frozenset({"shop"}))
    names = ",".join(f"n{number}" for number in range(50))
    said = _refresh(attacked, "a-token-of-ann", f"?ns=shop,{names}").text
    assert f"More than {threaded_reader.MOST_SEPARATE_READS} namespaces need the right to read all" in said


def test_a_viewer_whose_questions_hang_keeps_nobody_else_waiting(
    attacked: dashboards.Dashboard, fake: traffic_api.FakeTrafficApi
) -> None:
    assert _refresh(attacked, dashboards.BOB, "?ns=data").status_code == 200
    fake.mode = "hanging"
    fake.requests.clear()
    with concurrent.futures.ThreadPoolExecutor(40) as browsers:
        asked = [
            browsers.submit(_refresh, attacked, dashboards.EVE, f"?ns=n{number}&window=5m")
            for number in range(40)
        ]
        try:
            fake.arrived(2)
            with attacked.session(dashboards.BOB) as bob:
                assert bob.get(f"{attacked.address}_dash-layout", timeout=5).status_code == 200
                assert bob.get(f"{attacked.address}healthz", timeout=5).status_code == 200
            # Eve's own requests are limited: most have been answered although the API does not answer.
            done, _ = concurrent.futures.wait(
                asked, timeout=8, return_when=concurrent.futures.FIRST_COMPLETED
            )
            assert done
            assert "drawing" in _refresh(attacked, dashboards.BOB, "?ns=data&refresh=30s").text
        finally:
            fake.release()
        answers = [one.result(60) for one in asked]
    assert {answer.status_code for answer in answers} <= {200, 429}
    refused = [
        answer
        for answer in answers
        if answer.status_code == 429 or "Too many of your requests" in answer.text
    ]
    assert refused


Serve = Callable[..., tuple[str, int]]


@pytest.fixture
def serve(fake: traffic_api.FakeTrafficApi, tmp_path: pathlib.Path) -> Iterator[Serve]:
    """Run the server in this process, with short limits."""
    with contextlib.ExitStack() as ending:

        def start(*, proxies: int = 0, **limits: Any) -> tuple[str, int]:
            fake.viewers = {dashboards.BOB: traffic_api.Viewer("bob")}
            found = incluster.InClusterAddress(fake.url, fake.authority(tmp_path / "ca.crt"))
            site = sites.with_login(
                found,
                thresholds=verdict.Thresholds(),
                host="127.0.0.1",
                key=None,
                length=dt.timedelta(hours=1),
                proxies=proxies,
                failures=login_throttle.LoginThrottle(address=_FEW),
            )
            ending.callback(site.close)
            server = http_server.server(site, host="127.0.0.1", port=0, **limits)
            thread = threading.Thread(target=_run, args=(server,), name="dashboard")
            thread.start()
            ending.callback(thread.join, 30)
            ending.callback(server.trigger.pull_trigger, server.close)
            return "127.0.0.1", int(server.effective_port)

        yield start


def _run(server: Any) -> None:
    with contextlib.suppress(OSError):
        server.run()
    server.task_dispatcher.shutdown()


def _login(address: tuple[str, int], token: str, **headers: str) -> int:
    place = f"http://{address[0]}:{address[1]}/login"
    reply = {"Sec-Fetch-Site": "same-origin", **headers}
    return requests.post(
        place, data={"token": token}, headers=reply, timeout=30, allow_redirects=False
    ).status_code


def test_a_request_that_drips_is_cut(serve: Serve) -> None:
    address = serve(request_timeout=0.3)
    with socket.create_connection(address, timeout=30) as slow:
        slow.sendall(b"POST /login HTTP/1.1\r\nHost: localhost\r\n")
        deadline = time.monotonic() + 30
        with pytest.raises(ConnectionError):  # noqa: PT012  # it ends at a moment of the server's
            while time.monotonic() < deadline:
                slow.sendall(b"X: y\r\n")
                time.sleep(0.05)
            raise AssertionError("it was never cut")


def test_connections_that_only_wait_make_place_for_others(serve: Serve) -> None:
    address = serve(max_connections=20)
    with contextlib.ExitStack() as opened:
        for _ in range(200):
            one = opened.enter_context(socket.create_connection(address, timeout=30))
            one.sendall(b"GET / HTTP/1.1\r\nX: ")
        place = f"http://{address[0]}:{address[1]}/healthz"
        assert requests.get(place, timeout=30).text == "ok\n"


def test_behind_one_proxy_a_guesser_shuts_out_nobody(serve: Serve, fake: traffic_api.FakeTrafficApi) -> None:
    address = serve()
    answers = [_login(address, f"wrong-{number}") for number in range(_FEW.failures // 2)]
    assert set(answers) == {401}
    assert _login(address, dashboards.BOB) == 303


def test_a_proxy_that_is_trusted_tells_viewers_apart(serve: Serve) -> None:
    address = serve(proxies=1)
    most = _FEW.failures
    guesses = [
        # What the attacker writes comes before what the proxy writes, and is not trusted.
        _login(address, f"wrong-{number}", **{"X-Forwarded-For": f"10.0.0.{number}, 192.0.2.66"})
        for number in range(most + 20)
    ]
    assert guesses.count(429) >= 10
    assert _login(address, dashboards.BOB, **{"X-Forwarded-For": "192.0.2.66"}) == 429
    assert _login(address, dashboards.BOB, **{"X-Forwarded-For": "192.0.2.1"}) == 303


def test_without_trusted_proxies_an_invented_address_opens_nothing(serve: Serve) -> None:
    address = serve()
    guesses = [
        _login(address, f"wrong-{number}", **{"X-Forwarded-For": f"192.0.2.{number}"})
        for number in range(_FEW.failures + 20)
    ]
    assert guesses.count(429) >= 10


def test_every_property_that_a_callback_reads_has_a_row() -> None:
    unknown = {"output": "x.y", "inputs": [{"id": "new", "property": "value"}], "state": []}
    with pytest.raises(LookupError, match=r"new\.value"):
        gate.Gate([{**unknown, "clientside_function": None}])
