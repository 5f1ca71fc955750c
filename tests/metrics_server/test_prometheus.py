from __future__ import annotations

import asyncio
import contextlib
import gzip
import socket
import time
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from metrics_server import answers, credentials, faults, prometheus
from tests.metrics_server import fake_prometheus, recording

CALM = prometheus.Patience(connect=5.0, doubt=20.0, probe=5.0, answer=30.0)
DOUBTING = prometheus.Patience(connect=5.0, doubt=0.1, probe=5.0, answer=30.0)
QUERY = '{__name__="secret_metric"}'
NOW = 1000.0


class Heard:
    """Remembers how queries ended."""

    def __init__(self) -> None:
        self.outcomes: list[str] = []

    def query_done(self, outcome: str, seconds: float) -> None:
        assert seconds >= 0
        self.outcomes.append(outcome)


@contextlib.asynccontextmanager
async def client(
    url: str, *, heard: Heard | None = None, patience: prometheus.Patience | None = CALM
) -> AsyncIterator[prometheus.Prometheus]:
    asking = prometheus.Prometheus(url, observer=heard or Heard(), patience=patience)
    try:
        yield asking
    finally:
        await asking.close()


async def read(asking: prometheus.Prometheus, queries: list[str]) -> list[list[answers.Series]]:
    return [list(answer) for answer in await asking.ask(queries, at=NOW)]


async def test_answers_come_in_the_order_of_the_queries(backend: fake_prometheus.FakePrometheus) -> None:
    backend.holds = recording.Recording(
        [recording.series("a", [(990.0, 1)], x="1"), recording.series("b", [(995.0, 2)])]
    )
    heard = Heard()
    async with client(backend.url, heard=heard) as asking:
        first, second, nothing = await read(asking, ["a", "b[30s]", "c"])
    assert first == [{"metric": {"__name__": "a", "x": "1"}, "value": [990.0, "1"]}]
    assert second == [{"metric": {"__name__": "b"}, "values": [[995.0, "2"]]}]
    assert nothing == []
    assert heard.outcomes == ["answered"] * 3


async def test_a_path_before_the_query_api_is_kept(backend: fake_prometheus.FakePrometheus) -> None:
    async with client(f"{backend.url}/") as asking:
        assert await asking.ask(["vector(1)"], at=NOW)


async def test_a_selector_longer_than_any_url_is_asked(backend: fake_prometheus.FakePrometheus) -> None:
    query = '{__name__="' + "a" * 200_000 + '"}'
    async with client(backend.url) as asking:
        assert await read(asking, [query]) == [[]]
    assert backend.asked == [query]


async def test_a_compressed_answer_is_read(backend: fake_prometheus.FakePrometheus) -> None:
    async def compressed(request: web.Request, query: str) -> web.Response:
        assert "gzip" in request.headers["Accept-Encoding"]
        body = gzip.compress(b'{"status":"success","data":{"result":[]}}')
        return web.Response(body=body, headers={"Content-Encoding": "gzip"})

    backend.behaviour = compressed
    async with client(backend.url) as asking:
        assert await read(asking, [QUERY]) == [[]]


def says_nothing_of_the_backend(fault: faults.Fault, url: str) -> bool:
    told = (url.removeprefix("http://"), "127.0.0.1", "localhost", "secret_metric", "secret words")
    return not any(word in fault.message for word in told)


async def test_a_backend_that_is_down_is_told_at_once() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        heard = Heard()
        begun = time.monotonic()
        async with client(url, heard=heard, patience=None) as asking:
            with pytest.raises(faults.BackendDown) as down:
                await asking.ask([QUERY, QUERY], at=NOW)
    assert time.monotonic() - begun < 1.5
    assert says_nothing_of_the_backend(down.value, url)
    assert "ClientConnectorError" in down.value.detail
    assert heard.outcomes == ["failed"] * 2


async def test_a_name_that_does_not_resolve_is_a_backend_that_is_down() -> None:
    async with client("http://no-such-host.invalid:9090") as asking:
        with pytest.raises(faults.BackendDown) as down:
            await asking.ask([QUERY], at=NOW)
    assert "no-such-host" not in down.value.message


async def test_a_backend_that_hangs_is_given_up_within_three_seconds(
    backend: fake_prometheus.FakePrometheus,
) -> None:
    backend.behaviour = backend.hung
    heard = Heard()
    begun = time.monotonic()
    async with client(backend.url, heard=heard, patience=None) as asking:
        with pytest.raises(faults.BackendSlow) as slow:
            await asking.ask([QUERY], at=NOW)
    assert time.monotonic() - begun < 3.0
    assert says_nothing_of_the_backend(slow.value, backend.url)
    assert "timed out" in heard.outcomes
    await asyncio.wait_for(backend.ended.wait(), 5)


async def test_a_backend_that_is_slow_but_alive_may_finish(backend: fake_prometheus.FakePrometheus) -> None:
    probed = asyncio.Event()

    async def busy(request: web.Request, query: str) -> web.StreamResponse:
        if query == "vector(1)":
            probed.set()
        else:
            await probed.wait()
        return await backend.well(request, query)

    backend.behaviour = busy
    async with client(backend.url, patience=DOUBTING) as asking:
        assert await read(asking, [QUERY, QUERY]) == [[], []]
    assert backend.asked.count("vector(1)") == 1


async def test_patience_ends_even_with_a_backend_that_is_alive(
    backend: fake_prometheus.FakePrometheus,
) -> None:
    async def never(request: web.Request, query: str) -> web.StreamResponse:
        return await (backend.well if query == "vector(1)" else backend.hung)(request, query)

    backend.behaviour = never
    patience = prometheus.Patience(connect=5.0, doubt=0.1, probe=5.0, answer=0.4)
    async with client(backend.url, patience=patience) as asking:
        with pytest.raises(faults.BackendSlow) as slow:
            await asking.ask([QUERY], at=NOW)
    assert says_nothing_of_the_backend(slow.value, backend.url)
    await asyncio.wait_for(backend.ended.wait(), 5)


async def test_a_question_that_is_given_up_is_not_left_with_the_backend(
    backend: fake_prometheus.FakePrometheus,
) -> None:
    backend.behaviour = backend.hung
    async with client(backend.url, patience=CALM) as asking:
        waiting = asyncio.create_task(asking.ask([QUERY], at=NOW))
        async with asyncio.timeout(5):
            while not backend.asked:  # noqa: ASYNC110 - the fake is asked by another task
                await asyncio.sleep(0.01)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await asyncio.wait_for(backend.ended.wait(), 5)


async def test_when_one_query_is_refused_the_others_are_given_up(
    backend: fake_prometheus.FakePrometheus,
) -> None:
    async def one_refused(request: web.Request, query: str) -> web.StreamResponse:
        if query == "up":
            return await backend.hung(request, query)
        return web.json_response({"status": "error"}, status=422)

    backend.behaviour = one_refused
    async with client(backend.url) as asking:
        with pytest.raises(faults.BackendRefused):
            await asking.ask(["up", QUERY], at=NOW)
        await asyncio.wait_for(backend.ended.wait(), 1)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param("<html><title>secret words: log in</title>", 200, id="HTML"),
        pytest.param('{"status":"error","errorType":"bad_data","error":"secret words"}', 422, id="422"),
        pytest.param('{"status":"error","errorType":"timeout","error":"secret words"}', 503, id="503"),
        pytest.param('{"status":"success","data":{"result":[]}}', 500, id="a success that is none"),
        pytest.param('{"status":"success","data":{"resul', 200, id="truncated"),
        pytest.param("", 200, id="nothing"),
        pytest.param(b"\xff\x00secret words", 200, id="garbage"),
        pytest.param("[]", 200, id="a list"),
        pytest.param("null", 200, id="null"),
        pytest.param('"secret words"', 200, id="text"),
        pytest.param("{}", 200, id="no status"),
        pytest.param('{"status":"success"}', 200, id="no data"),
        pytest.param('{"status":"success","data":[]}', 200, id="data of another kind"),
        pytest.param('{"status":"success","data":{}}', 200, id="no result"),
        pytest.param(
            '{"status":"success","data":{"result":null}}',
            200,
            id="result null",
        ),
        pytest.param("not found, secret words", 404, id="404"),
    ],
)
async def test_an_answer_that_is_none_is_refused_and_its_words_stay_in_the_detail(
    backend: fake_prometheus.FakePrometheus, body: str | bytes, status: int
) -> None:
    backend.behaviour = fake_prometheus.fixed(body, status=status)
    async with client(backend.url) as asking:
        with pytest.raises(faults.BackendRefused) as refused:
            await asking.ask([QUERY], at=NOW)
    assert says_nothing_of_the_backend(refused.value, backend.url)
    assert f"status {status}" in refused.value.detail
    assert QUERY in refused.value.detail


async def test_a_redirect_is_not_followed_lest_credentials_are_taken_along(
    backend: fake_prometheus.FakePrometheus,
) -> None:
    async with fake_prometheus.running(fake_prometheus.FakePrometheus()) as elsewhere:
        goal = f"{elsewhere.url}/api/v1/query?state=secret"

        async def away(request: web.Request, query: str) -> web.StreamResponse:
            raise web.HTTPTemporaryRedirect(goal)

        backend.behaviour = away
        async with client(backend.url) as asking:
            with pytest.raises(faults.BackendRefused) as refused:
                await asking.ask([QUERY], at=NOW)
    assert elsewhere.asked == []
    assert says_nothing_of_the_backend(refused.value, elsewhere.url)
    assert f"status 307 to {elsewhere.url}/api/v1/query, which is not followed" in refused.value.detail
    assert "state" not in refused.value.detail


async def test_a_cookie_is_not_kept(backend: fake_prometheus.FakePrometheus) -> None:
    seen: list[str | None] = []

    async def baking(request: web.Request, query: str) -> web.StreamResponse:
        seen.append(request.headers.get("Cookie"))
        response = await backend.well(request, query)
        response.set_cookie("session", "one")
        return response

    # By name: the jar would keep no cookie of a bare address anyhow.
    backend.behaviour = baking
    async with client(backend.url.replace("127.0.0.1", "localhost")) as asking:
        await read(asking, [QUERY])
        await read(asking, [QUERY])
    assert seen == [None, None]


async def test_what_is_presented_is_asked_for_with_each_question_and_never_repeated(
    backend: fake_prometheus.FakePrometheus,
) -> None:
    words = iter(["first-secret", "second-secret", "third-secret"])
    seen: list[str] = []

    def presenting() -> credentials.Credentials:
        word = next(words)
        return credentials.Credentials(headers={"X-Key": word}, secrets=(word,))

    async def echoing(request: web.Request, query: str) -> web.StreamResponse:
        seen.append(request.headers["X-Key"])
        return web.json_response({"status": "error", "error": f"no: {seen[-1]}"}, status=422)

    backend.behaviour = echoing
    asking = prometheus.Prometheus(backend.url, observer=Heard(), presenting=presenting, patience=CALM)
    try:
        for _ in range(2):
            with pytest.raises(faults.BackendRefused) as refused:
                await asking.ask([QUERY], at=NOW)
            assert "no: ‹secret›" in refused.value.detail
            assert "-secret" not in refused.value.detail
    finally:
        await asking.close()
    assert seen == ["first-secret", "second-secret"]


async def test_an_answer_that_breaks_off_is_a_backend_that_is_down(
    backend: fake_prometheus.FakePrometheus,
) -> None:
    async def breaks_off(request: web.Request, query: str) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b'{"status"')
        assert request.transport is not None
        request.transport.close()
        return response

    backend.behaviour = breaks_off
    async with client(backend.url) as asking:
        with pytest.raises(faults.BackendDown) as down:
            await asking.ask([QUERY], at=NOW)
    assert says_nothing_of_the_backend(down.value, backend.url)


async def test_after_a_failure_the_next_question_is_asked_anew(
    backend: fake_prometheus.FakePrometheus,
) -> None:
    backend.behaviour = fake_prometheus.fixed("no", status=500)
    async with client(backend.url) as asking:
        with pytest.raises(faults.BackendRefused):
            await asking.ask([QUERY], at=NOW)
        backend.behaviour = backend.well
        assert await read(asking, [QUERY]) == [[]]


async def test_closing_what_never_asked_is_no_error() -> None:
    async with client("http://127.0.0.1:1"):
        pass
