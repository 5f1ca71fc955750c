"""In a cluster every viewer signs in, and sees what the API permits, and none of the other viewers' data."""

import pathlib
from collections.abc import Callable, Iterator
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright import sync_api

from tests.browser import dashboard_process, graph_page
from tests.fakes import traffic_api

pytestmark = pytest.mark.browser
_SHOP, _ALL = "a-token-for-the-shop", "a-token-for-all"
_FIRST_LOAD_S = 90.0
SignIn = Callable[..., graph_page.GraphPage]


@pytest.fixture(scope="module")
def _site(_api: traffic_api.FakeTrafficApi, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    authority = _api.authority(tmp_path_factory.mktemp("authority") / "ca.crt")
    with dashboard_process.serve_each(_api.url, authority=pathlib.Path(authority)) as address:
        yield address


@pytest.fixture
def visit(chromium: sync_api.Browser, fake: traffic_api.FakeTrafficApi, _site: str) -> Iterator[SignIn]:
    """Open a separate browser for each viewer, so that no cookies are shared."""
    fake.viewers = {
        _SHOP: traffic_api.Viewer("ann", frozenset({"shop"})),
        _ALL: traffic_api.Viewer("bob"),
    }
    profiles: list[sync_api.BrowserContext] = []
    pages: list[graph_page.GraphPage] = []

    def visit_(
        query: str = "", *, scheme: Literal["light", "dark"] = "light", width: int = 1600
    ) -> graph_page.GraphPage:
        profiles.append(chromium.new_context(viewport={"width": width, "height": 1000}, color_scheme=scheme))
        pages.append(graph_page.GraphPage(profiles[-1].new_page(), _site))
        pages[-1].tab.set_default_timeout(_FIRST_LOAD_S * 1000)
        pages[-1].open(query)
        return pages[-1]

    yield visit_
    bodies = [body for page in pages for body in page.guard.bodies()]
    foreign = [address for page in pages for address in page.guard.foreign]
    for profile in profiles:
        profile.close()
    assert foreign == []
    assert bodies
    assert not any(token in body for body in bodies for token in (_SHOP, _ALL))


def _drawn(page: graph_page.GraphPage, edge: str) -> None:
    """A new browser has no scripts of the page in its cache."""
    page.wait_for_edge(edge, patience=_FIRST_LOAD_S)


def _sign_in(page: graph_page.GraphPage, token: str) -> None:
    page.tab.get_by_label("Kubernetes token").fill(token)
    page.tab.get_by_role("button", name="Sign in").click()


def test_two_viewers_with_different_rights_see_different_graphs_at_once(visit: SignIn) -> None:
    bob = visit("?refresh=2s")
    _sign_in(bob, _ALL)
    _drawn(bob, "cart → db")
    ann = visit("?refresh=2s")
    _sign_in(ann, _SHOP)
    ann.notice().get_by_text('User "ann" cannot list resource').wait_for()
    assert ann.nodes() == {}
    ann.screenshot("viewer-refused")
    ann.tab.get_by_label("A namespace you may read").fill("shop")
    ann.tab.get_by_label("A namespace you may read").press("Enter")
    _drawn(ann, "frontend → cart")
    assert "ns=shop" in ann.tab.url
    assert "report" in bob.nodes()
    assert "report" not in ann.nodes(), "what runs and calls in data alone is nothing to see for ann"
    ann.screenshot("viewer-ann")
    bob.screenshot("viewer-bob")
    assert ann.guard.errors == []
    assert bob.guard.errors == []


def test_a_wrong_token_is_said_in_words_and_does_not_come_back(visit: SignIn) -> None:
    page = visit()
    _sign_in(page, "not-a-token-of-anyone")
    page.tab.get_by_text("The API does not accept this token").wait_for()
    assert page.tab.get_by_label("Kubernetes token").input_value() == ""
    page.screenshot("login-wrong")


def test_a_token_that_ends_leads_back_to_the_login_with_the_view_kept(
    visit: SignIn, fake: traffic_api.FakeTrafficApi
) -> None:
    page = visit("?refresh=2s&ns=shop")
    _sign_in(page, _SHOP)
    _drawn(page, "frontend → cart")
    fake.viewers = {"a-newer-token": traffic_api.Viewer("ann", frozenset({"shop"}))}
    page.tab.get_by_text("The API does not accept your token any more").wait_for()
    page.screenshot("login-ended")
    _sign_in(page, "a-newer-token")
    _drawn(page, "frontend → cart")
    assert "ns=shop" in page.tab.url


def test_whoever_signs_out_is_out(visit: SignIn) -> None:
    page = visit("?ns=shop")
    _sign_in(page, _SHOP)
    _drawn(page, "frontend → cart")
    page.tab.get_by_text("ann", exact=True).wait_for()
    assert page.tab.evaluate("() => document.cookie") == "", "no script sees the session"
    page.tab.get_by_role("button", name="Sign out").click()
    page.tab.get_by_text("You are signed out").wait_for()
    assert page.tab.context.cookies() == []
    page.open()
    page.tab.get_by_label("Kubernetes token").wait_for()


@pytest.mark.parametrize("width", [1600, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_login_is_no_obstacle_for_anyone(
    visit: SignIn, scheme: Literal["light", "dark"], width: int
) -> None:
    page = visit("?ns=shop", scheme=scheme, width=width)
    page.tab.get_by_label("Kubernetes token").wait_for()
    assert page.tab.locator("html").get_attribute("data-mantine-color-scheme") == scheme
    assert page.tab.evaluate("() => document.documentElement.scrollWidth") <= width
    page.screenshot(f"login-{scheme}-{width}")
    assert Axe().run(page.tab).response["violations"] == []
    assert page.guard.errors == []


def test_a_phone_helps_a_viewer_of_one_namespace_too(visit: SignIn) -> None:
    page = visit("?refresh=2s", width=390)
    _sign_in(page, _SHOP)
    page.tab.get_by_label("A namespace you may read").wait_for()
    page.screenshot("viewer-refused-phone")
    assert page.tab.evaluate("() => document.documentElement.scrollWidth") <= 390
    page.tab.get_by_label("A namespace you may read").fill("shop")
    page.tab.get_by_role("button", name="Show namespace").click()
    _drawn(page, "frontend → cart")
