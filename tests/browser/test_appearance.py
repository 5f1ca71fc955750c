"""Light and dark, and usable by everyone."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser import graph_page

Open = Callable[..., graph_page.GraphPage]
pytestmark = pytest.mark.browser


def _scheme(page: graph_page.GraphPage) -> str | None:
    return page.tab.locator("html").get_attribute("data-mantine-color-scheme")


def test_dark_follows_the_system_and_the_choice_is_remembered(open_page: Open) -> None:
    page = open_page(scheme="dark")
    page.wait_for_edge("frontend → cart")
    assert _scheme(page) == "dark"
    page.screenshot("graph-dark")
    page.tab.get_by_role("button", name="Switch between light and dark").click()
    page.until(lambda: _scheme(page) == "light", "the page is light")
    page.tab.reload()
    page.wait_for_edge("frontend → cart")
    assert _scheme(page) == "light"
    page.tab.evaluate("() => localStorage.clear()")


_PANEL = "?selected=Deployment/shop/checkout"


@pytest.mark.parametrize("query", [_PANEL, "?view=table&ns=data"])
def test_no_serious_obstacle_for_anyone(calm_page: graph_page.GraphPage, query: str) -> None:
    calm_page.go(query)
    assert _serious_obstacles(calm_page) == []


def test_no_serious_obstacle_in_the_dark(open_page: Open) -> None:
    assert _serious_obstacles(open_page(_PANEL, scheme="dark")) == []


def _serious_obstacles(page: graph_page.GraphPage) -> list[tuple[str, list[str]]]:
    page.tab.get_by_role("gridcell").first.wait_for()
    violations = Axe().run(page.tab, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        (found["id"], [node["html"][:200] for node in found["nodes"]][:4])
        for found in violations
        if found["impact"] in ("serious", "critical")
    ]
