import logging

import pytest

from apiservice.http import errors
from apiservice.observe import health
from tests.apiservice import asking


async def fails() -> None:
    raise RuntimeError("no answer from 10.0.0.1")


async def passes() -> None:
    pass


LIVE = health.Check(name="loop", probe=passes)
READY = health.Check(name="warm", probe=fails)


@pytest.fixture
def checks() -> health.HealthChecks:
    return health.HealthChecks(live=[LIVE], ready=[READY])


async def get(checks: health.HealthChecks, url: str) -> asking.Reply:
    return asking.Reply(await checks.answer(asking.incoming(url)))


@pytest.mark.parametrize(
    "path", ["/healthz", "/livez", "/livez/", "/livez/loop", "/readyz/ping", "/readyz/shutdown"]
)
async def test_what_is_well_says_ok(checks: health.HealthChecks, path: str) -> None:
    reply = await get(checks, path)
    assert (reply.status, reply.text, reply.answer.content_type) == (200, "ok", "text/plain; charset=utf-8")


async def test_a_failure_is_named_and_its_reason_only_logged(
    checks: health.HealthChecks, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    reply = await get(checks, "/readyz")
    assert reply.status == 500
    assert reply.text.splitlines() == [
        "[+]ping ok",
        "[+]loop ok",
        "[-]warm failed: reason withheld",
        "[+]shutdown ok",
        "readyz check failed",
    ]
    assert caplog.messages == ["health check warm failed: no answer from 10.0.0.1"]


async def test_verbose_lists_what_passes(checks: health.HealthChecks) -> None:
    reply = await get(checks, "/livez?verbose")
    assert reply.text == "[+]ping ok\n[+]loop ok\nlivez check passed\n"


async def test_a_check_can_be_left_out(checks: health.HealthChecks) -> None:
    assert (await get(checks, "/readyz?exclude=warm")).text == "ok"
    reply = await get(checks, "/readyz?verbose&exclude=warm,wram")
    assert reply.status == 200
    assert "[+]warm excluded: ok" in reply.text
    assert "no matches for wram" in reply.text


async def test_one_check_can_be_asked_alone(checks: health.HealthChecks) -> None:
    assert (await get(checks, "/readyz/warm")).status == 500
    with pytest.raises(errors.NotFound, match='no health check "warm" of /livez'):
        await get(checks, "/livez/warm")


async def test_a_server_that_stops_is_alive_and_not_ready() -> None:
    checks = health.HealthChecks()
    assert (await get(checks, "/readyz")).status == 200
    checks.stop()
    assert (await get(checks, "/readyz")).status == 500
    assert (await get(checks, "/livez")).status == 200


async def test_health_is_shown_to_every_client(toy: asking.Toy) -> None:
    assert (await toy.ask("/readyz", token=None)).status == 200
    assert (await toy.ask("/livez/ping", token="wrong")).status == 200
    assert (await toy.ask("/livezoo", token=None)).status == 401


async def test_health_can_only_be_read(toy: asking.Toy) -> None:
    assert (await toy.ask("/readyz", method="POST")).status == 405
