"""The dashboard in a cluster, read as a browser does: through its Service, signed in with a token."""

import contextlib
import dataclasses
import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp

from demo import blueprint, processes
from demo.pods import reach
from tests.installed import manifests
from tests.installed import site as sites

SERVICE, PORT = blueprint.Name(manifests.NAMESPACE, "trafficmetrics-dashboard"), 8050
Edge = tuple[str, str]
"""Both ends, such as `Deployment/shop/cart`."""


@dataclasses.dataclass(frozen=True, slots=True)
class Page:
    """The page of a visitor, who may not have signed in."""

    http: aiohttp.ClientSession

    async def sign_in(self, token: str) -> int:
        """Return the status; a successful sign-in redirects to the page."""
        form = {"token": token, "next": ""}
        async with self.http.post("/login", data=form, allow_redirects=False) as answer:
            return answer.status

    async def edges(self, query: str = "") -> set[Edge]:
        """Return the edges of the drawn graph, requested as the page's own refresh does."""
        async with self.http.get("/_dash-dependencies") as answer:
            assert answer.status == 200, await answer.text()
            dependencies = await answer.json()
        output = next(one["output"] for one in dependencies if "drawing.data" in one["output"])
        names = [part.rpartition(".") for part in output.strip(".").split("...")]
        asked = {
            "output": output,
            "outputs": [{"id": name, "property": what} for name, _, what in names],
            "inputs": [
                {"id": "tick", "property": "n_intervals", "value": 1},
                {"id": "url", "property": "search", "value": query},
            ],
            "changedPropIds": ["url.search"],
        }
        async with self.http.post("/_dash-update-component", json=asked) as answer:
            drawing = json.loads(await answer.text())["response"]["drawing"]["data"]
        return {(edge["source"], edge["target"]) for edge in drawing["edges"]}


@contextlib.asynccontextmanager
async def page(site: sites.Site, *, scratch: Path) -> AsyncIterator[Page]:
    """The page of a visitor without account, until the block is left."""
    async with processes.family(scratch) as family:
        options = [f"--kubeconfig={site.kubeconfig}"]
        url = await reach.forward(SERVICE, PORT, options=options, family=family, logs=scratch)
        # The host is an IP address, from which a client by default accepts no cookies.
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(url, cookie_jar=jar, headers={"Origin": url}) as http:
            yield Page(http)
