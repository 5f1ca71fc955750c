"""The page as a viewer uses it, and a guard over what the browser loads meanwhile.

It knows the page and nothing of the API behind it, so that the same helpers serve a test against a real mesh.
"""

import contextlib
import dataclasses
import json
import os
import pathlib
import time
import urllib.parse
from collections.abc import Callable
from typing import Any

from playwright import sync_api

_PATIENCE_S = 12.0
_STEP_S = 0.05
_ARTIFACTS = pathlib.Path(os.environ.get("TRAFFIC_ARTIFACTS", ".artifacts"))

_CY = "document.getElementById('graph')?._cyreg?.cy"


@dataclasses.dataclass(slots=True)
class Guard:
    """What went wrong in the browser while nobody looked."""

    host: str
    errors: list[str] = dataclasses.field(default_factory=list)
    foreign: list[str] = dataclasses.field(default_factory=list)
    responses: list[sync_api.Response] = dataclasses.field(default_factory=list)

    def watch(self, page: sync_api.Page) -> None:
        page.on("console", lambda message: self._console(message))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self._request(request))
        page.on("response", lambda response: self.responses.append(response))

    def bodies(self) -> list[str]:
        """The text of the page and of the figures it was given, as far as the browser still holds them."""
        told = []
        for response in self.responses:
            if response.ok and "/_dash-component-suites/" not in response.url:
                # A browser forgets what it was given before a reload.
                with contextlib.suppress(sync_api.Error):
                    told.append(response.text())
        return told

    def _console(self, message: sync_api.ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def _request(self, request: sync_api.Request) -> None:
        address = urllib.parse.urlsplit(request.url)
        if address.scheme in ("http", "https", "ws", "wss") and address.netloc != self.host:
            self.foreign.append(request.url)


class GraphPage:
    """One browser tab on a dashboard."""

    def __init__(self, tab: sync_api.Page, address: str) -> None:
        self.tab = tab
        self._address = address
        self.guard = Guard(urllib.parse.urlsplit(address).netloc)
        self.guard.watch(tab)

    def open(self, query: str = "") -> None:
        self.tab.goto(self._address + query)

    def until(self, condition: Callable[[], Any], what: str, *, patience: float = _PATIENCE_S) -> Any:
        """The first truthy answer of `condition`; fails with `what` was waited for."""
        deadline = time.monotonic() + patience
        while True:
            answer = condition()
            if answer:
                return answer
            if time.monotonic() > deadline:
                self.screenshot("failed")
                raise AssertionError(f"waited {patience:.0f} s in vain until {what}; last: {answer!r}")
            self.tab.wait_for_timeout(_STEP_S * 1000)

    def edges(self) -> dict[str, dict[str, Any]]:
        """The data of every edge on the canvas, by its name such as `frontend → cart`."""
        return {data["name"]: data for data in self._elements("edges()")}

    def nodes(self) -> dict[str, dict[str, Any]]:
        return {data["name"]: data for data in self._elements("nodes('[!box]')")}

    def wait_for_edge(self, name: str) -> dict[str, Any]:
        edge: dict[str, Any] = self.until(lambda: self.edges().get(name), f"the edge {name} is drawn")
        return edge

    def camera(self) -> dict[str, Any]:
        """Where every node stands, and what part of the graph is in view."""
        seen: dict[str, Any] = json.loads(
            self.tab.evaluate(
                f"() => JSON.stringify({{zoom: {_CY}.zoom(), pan: {_CY}.pan(), positions:"
                f" Object.fromEntries({_CY}.nodes().map(n => [n.id(), n.position()]))}})"
            )
        )
        return seen

    def place_of(self, node: str) -> tuple[float, float]:
        """The middle of a node's card on the screen."""
        box = self.card(node).bounding_box()
        if box is None:
            raise AssertionError(f"{node} is not visible")
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def card(self, node: str) -> sync_api.Locator:
        return self.tab.locator(".tm-card").filter(has=self.tab.get_by_text(node, exact=True))

    def words_on(self, edge: str) -> str:
        """What is written on an edge, in one line."""
        identity = self.edges()[edge]["id"]
        return " ".join(self.tab.locator(f'.tm-tag[data-id="{identity}"]').inner_text().split())

    def panel(self) -> sync_api.Locator:
        return self.tab.locator(".tm-panel-name")

    def notice(self) -> sync_api.Locator:
        return self.tab.locator("#notice")

    def choose(self, label: str, option: str) -> None:
        self.tab.get_by_role("radiogroup", name=label).get_by_text(option, exact=True).click()

    def screenshot(self, name: str) -> None:
        """Into the directory TRAFFIC_ARTIFACTS, for people to look at."""
        self.tab.screenshot(path=_ARTIFACTS / f"{name}.png")

    def _elements(self, collection: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(
            self.tab.evaluate(
                f"() => JSON.stringify({_CY} ? {_CY}.{collection}.map(element => element.data()) : [])"
            )
        )
        return found
