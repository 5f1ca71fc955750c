"""The dashboard before a real kube-apiserver: RBAC decides what each viewer's page shows.

It is not with the other browser tests: those run Chromium from a loop that never stops, and this test has a
loop of its own.
"""

import asyncio
import base64
import json
import os
import pathlib
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
import yaml
from playwright import async_api

from demo import runner
from tests.browser import conftest, dashboard_process
from tests.cluster import aggregated, cluster, commands

pytestmark = [
    pytest.mark.browser,
    pytest.mark.cluster,
    pytest.mark.mesh,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(3600),
]
_ARTIFACTS = pathlib.Path(os.environ.get("TRAFFIC_ARTIFACTS", ".artifacts"))
_PATIENCE_MS = 180_000  # a new browser has no scripts of the page in its cache


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def joined(
    mesh: runner.Mesh, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[cluster.Cluster]:
    """A control plane with our server as a part of it, and two service accounts."""
    state = tmp_path_factory.mktemp("control-plane")
    async with (
        cluster.Cluster(state=state, name="dashv", nodes=False, report=print) as running,
        aggregated.serve(running, mesh, scratch=tmp_path_factory.mktemp("aggregated")),
    ):
        what = f"--verb=get,list --resource=trafficmetrics.{aggregated.GROUP},trafficedges.{aggregated.GROUP}"
        for line in (
            "create namespace shop",
            "create serviceaccount ann --namespace=shop",
            "create serviceaccount bob --namespace=shop",
            f"create role traffic --namespace=shop {what}",
            "create rolebinding traffic --namespace=shop --role=traffic --serviceaccount=shop:ann",
            f"create clusterrole traffic {what}",
            "create clusterrolebinding traffic --clusterrole=traffic --serviceaccount=shop:bob",
        ):
            await commands.kubectl(running.kubeconfig, *line.split())
        yield running


def _authority(joined: cluster.Cluster, path: pathlib.Path) -> pathlib.Path:
    known = yaml.safe_load(joined.kubeconfig.read_text())["clusters"][0]["cluster"]
    path.write_bytes(base64.b64decode(known["certificate-authority-data"]))
    return path


async def _signed_in(
    browser: async_api.Browser, address: str, *, token: str, query: str = ""
) -> async_api.Page:
    tab = await (await browser.new_context(viewport={"width": 1600, "height": 1000})).new_page()
    tab.set_default_timeout(_PATIENCE_MS)
    await tab.goto(address + query)
    await tab.get_by_label("Kubernetes token").fill(token)
    await tab.get_by_role("button", name="Sign in").click()
    return tab


async def _drawn(tab: async_api.Page) -> set[tuple[str, str]]:
    """Both ends of every edge, such as `Deployment/shop/cart`."""
    ends: str = await tab.evaluate(
        "() => JSON.stringify(document.getElementById('graph')._cyreg.cy.edges()"
        ".map(edge => [edge.source().id(), edge.target().id()]))"
    )
    return {(source, target) for source, target in json.loads(ends)}


async def test_a_viewer_of_one_namespace_and_one_of_all_see_each_their_own(
    joined: cluster.Cluster, tmp_path: pathlib.Path
) -> None:
    tokens = {
        name: (await commands.kubectl(joined.kubeconfig, "create", "token", name, "--namespace=shop")).strip()
        for name in ("ann", "bob")
    }
    authority = _authority(joined, tmp_path / "ca.crt")
    serving = dashboard_process.serve_each(joined.place.server, authority=authority)
    address = await asyncio.to_thread(serving.__enter__)
    try:
        async with async_api.async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=conftest.chromium_path(), args=conftest.ARGUMENTS
            )
            ann = await _signed_in(browser, address, token=tokens["ann"])
            await ann.get_by_text('User "system:serviceaccount:shop:ann" cannot list').wait_for()
            await ann.screenshot(path=_ARTIFACTS / "real-ann-refused.png")
            await ann.get_by_label("A namespace you may read").fill("data")
            await ann.get_by_role("button", name="Show namespace").click()
            await ann.get_by_text('in the namespace "data"').wait_for()
            await ann.get_by_label("A namespace you may read").fill("shop")
            await ann.get_by_role("button", name="Show namespace").click()
            await ann.get_by_text("cart", exact=True).first.wait_for()
            bob = await _signed_in(browser, address, token=tokens["bob"])
            try:
                await bob.get_by_text("cart", exact=True).first.wait_for()
            except async_api.TimeoutError:
                await bob.screenshot(path=_ARTIFACTS / "real-bob-failed.png")
                raise
            await ann.screenshot(path=_ARTIFACTS / "real-ann.png")
            await bob.screenshot(path=_ARTIFACTS / "real-bob.png")
            inside_data = ("Job/data/report", "StatefulSet/data/db")
            anns, bobs = await _drawn(ann), await _drawn(bob)
            assert inside_data in bobs
            assert anns
            # Neighbours of the shop are visible, but not the traffic among them.
            assert all(any("/shop/" in end for end in ends) for ends in anns)
            assert tokens["ann"] not in await ann.content()
            await browser.close()
    finally:
        await asyncio.to_thread(serving.__exit__, None, None, None)
