"""The graph as a viewer sees it."""

import itertools

import pytest

from tests.browser import graph_page

pytestmark = pytest.mark.browser

_PAYMENTS = "checkout → payments"
_CART = "frontend → cart"


def test_the_graph_shows_who_calls_whom_and_how_well(calm_page: graph_page.GraphPage) -> None:
    page = calm_page
    assert len(page.edges()) == 15
    assert len(page.nodes()) == 14
    assert page.words_on(_CART) == "8rps 19ms"
    assert page.words_on(_PAYMENTS) == "4rps 90ms ✕ 12%err"
    assert "idle" in page.card("wishlist").inner_text()
    assert page.tab.title() == "TrafficMetrics"
    page.until(lambda: "s old" in page.tab.locator("#freshness").inner_text(), "the age of the data is told")
    page.screenshot("graph-light")


def test_words_do_not_cover_each_other(calm_page: graph_page.GraphPage) -> None:
    page = calm_page
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


def test_a_click_on_a_node_tells_its_figures_callers_and_callees(calm_page: graph_page.GraphPage) -> None:
    page = calm_page
    page.tab.mouse.click(*page.place_of("checkout"))
    page.panel().get_by_text("checkout", exact=True).wait_for()
    panel = page.tab.locator(".tm-panel")
    page.until(lambda: "98.33%" in panel.inner_text(), "the figures are told")
    for peer in ("frontend", "payments", "billing-vm"):
        panel.get_by_role("gridcell", name=peer, exact=True).wait_for()
    page.screenshot("panel-light")
    panel.get_by_role("gridcell", name="payments", exact=True).click()
    page.panel().get_by_text("payments", exact=True).wait_for()


def test_a_click_on_an_edge_tells_of_both_ends(calm_page: graph_page.GraphPage) -> None:
    page = calm_page
    edge = page.wait_for_edge(_PAYMENTS)
    page.tab.locator(f'.tm-tag[data-id="{edge["id"]}"]').click()
    page.panel().get_by_text("checkout → payments", exact=True).wait_for()
    page.tab.get_by_text("All callers of payments (1)").wait_for()


def test_the_graph_can_be_used_with_the_keyboard_alone(calm_page: graph_page.GraphPage) -> None:
    page = calm_page
    card = page.card("payments")
    card.focus()
    page.tab.keyboard.press("Enter")
    page.panel().get_by_text("payments", exact=True).wait_for()
    assert card.get_attribute("aria-label") == (
        "payments, Deployment in shop, failing, 4 requests per second, 88.33% success, P99 88ms"
    )


def test_find_and_search_dim_the_rest(calm_page: graph_page.GraphPage) -> None:
    page = calm_page
    page.go("?refresh=2s&find=failing")
    page.until(
        lambda: page.tab.locator(".tm-card.tm-faded").count() == 10, "all but the failing parts are dim"
    )
    page.choose("Find", "All")
    page.until(lambda: page.tab.locator(".tm-faded").count() == 0, "nothing is dim")
    page.tab.get_by_label("Search").fill("catalog")
    page.until(lambda: page.tab.locator(".tm-card.tm-faded").count() == 12, "all but the catalogs are dim")


def test_the_same_graph_is_a_table_for_those_who_prefer_one(
    calm_page: graph_page.GraphPage,
) -> None:
    page = calm_page
    page.go("?view=table")
    grid = page.tab.locator("#edges-table")
    grid.get_by_role("gridcell", name="shop/payments", exact=True).first.wait_for()
    assert grid.get_by_role("row").count() == 16, "a heading and fifteen edges"
    page.tab.locator("#nodes-table").get_by_role("gridcell", name="✕ Failing").first.wait_for()
    page.screenshot("table-light")
