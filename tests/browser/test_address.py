"""The address contains the view: it can be shared, reloaded and visited again."""

from collections.abc import Callable

import pytest

from tests.browser import graph_page

Open = Callable[..., graph_page.GraphPage]
pytestmark = pytest.mark.browser


def test_what_a_viewer_chose_survives_a_reload(open_page: Open) -> None:
    page = open_page()
    page.wait_for_edge("frontend → cart")
    page.choose("Window", "1m")
    page.until(lambda: "window=1m" in page.tab.url, "the window is in the address")
    page.tab.mouse.click(*page.place_of("checkout"))
    page.until(lambda: "selected=Deployment/shop/checkout" in page.tab.url, "the selection is in the address")
    page.tab.reload()
    page.panel().get_by_text("checkout", exact=True).wait_for()
    assert page.tab.get_by_role("radio", name="1m", exact=True).is_checked()
    page.until(lambda: "window 1m" in page.tab.locator("#freshness").inner_text(), "the window is used")


def test_the_back_button_goes_back(open_page: Open) -> None:
    page = open_page()
    page.wait_for_edge("frontend → cart")
    page.choose("Window", "5m")
    page.until(lambda: "window=5m" in page.tab.url, "the window is in the address")
    page.choose("Show", "Services")
    page.until(lambda: "kind=services" in page.tab.url, "the kind is in the address")
    page.tab.go_back()
    page.until(lambda: page.tab.get_by_role("radio", name="Workloads").is_checked(), "the kind is as before")
    page.until(
        lambda: page.tab.get_by_role("radio", name="5m", exact=True).is_checked(), "the window is as it was"
    )
    page.wait_for_edge("frontend → cart")


def test_a_shared_address_opens_on_the_same_view(open_page: Open) -> None:
    page = open_page("?ns=data&window=1m&refresh=pause")
    page.wait_for_edge("cart → db")
    assert "frontend" not in page.nodes()
    assert page.tab.locator(".mantine-TagsInput-pill").all_inner_texts() == ["data"]
    assert page.tab.get_by_role("radio", name="Pause").is_checked()
