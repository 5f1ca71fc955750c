"""The graph follows the mesh while a viewer looks at it."""

import copy
from collections.abc import Callable

import pytest

from tests.browser import graph_page
from tests.fakes import traffic_api

Open = Callable[..., graph_page.GraphPage]
pytestmark = pytest.mark.browser

_CART = "frontend → cart"


def test_no_line_runs_behind_a_card_that_is_not_its_end(
    open_page: Open, fake: traffic_api.FakeTrafficApi
) -> None:
    _call(fake, "job.report", "deployment.catalog-v1", like="job.report:statefulset.db")
    _call(fake, "deployment.checkout", "deployment.cart", like="deployment.checkout:deployment.payments")
    _call(fake, "deployment.frontend", "deployment.payments", like="deployment.frontend:deployment.cart")
    _call(fake, "deployment.gateway", "deployment.payments", like="deployment.frontend:deployment.cart")
    _call(fake, "deployment.payments", "deployment.frontend", like="deployment.frontend:deployment.cart")
    page = open_page("?window=15m&refresh=2s")
    page.wait_for_edge("payments → frontend")
    assert _hidden(page) == []
    page.screenshot("detours-light")


def test_lines_give_way_to_a_card_that_is_dragged_among_them(open_page: Open) -> None:
    page = open_page()
    page.wait_for_edge(_CART)
    before = page.lines()
    page.tab.mouse.move(*page.place_of("wishlist"))
    page.tab.mouse.down()
    words = page.tab.locator(f'.tm-tag[data-id="{page.edges()["catalog-v1 → db"]["id"]}"]').bounding_box()
    assert words is not None
    page.tab.mouse.move(words["x"], words["y"], steps=4)
    page.tab.mouse.up()
    page.until(lambda: page.lines() != before, "a line has another course")
    page.until(lambda: _hidden(page) == [], "no line is behind a card")


def _call(fake: traffic_api.FakeTrafficApi, caller: str, callee: str, *, like: str) -> None:
    """One edge more, with the figures of another one."""
    edge = copy.deepcopy(fake.edge(like))
    edge["metadata"]["name"] = f"{caller}:{callee}"
    described = {item["metadata"]["name"]: item["resource"] for item in fake.metrics}
    edge["resource"], edge["edge"]["resource"] = described[caller], described[callee]
    edge["metadata"]["namespace"] = edge["resource"]["namespace"]
    fake.edges.append(edge)


def _hidden(page: graph_page.GraphPage) -> list[tuple[str, str]]:
    """Each edge with a card that is in front of it and not one of its ends."""
    cards = page.cards().items()
    return [
        (edge, card)
        for edge, points in page.lines().items()
        for card, (left, top, right, bottom) in cards
        if card not in edge.split(" → ") and any(left < x < right and top < y < bottom for x, y in points)
    ]
