"""The graph follows the mesh while a viewer looks at it."""

import copy
from collections.abc import Callable

import pytest

from tests.browser import graph_page
from tests.fakes import traffic_api

Open = Callable[..., graph_page.GraphPage]
pytestmark = pytest.mark.browser

_CART = "frontend → cart"
_TOUCH = 4  # pixels


def test_an_edge_turns_red_within_two_refreshes_and_nothing_moves(
    open_page: Open, fake: traffic_api.FakeTrafficApi
) -> None:
    page = open_page("?refresh=2s&selected=Deployment/shop/cart")
    assert page.wait_for_edge(_CART)["health"] == "healthy"
    page.panel().wait_for()
    page.tab.mouse.move(800, 500)
    page.tab.mouse.wheel(0, -120)
    before = page.camera()
    fake.set_counts(fake.edge("deployment.frontend:deployment.cart"), successes=120, failures=120)
    page.until(lambda: page.edges()[_CART]["health"] == "failing", "the edge is red", patience=4.5)
    page.until(lambda: page.words_on(_CART) == "8rps 19ms ✕ 50%err", "the edge says why")
    assert page.camera() == before
    assert page.panel().inner_text() == "cart", "the selection stays"


def test_a_new_workload_finds_a_place_of_its_own(open_page: Open, fake: traffic_api.FakeTrafficApi) -> None:
    page = open_page()
    page.wait_for_edge(_CART)
    new = copy.deepcopy(fake.metrics[-1])
    new["metadata"]["name"] = "deployment.newcomer"
    new["resource"]["name"] = "newcomer"
    fake.metrics.append(new)
    page.until(lambda: "newcomer" in page.nodes(), "the new workload is drawn")
    assert page.card("newcomer").is_visible()


def test_a_big_mesh_starts_with_its_namespaces_only(
    open_page: Open, fake: traffic_api.FakeTrafficApi
) -> None:
    for number in range(320):
        item = copy.deepcopy(fake.metrics[-1])
        item["resource"] = {"kind": "Deployment", "namespace": f"team-{number % 5}", "name": f"app-{number}"}
        fake.metrics.append(item)
    page = open_page("?window=15m&refresh=2s")
    page.until(lambda: "team-3" in page.nodes(), "the namespaces are drawn")
    assert len(page.nodes()) == 8
    page.tab.mouse.click(*page.place_of("team-3"))
    page.tab.get_by_role("button", name="Show only this namespace").click()
    page.until(lambda: len(page.nodes()) == 64, "the namespace is open")
    assert "ns=team-3" in page.tab.url


def test_no_line_runs_behind_a_card(open_page: Open, fake: traffic_api.FakeTrafficApi) -> None:
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
    """One more edge, with the figures of another one."""
    edge = copy.deepcopy(fake.edge(like))
    edge["metadata"]["name"] = f"{caller}:{callee}"
    described = {item["metadata"]["name"]: item["resource"] for item in fake.metrics}
    edge["resource"], edge["edge"]["resource"] = described[caller], described[callee]
    edge["metadata"]["namespace"] = edge["resource"]["namespace"]
    fake.edges.append(edge)


def _hidden(page: graph_page.GraphPage) -> list[tuple[str, str]]:
    """Each edge with a card in front of it. An edge may touch the cards at its ends, but not pass them."""
    cards = page.cards().items()
    return [
        (edge, card)
        for edge, points in page.lines().items()
        for card, (left, top, right, bottom) in cards
        for touch in (_TOUCH if card in edge.split(" → ") else 0,)
        if any(left + touch < x < right - touch and top + touch < y < bottom - touch for x, y in points)
    ]
