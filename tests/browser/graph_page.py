"""The page as a viewer uses it, and a guard over what the browser loads.

It reads only the page and not the API behind it, so that the same helpers serve a test against a real mesh.
"""

import contextlib
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


class Guard:
    """Records the errors and the foreign requests of the browser."""

    def __init__(self, page: sync_api.Page, *, host: str) -> None:
        self.errors: list[str] = []
        self.foreign: list[str] = []
        self._host = host
        self._responses: list[sync_api.Response] = []
        page.on("console", self._console)
        page.on("pageerror", self._page_error)
        page.on("request", self._request)
        page.on("response", self._response)

    def bodies(self) -> list[str]:
        """The text of the page and of the figures that it received, as far as the browser still has them."""
        reply = []
        for response in self._responses:
            if response.ok and "/_dash-component-suites/" not in response.url:
                # A browser discards earlier responses when it reloads.
                with contextlib.suppress(sync_api.Error):
                    reply.append(response.text())
        return reply

    def _response(self, response: sync_api.Response) -> None:
        self._responses.append(response)

    def _page_error(self, error: sync_api.Error) -> None:
        self.errors.append(str(error))

    def _console(self, message: sync_api.ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def _request(self, request: sync_api.Request) -> None:
        address = urllib.parse.urlsplit(request.url)
        if address.scheme in ("http", "https", "ws", "wss") and address.netloc != self._host:
            self.foreign.append(request.url)


class GraphPage:
    """One browser tab on a dashboard."""

    def __init__(self, tab: sync_api.Page, address: str) -> None:
        self.tab = tab
        self._address = address
        self.guard = Guard(tab, host=urllib.parse.urlsplit(address).netloc)

    def open(self, query: str = "") -> None:
        self.tab.goto(self._address + query)

    def go(self, query: str = "") -> None:
        """Go to another view without loading the page again, as the back button does."""
        self.tab.evaluate(
            "query => { history.pushState({}, '', query); dispatchEvent(new PopStateEvent('popstate')); }",
            query,
        )

    def until(self, condition: Callable[[], Any], what: str, *, patience: float = _PATIENCE_S) -> Any:
        """Return the first truthy value of `condition`; fails with `what`, which names what was awaited."""
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

    def wait_for_edge(self, name: str, *, patience: float = _PATIENCE_S) -> dict[str, Any]:
        edge: dict[str, Any] = self.until(
            lambda: self.edges().get(name), f"the edge {name} is drawn", patience=patience
        )
        return edge

    def camera(self) -> dict[str, Any]:
        """The position of every node, and the visible part of the graph."""
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

    def lines(self) -> dict[str, list[tuple[float, float]]]:
        """Points along every edge as Cytoscape draws it, by its name; in the graph's own pixels."""
        found: dict[str, list[tuple[float, float]]] = json.loads(
            self.tab.evaluate(
                f"""() => JSON.stringify(Object.fromEntries({_CY}.edges().map(edge => {{
                    const controls = edge.controlPoints() || [];
                    const ends = [edge.sourceEndpoint(), edge.targetEndpoint()];
                    const middle = (a, b, t) => ({{x: a.x + (b.x - a.x) * t, y: a.y + (b.y - a.y) * t}});
                    const joints = controls.slice(1).map((c, i) => middle(controls[i], c, 0.5));
                    const stops = [ends[0], ...joints, ends[1]];
                    const shares = Array.from({{length: 26}}, (_, step) => step / 25);
                    const points = stops.slice(1).flatMap((to, i) => shares.map(t => {{
                        const control = controls[i] || middle(stops[i], to, 0.5);
                        return middle(middle(stops[i], control, t), middle(control, to, t), t);
                    }}));
                    return [edge.data("name"), points.map(({{x, y}}) => [x, y])];
                }})))"""
            )
        )
        return found

    def cards(self) -> dict[str, tuple[float, float, float, float]]:
        """Left, top, right and bottom of every node, by its name, in the graph's own pixels."""
        found: dict[str, tuple[float, float, float, float]] = json.loads(
            self.tab.evaluate(
                f"""() => JSON.stringify(Object.fromEntries({_CY}.nodes("[!box]").map(node => {{
                    const {{x, y}} = node.position();
                    const [w, h] = [node.width() / 2, node.height() / 2];
                    return [node.data("name"), [x - w, y - h, x + w, y + h]];
                }})))"""
            )
        )
        return found

    def boxes(self, selector: str) -> list[dict[str, Any]]:
        """The position and the text of the elements on the screen."""
        found: list[dict[str, Any]] = self.tab.locator(selector).evaluate_all(
            "all => all.map(one => ({...one.getBoundingClientRect().toJSON(), text: one.innerText}))"
        )
        return found

    def card(self, node: str) -> sync_api.Locator:
        return self.tab.locator(".tm-card").filter(has=self.tab.get_by_text(node, exact=True))

    def words_on(self, edge: str) -> str:
        """The text on an edge, in one line."""
        identity = self.edges()[edge]["id"]
        return " ".join(self.tab.locator(f'.tm-tag[data-id="{identity}"]').inner_text().split())

    def panel(self) -> sync_api.Locator:
        return self.tab.locator(".tm-panel-name")

    def notice(self) -> sync_api.Locator:
        return self.tab.locator("#notice")

    def choose(self, label: str, option: str) -> None:
        self.tab.get_by_role("radiogroup", name=label).get_by_text(option, exact=True).click()

    def screenshot(self, name: str) -> None:
        """Save a screenshot to the directory TRAFFIC_ARTIFACTS, for people to look at."""
        self.tab.screenshot(path=_ARTIFACTS / f"{name}.png")

    def _elements(self, collection: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(
            self.tab.evaluate(
                f"() => JSON.stringify({_CY} ? {_CY}.{collection}.map(element => element.data()) : [])"
            )
        )
        return found
