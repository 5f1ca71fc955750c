import asyncio

from tests.apiservice import asking

SUBJECT = {"group": "fruits.example.com", "version": "v1", "resource": "fruits", "subresource": ""}
NONE = dict.fromkeys(SUBJECT, "")


def count(toy: asking.Toy, **labels: str) -> float | None:
    return toy.registry.get_sample_value("apiserver_request_total", labels)


async def test_requests_are_counted_by_verb_resource_and_code(toy: asking.Toy) -> None:
    await toy.read("fruits")
    await toy.read("namespaces/north/fruits/apple")
    await toy.read("namespaces/north/fruits/kiwi")
    await toy.read("namespaces/north/fruits/kiwi/pips")
    assert count(toy, verb="list", code="200", **SUBJECT) == 1
    assert count(toy, verb="get", code="200", **SUBJECT) == 1
    assert count(toy, verb="get", code="404", **SUBJECT) == 1
    assert count(toy, verb="get", code="200", **{**SUBJECT, "subresource": "pips"}) == 1
    durations = toy.registry.get_sample_value(
        "apiserver_request_duration_seconds_count", {"verb": "get", **SUBJECT}
    )
    assert durations == 2


async def test_what_clients_make_up_becomes_no_time_series(toy: asking.Toy) -> None:
    for number in range(5):
        await toy.ask(f"/apis/made.up{number}/v1/things", method=f"MADE{number}")
        await toy.ask(f"/made/up/{number}", method=f"MADE{number}")
    assert count(toy, verb="other", code="404", **NONE) == 10
    assert b"made" not in (await toy.ask("/metrics")).answer.body


async def test_a_request_in_flight_is_seen_until_it_is_answered(toy: asking.Toy) -> None:
    def in_flight() -> float | None:
        return toy.registry.get_sample_value("apiserver_current_inflight_requests")

    hanging = asyncio.ensure_future(toy.read("crates/slow?timeout=2s"))
    await toy.orchard.hanging.wait()
    assert in_flight() == 1
    hanging.cancel()
    await asyncio.wait([hanging])
    assert in_flight() == 0


async def test_metrics_are_shown_in_the_format_the_scraper_asks_for(toy: asking.Toy) -> None:
    await toy.read("fruits")
    plain = await toy.ask("/metrics")
    assert plain.answer.content_type.startswith("text/plain")
    assert 'apiserver_request_total{code="200",' in plain.text
    modern = await toy.ask("/metrics", accept="application/openmetrics-text; version=1.0.0")
    assert modern.answer.content_type.startswith("application/openmetrics-text")
    assert modern.text.endswith("# EOF\n")
