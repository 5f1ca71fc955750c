from __future__ import annotations

import gzip

import pytest
from aiohttp import web

from metrics_server.model import faults
from metrics_server.upstream import credentials, prometheus
from tests.metrics_server import fake_prometheus, questions, recording


async def test_answers_come_in_the_order_of_the_queries(backend: fake_prometheus.FakePrometheus) -> None:
    backend.holds = recording.Recording(
        [recording.series("a", [(990.0, 1)], x="1"), recording.series("b", [(995.0, 2)])]
    )
    heard = questions.Heard()
    async with questions.client(backend.url, heard=heard) as asking:
        first, second, nothing = await questions.read(asking, ["a", "b[30s]", "c"])
    assert first == [{"metric": {"__name__": "a", "x": "1"}, "value": [990.0, "1"]}]
    assert second == [{"metric": {"__name__": "b"}, "values": [[995.0, "2"]]}]
    assert nothing == []
    assert heard.outcomes == ["answered"] * 3


async def test_a_path_before_the_query_api_is_kept(backend: fake_prometheus.FakePrometheus) -> None:
    async with questions.client(f"{backend.url}/") as asking:
        assert await asking.ask(["vector(1)"], at=questions.NOW)


async def test_a_selector_longer_than_any_url_is_asked(backend: fake_prometheus.FakePrometheus) -> None:
    query = '{__name__="' + "a" * 200_000 + '"}'
    async with questions.client(backend.url) as asking:
        assert await questions.read(asking, [query]) == [[]]
    assert backend.asked == [query]


async def test_a_compressed_answer_is_read(backend: fake_prometheus.FakePrometheus) -> None:
    async def compressed(request: web.Request, query: str) -> web.Response:
        assert "gzip" in request.headers["Accept-Encoding"]
        body = gzip.compress(b'{"status":"success","data":{"result":[]}}')
        return web.Response(body=body, headers={"Content-Encoding": "gzip"})

    backend.behaviour = compressed
    async with questions.client(backend.url) as asking:
        assert await questions.read(asking, [questions.QUERY]) == [[]]


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
    async with questions.client(backend.url) as asking:
        with pytest.raises(faults.BackendRefused) as refused:
            await asking.ask([questions.QUERY], at=questions.NOW)
    assert questions.says_nothing_of_the_backend(refused.value, backend.url)
    assert f"status {status}" in refused.value.detail
    assert questions.QUERY in refused.value.detail


async def test_a_redirect_is_not_followed_lest_credentials_are_taken_along(
    backend: fake_prometheus.FakePrometheus,
) -> None:
    async with fake_prometheus.running(fake_prometheus.FakePrometheus()) as elsewhere:
        goal = f"{elsewhere.url}/api/v1/query?state=secret"

        async def away(request: web.Request, query: str) -> web.StreamResponse:
            raise web.HTTPTemporaryRedirect(goal)

        backend.behaviour = away
        async with questions.client(backend.url) as asking:
            with pytest.raises(faults.BackendRefused) as refused:
                await asking.ask([questions.QUERY], at=questions.NOW)
    assert elsewhere.asked == []
    assert questions.says_nothing_of_the_backend(refused.value, elsewhere.url)
    assert f"status 307 to {elsewhere.url}/api/v1/query, which is not followed" in refused.value.detail
    assert "state" not in refused.value.detail


async def test_a_cookie_is_not_kept(backend: fake_prometheus.FakePrometheus) -> None:
    seen: list[str | None] = []

    async def baking(request: web.Request, query: str) -> web.StreamResponse:
        seen.append(request.headers.get("Cookie"))
        response = await backend.well(request, query)
        response.set_cookie("session", "one")
        return response

    # The URL has a name, because aiohttp never keeps a cookie from a bare address.
    backend.behaviour = baking
    async with questions.client(backend.url.replace("127.0.0.1", "localhost")) as asking:
        await questions.read(asking, [questions.QUERY])
        await questions.read(asking, [questions.QUERY])
    assert seen == [None, None]


async def test_what_is_presented_is_asked_for_with_each_question_and_never_repeated(
    backend: fake_prometheus.FakePrometheus,
) -> None:
    words = iter(["first-secret", "second-secret", "third-secret"])
    seen: list[str] = []

    def presenting() -> credentials.RequestCredentials:
        word = next(words)
        return credentials.RequestCredentials(headers={"X-Key": word}, secrets=(word,))

    async def echoing(request: web.Request, query: str) -> web.StreamResponse:
        seen.append(request.headers["X-Key"])
        return web.json_response({"status": "error", "error": f"no: {seen[-1]}"}, status=422)

    backend.behaviour = echoing
    asking = prometheus.Prometheus(
        backend.url, observer=questions.Heard(), presenting=presenting, patience=questions.CALM
    )
    try:
        for _ in range(2):
            with pytest.raises(faults.BackendRefused) as refused:
                await asking.ask([questions.QUERY], at=questions.NOW)
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
    async with questions.client(backend.url) as asking:
        with pytest.raises(faults.BackendDown) as down:
            await asking.ask([questions.QUERY], at=questions.NOW)
    assert questions.says_nothing_of_the_backend(down.value, backend.url)


async def test_after_a_failure_the_next_question_is_asked_anew(
    backend: fake_prometheus.FakePrometheus,
) -> None:
    backend.behaviour = fake_prometheus.fixed("no", status=500)
    async with questions.client(backend.url) as asking:
        with pytest.raises(faults.BackendRefused):
            await asking.ask([questions.QUERY], at=questions.NOW)
        backend.behaviour = backend.well
        assert await questions.read(asking, [questions.QUERY]) == [[]]


async def test_closing_what_never_asked_is_no_error() -> None:
    async with questions.client("http://127.0.0.1:1"):
        pass


async def test_victoria_metrics_is_asked_for_now_and_nobody_else_is_sent_what_it_alone_knows(
    backend: fake_prometheus.FakePrometheus,
) -> None:
    reply: list[str] = []
    stats = b""

    async def heard(request: web.Request, query: str) -> web.Response:
        reply.append(str((await request.post()).get("latency_offset")))
        body = b'{"status":"success","data":{"result":[]}' + stats + b"}"
        return web.Response(body=body)

    backend.behaviour = heard
    async with questions.client(backend.url) as asking:
        await asking.ask([questions.QUERY] * 2, at=questions.NOW)
        assert reply == ["None", "None"]
        stats = b',"stats":{"seriesFetched": "0","executionTimeMsec":0}'
        await asking.ask([questions.QUERY], at=questions.NOW)
        await asking.ask([questions.QUERY], at=questions.NOW)
    assert reply == ["None", "None", "None", "1ms", "1ms"]
