"""The live graph, seen with the eyes of a viewer."""

import copy
import itertools
from collections.abc import Callable

import pytest

from tests.browser import graph_page
from tests.fakes import traffic_api

Open = Callable[..., graph_page.GraphPage]
pytestmark = pytest.mark.browser

_PAYMENTS = "checkout → payments"
_CART = "frontend → cart"


def test_the_graph_shows_who_calls_whom_and_how_well(open_page: Open) -> None:
    page = open_page()
    page.wait_for_edge(_CART)
    assert len(page.edges()) == 15
    assert len(page.nodes()) == 14
    assert page.words_on(_CART) == "8rps · 19ms"
    assert page.words_on(_PAYMENTS) == "4rps · 90ms ✕ 12%err"
    assert "idle" in page.card("wishlist").inner_text()
    assert page.tab.title() == "TrafficMetrics"
    page.until(lambda: "s old" in page.tab.locator("#freshness").inner_text(), "the age of the data is told")
    page.screenshot("graph-light")


def test_words_do_not_cover_each_other(open_page: Open) -> None:
    page = open_page()
    page.wait_for_edge(_CART)
    words = page.boxes(".tm-card, .tm-tag")
    assert len(words) == 14 + 15
    for one, other in itertools.combinations(words, 2):
        apart = (
            one["x"] + one["width"] <= other["x"]
            or other["x"] + other["width"] <= one["x"]
            or one["y"] + one["height"] <= other["y"]
            or other["y"] + other["height"] <= one["y"]
        )
        assert apart, (one, other)


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
    page.until(lambda: page.words_on(_CART) == "8rps · 19ms ✕ 50%err", "the edge says why")
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


def test_a_click_on_a_node_tells_its_figures_callers_and_callees(open_page: Open) -> None:
    page = open_page()
    page.wait_for_edge(_CART)
    page.tab.mouse.click(*page.place_of("checkout"))
    page.panel().get_by_text("checkout", exact=True).wait_for()
    panel = page.tab.locator(".tm-panel")
    page.until(lambda: "98.33%" in panel.inner_text(), "the figures are told")
    for peer in ("frontend", "payments", "billing-vm"):
        panel.get_by_role("gridcell", name=peer, exact=True).wait_for()
    page.screenshot("panel-light")
    panel.get_by_role("gridcell", name="payments", exact=True).click()
    page.panel().get_by_text("payments", exact=True).wait_for()


def test_a_click_on_an_edge_tells_of_both_ends(open_page: Open) -> None:
    page = open_page()
    edge = page.wait_for_edge(_PAYMENTS)
    page.tab.locator(f'.tm-tag[data-id="{edge["id"]}"]').click()
    page.panel().get_by_text("checkout → payments", exact=True).wait_for()
    page.tab.get_by_text("All callers of payments (1)").wait_for()


def test_the_graph_can_be_used_with_the_keyboard_alone(open_page: Open) -> None:
    page = open_page()
    page.wait_for_edge(_CART)
    card = page.card("payments")
    card.focus()
    page.tab.keyboard.press("Enter")
    page.panel().get_by_text("payments", exact=True).wait_for()
    assert card.get_attribute("aria-label") == (
        "payments, Deployment in shop, failing, 4 requests per second, 88.33% success, P99 88ms"
    )


def test_find_and_search_dim_the_rest(open_page: Open) -> None:
    page = open_page("?refresh=2s&find=failing")
    page.wait_for_edge(_CART)
    page.until(
        lambda: page.tab.locator(".tm-card.tm-faded").count() == 10, "all but the failing parts are dim"
    )
    page.choose("Find", "All")
    page.until(lambda: page.tab.locator(".tm-faded").count() == 0, "nothing is dim")
    page.tab.get_by_label("Search").fill("catalog")
    page.until(lambda: page.tab.locator(".tm-card.tm-faded").count() == 12, "all but the catalogs are dim")


def test_the_same_graph_is_a_table_for_those_who_prefer_one(open_page: Open) -> None:
    page = open_page("?view=table")
    grid = page.tab.locator("#edges-table")
    grid.get_by_role("gridcell", name="shop/payments", exact=True).first.wait_for()
    assert grid.get_by_role("row").count() == 16, "a heading and fifteen edges"
    page.tab.locator("#nodes-table").get_by_role("gridcell", name="✕ Failing").first.wait_for()
    page.screenshot("table-light")


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
