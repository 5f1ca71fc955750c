"""Splits without figures: unknown ones, ones of other sources, and ones that have no callers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from importlib import resources
from pathlib import Path

import pytest
import pytest_asyncio

from tests.metrics_server import declared, reading

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[reading.Api]:
    async with declared.served(tmp_path_factory.mktemp("state")) as running:
        yield running


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("namespaces/shop/trafficsplits/catalgo", "did you mean catalog?"),
        ("namespaces/shop/trafficsplits/catalog:catalog-v3", "did you mean catalog:catalog-v"),
        ("namespaces/shop/trafficsplits/zzzzzzzz", "splits are catalog, catalog:catalog-v1"),
        ("namespaces/shop/trafficsplits/zzzzzzzz/edges", "splits are catalog, catalog:catalog-v1"),
        ("namespaces/data/trafficsplits/broken", "splits are db, db:db, db:db-next"),
        ("namespaces/shpo/trafficsplits", "did you mean shop?"),
    ],
)
async def test_what_is_not_there_is_a_404_with_near_names(api: reading.Api, path: str, why: str) -> None:
    assert why in (await api.get(path)).refused(404)


@pytest.mark.parametrize("name", ["%22", "%7B%7D", "..%2f", ".*", "a%0Ab", "%F0%9F%98%80", "x" * 4000])
async def test_a_hostile_name_is_only_not_found(api: reading.Api, name: str) -> None:
    reply = await api.get(f"namespaces/shop/trafficsplits/{name}")
    assert reply.status in (400, 404)
    assert reply.body["kind"] == "Status"


async def test_only_the_chosen_sources_count(api: reading.Api, tmp_path: Path) -> None:
    async with reading.served(api.fake, tmp_path, inventory=declared.inventory(tmp_path)) as plain:
        assert (await plain.get("trafficsplits")).names == [*declared.DB, *declared.CATALOG]


async def test_without_anything_that_tells_of_splits_the_list_is_empty_and_says_why(
    api: reading.Api, tmp_path: Path
) -> None:
    async with reading.served(api.fake, tmp_path) as bare:
        reply = await bare.get("trafficsplits")
        assert reply.items == []
        assert "give the server --inventory or --cluster" in reply.headers["Warning"]
        assert "there are no splits here" in (await bare.get("namespaces/shop/trafficsplits/x")).refused(404)


@pytest.fixture
def quiet(tmp_path: Path) -> Path:
    """Return an inventory file with splits in a namespace that has no scraped proxy."""
    path = tmp_path / "things.yaml"
    namespace = "{kind: Namespace, metadata: {name: quiet}}"
    path.write_text(
        namespace + declared.SPLITS.replace("namespace: data", "namespace: quiet"), encoding="utf-8"
    )
    return path


async def test_a_split_that_nobody_is_seen_to_call_has_no_requests_and_no_share(
    api: reading.Api, quiet: Path, tmp_path: Path
) -> None:
    async with reading.served(api.fake, tmp_path, inventory=quiet) as running:
        reply = await running.get("namespaces/quiet/trafficsplits")
        assert reply.names == declared.DB
        assert [reading.figures(item) for item in reply.items] == [
            {"success_count": 0, "failure_count": 0}
        ] * 2


async def test_a_split_of_which_no_proxy_could_tell_exists_all_the_same(
    api: reading.Api, quiet: Path, tmp_path: Path
) -> None:
    shipped = (resources.files("metrics_server") / "profiles" / "envoy.yaml").read_text(encoding="utf-8")
    nameless = [line for line in shipped.splitlines() if "(?P<namespace>" not in line]
    mesh = tmp_path / "mesh.yaml"
    mesh.write_text("\n".join(nameless), encoding="utf-8")
    async with reading.served(api.fake, tmp_path, inventory=quiet, profile=str(mesh)) as running:
        assert (await running.get("namespaces/quiet/trafficsplits")).items == []
        for name in (declared.DB[0], "db"):
            why = (await running.get(f"namespaces/quiet/trafficsplits/{name}")).refused(404)
            assert "it exists, but no proxy is scraped" in why
        assert "splits are db" in (await running.get("namespaces/quiet/trafficsplits/x")).refused(404)
