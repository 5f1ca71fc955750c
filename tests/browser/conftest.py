"""A Chromium, the real dashboard, and the fake API behind it."""

import functools
import os
import pathlib
import shutil
from collections.abc import Callable, Iterator
from typing import Literal

import pytest
from playwright import sync_api

from tests.browser import dashboard_process, graph_page
from tests.fakes import traffic_api

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
_CALM = "?refresh=2s"
Open = Callable[..., graph_page.GraphPage]
Scheme = Literal["light", "dark"]


def chromium_path() -> str:
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if not found:
        pytest.fail("These tests need Chromium: apt-get install chromium, or set CHROMIUM to its path.")
    return found


@pytest.fixture(scope="package")
def chromium() -> Iterator[sync_api.Browser]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def _api() -> Iterator[traffic_api.FakeTrafficApi]:
    with traffic_api.FakeTrafficApi() as fake:
        fake.live = True
        yield fake


@pytest.fixture(scope="package")
def _address(_api: traffic_api.FakeTrafficApi, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    path: pathlib.Path = _api.kubeconfig(tmp_path_factory.mktemp("api") / "config")
    with dashboard_process.serve(path) as address:
        yield address


@pytest.fixture
def fake(_api: traffic_api.FakeTrafficApi) -> traffic_api.FakeTrafficApi:
    """The API behind the dashboard, in its initial state."""
    _api.reset()
    return _api


@pytest.fixture(scope="package")
def _profiles(chromium: sync_api.Browser) -> Callable[[Scheme], sync_api.BrowserContext]:
    """One viewer for each colour scheme, whose cache keeps the page's scripts from test to test."""

    @functools.cache
    def profile(scheme: Scheme) -> sync_api.BrowserContext:
        return chromium.new_context(viewport={"width": 1600, "height": 1000}, color_scheme=scheme)

    return profile


@pytest.fixture
def open_page(
    _profiles: Callable[[Scheme], sync_api.BrowserContext], fake: traffic_api.FakeTrafficApi, _address: str
) -> Iterator[Open]:
    """Opens tabs on the dashboard. At the end it checks that none logged an error, loaded a foreign address
    or got the token.
    """
    opened: list[graph_page.GraphPage] = []

    def open_(query: str = "?refresh=2s", *, scheme: Scheme = "light") -> graph_page.GraphPage:
        page = graph_page.GraphPage(_profiles(scheme).new_page(), _address)
        opened.append(page)
        page.open(query)
        return page

    yield open_
    for page in opened:
        _close(page, token=fake.token)


@pytest.fixture(scope="module")
def _shared_page(
    _profiles: Callable[[Scheme], sync_api.BrowserContext], _api: traffic_api.FakeTrafficApi, _address: str
) -> Iterator[graph_page.GraphPage]:
    _api.reset()
    page = graph_page.GraphPage(_profiles("light").new_page(), _address)
    page.open(_CALM)
    page.wait_for_edge("frontend → cart")
    yield page
    _close(page, token=_api.token)


@pytest.fixture
def calm_page(_shared_page: graph_page.GraphPage, fake: traffic_api.FakeTrafficApi) -> graph_page.GraphPage:
    """A light tab on the golden mesh, shared by the tests of a module: a page takes seconds to load."""
    page = _shared_page
    page.go(_CALM)
    page.wait_for_edge("frontend → cart")
    page.notice().wait_for(state="hidden")
    page.until(lambda: page.tab.locator(".tm-faded").count() == 0, "nothing is dim")
    page.tab.get_by_role("button", name="Close the panel").wait_for(state="hidden")
    page.tab.get_by_role("button", name="Show the whole graph").click()
    return page


def _close(page: graph_page.GraphPage, *, token: str) -> None:
    bodies = page.guard.bodies()
    page.tab.close()
    assert page.guard.errors == []
    assert page.guard.foreign == []
    assert bodies
    assert not any(token in body for body in bodies)
