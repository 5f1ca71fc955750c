"""Both clients learn from a backend's refusals how it wants to be queried, and say why it did not answer."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Protocol

import pytest
from aiohttp import web

from metrics_server.model import faults, label_matchers
from metrics_server.upstream import credentials, prometheus, requests_prometheus
from tests.metrics_server import fake_prometheus, questions, recording

Backend = fake_prometheus.FakePrometheus
NAMES = '{__name__=~"a|b"}'
GOOGLE = (
    'invalid parameter "query": substitute queries failed: convert vector selector failed: '
    "=~ is an unsupported matchtype for the __name__ label: invalid argument"
)
PAIR = recording.Recording([recording.series("a", [(990.0, 1)]), recording.series("b", [(995.0, 2)], x="1")])


class _Client(Protocol):
    """One of the two clients."""

    async def ask(self, query: str) -> list[str]:
        """Return the names of the series in its answer."""
        ...

    async def close(self) -> None: ...


class _Serving:
    def __init__(self, url: str, always: Sequence[label_matchers.Matcher] = ()) -> None:
        self._client = prometheus.Prometheus(
            url, observer=questions.Heard(), patience=questions.CALM, always=always
        )

    async def ask(self, query: str) -> list[str]:
        (answer,) = await self._client.ask([query], at=questions.NOW)
        return [one["metric"].get("__name__", "") for one in answer]

    async def close(self) -> None:
        await self._client.close()


class _Checking:
    def __init__(self, url: str, always: Sequence[label_matchers.Matcher] = ()) -> None:
        self._client = requests_prometheus.RecordingClient(url, credentials.NOTHING, always=always)

    async def ask(self, query: str) -> list[str]:
        (answer,) = await asyncio.to_thread(asyncio.run, self._client.ask([query], at=questions.NOW))
        return [one["metric"].get("__name__", "") for one in answer]

    async def close(self) -> None:
        pass


Connect = Callable[..., _Client]


@pytest.fixture(params=["serve", "check"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Connect]:
    """The two clients, each with its URL and its matchers."""
    made: list[_Client] = []

    def connect(url: str, always: Sequence[label_matchers.Matcher] = ()) -> _Client:
        made.append(_Serving(url, always) if request.param == "serve" else _Checking(url, always))
        return made[-1]

    yield connect
    for one in made:
        await one.close()


def refusing(
    backend: Backend,
    when: Callable[[web.Request, str], bool],
    *,
    status: int,
    error: str = "",
    error_type: str = "bad_data",
) -> list[tuple[str, str]]:
    """Refuse the queries that `when` names; return the list to which all requests are added."""
    seen: list[tuple[str, str]] = []

    async def behave(request: web.Request, query: str) -> web.StreamResponse:
        seen.append((request.method, query))
        if when(request, query):
            body = json.dumps({"status": "error", "errorType": error_type, "error": error}) if error else "no"
            return web.Response(text=body, status=status)
        return await backend.well(request, query)

    backend.behaviour = behave
    return seen


async def test_a_backend_that_knows_only_exact_names_gets_them(backend: Backend, client: Connect) -> None:
    backend.holds = PAIR
    seen = refusing(backend, lambda _, query: "__name__=~" in query, status=400, error=GOOGLE)
    asking = client(backend.url)
    assert await asking.ask(f"{NAMES}[30s]") == ["a", "b"]
    assert [query for _, query in seen] == [f"{NAMES}[30s]", '{__name__="a"}[30s]', '{__name__="b"}[30s]']
    seen.clear()
    assert await asking.ask(NAMES) == ["a", "b"]
    assert [query for _, query in seen] == ['({__name__="a"} or {__name__="b"})']


@pytest.mark.parametrize("status", [403, 405, 501])
async def test_a_proxy_that_refuses_post_gets_get(backend: Backend, client: Connect, status: int) -> None:
    backend.holds = PAIR
    seen = refusing(backend, lambda request, _: request.method == "POST", status=status)
    asking = client(backend.url)
    assert await asking.ask(NAMES) == ["a", "b"]
    assert await asking.ask('{__name__="a"}') == ["a"]
    assert [method for method, _ in seen] == ["POST", "GET", "GET"]


async def test_a_backend_may_refuse_both(backend: Backend, client: Connect) -> None:
    backend.holds = PAIR

    async def behave(request: web.Request, query: str) -> web.StreamResponse:
        if request.method == "POST":
            raise web.HTTPMethodNotAllowed("POST", ["GET"])
        if "=~" in query:
            return web.json_response(
                {"status": "error", "errorType": "bad_data", "error": GOOGLE}, status=400
            )
        return await backend.well(request, query)

    backend.behaviour = behave
    assert await client(backend.url).ask(f"{NAMES}[30s]") == ["a", "b"]


async def test_matchers_and_parameters_go_with_every_query(backend: Backend, client: Connect) -> None:
    parameters: list[list[str]] = []

    async def behave(request: web.Request, query: str) -> web.StreamResponse:
        parameters.append(request.query.getall("extra_label"))
        if request.method == "POST":
            assert "query" not in request.query
            raise web.HTTPMethodNotAllowed("POST", ["GET"])
        return await backend.well(request, query)

    backend.behaviour = behave
    url = f"{backend.url}?extra_label=cluster=eu&extra_label=env=live"
    await client(url, label_matchers.parse('cluster="e\\"u"')).ask(NAMES)
    assert set(backend.asked) == {'{__name__=~"a|b",cluster="e\\"u"}'}
    assert parameters == [["cluster=eu", "env=live"]] * 2


@pytest.mark.parametrize("status", [429, 503])
async def test_a_busy_backend_gets_the_query_once_more(
    backend: Backend, client: Connect, status: int
) -> None:
    backend.holds = PAIR
    busy = [True]

    async def behave(request: web.Request, query: str) -> web.StreamResponse:
        if busy:
            busy.pop()
            return web.Response(status=status, headers={"Retry-After": "1"})
        return await backend.well(request, query)

    backend.behaviour = behave
    begun = time.monotonic()
    assert await client(backend.url).ask(NAMES) == ["a", "b"]
    assert time.monotonic() - begun >= 1.0
    assert len(backend.asked) == 2


@pytest.mark.parametrize("retry_after", ["3600", "Wed, 21 Oct 2026 07:28:00 GMT", "-inf", "nan"])
async def test_a_backend_that_is_busy_for_long_is_not_waited_for(
    backend: Backend, client: Connect, retry_after: str
) -> None:
    async def behave(request: web.Request, query: str) -> web.StreamResponse:
        return web.Response(status=429, headers={"Retry-After": retry_after})

    backend.behaviour = behave
    begun = time.monotonic()
    with pytest.raises(faults.BackendRefused, match="because it gets too many"):
        await client(backend.url).ask(NAMES)
    assert time.monotonic() - begun < 2.0
    assert len(backend.asked) <= 2


async def test_the_wait_for_a_busy_backend_is_not_taken_for_silence(backend: Backend) -> None:
    backend.holds = PAIR
    busy = [True]

    async def behave(request: web.Request, query: str) -> web.StreamResponse:
        if busy:
            busy.pop()
            return web.Response(status=503, headers={"Retry-After": "2"})
        return await backend.well(request, query)

    backend.behaviour = behave
    patience = prometheus.Patience(doubt=0.1, probe=0.2, stall=0.3, answer=10.0)
    async with questions.client(backend.url, patience=patience) as asking:
        (answer,) = await questions.read(asking, [NAMES])
    assert len(answer) == 2


TOO_MANY = "query processing would load too many samples into memory in query execution"


@pytest.mark.parametrize(
    ("status", "error_type", "error", "says"),
    [
        (422, "execution", TOO_MANY, "Prometheus refused the query: it would load more samples"),
        (422, "execution", "secret words", "Prometheus refused the query: the backend could not evaluate"),
        (400, "bad_data", "parse error: secret words", "does not know its syntax"),
        (503, "timeout", "query timed out in secret words", "it took longer than Prometheus allows"),
        (503, "", "", "Prometheus is not ready: it is starting"),
        (429, "", "", "because it gets too many"),
        (500, "internal", "secret words", "Prometheus failed to answer the query"),
        (502, "", "", "The proxy before Prometheus gets no answer"),
        (504, "", "", "gets no answer from it in time"),
        (401, "", "", "Prometheus refuses the server's credentials"),
        (403, "", "", "Prometheus refuses the server's credentials"),
        (405, "", "", "accepts queries neither by POST nor by GET"),
        (418, "", "", "Prometheus did not answer the query"),
    ],
)
async def test_the_words_distinguish_why_and_repeat_nothing(
    backend: Backend,
    client: Connect,
    request: pytest.FixtureRequest,
    status: int,
    error_type: str,
    error: str,
    says: str,
) -> None:
    refusing(backend, lambda *_: True, status=status, error=error, error_type=error_type)
    with pytest.raises(faults.BackendRefused) as refused:
        await client(backend.url).ask('{__name__="secret_metric"}')
    assert says in refused.value.message
    if "check" not in request.node.callspec.id:
        assert questions.says_nothing_of_the_backend(refused.value, backend.url)


async def test_a_query_that_is_too_long_for_a_url_is_said_to_be(backend: Backend, client: Connect) -> None:
    async def behave(request: web.Request, query: str) -> web.StreamResponse:
        return web.Response(status=403 if request.method == "POST" else 414)

    backend.behaviour = behave
    with pytest.raises(faults.BackendRefused, match=r"too long for a URL, and .* accepts no POST"):
        await client(backend.url).ask(NAMES)


async def test_a_query_that_selects_too_much_is_not_sent_in_other_forms(
    backend: Backend, client: Connect
) -> None:
    refusing(backend, lambda *_: True, status=422, error=TOO_MANY, error_type="execution")
    with pytest.raises(faults.BackendRefused, match="more samples"):
        await client(backend.url).ask(NAMES)
    assert backend.asked == [NAMES]


async def test_mimir_without_a_tenant_is_named(backend: Backend, client: Connect) -> None:
    backend.behaviour = fake_prometheus.fixed("no org id\n", status=401)
    with pytest.raises(faults.BackendRefused, match="asks for the name of a tenant"):
        await client(backend.url).ask(NAMES)
