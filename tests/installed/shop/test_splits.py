"""All kinds that split traffic, in a real cluster: they are added and removed while the server runs, with
only the rights of the component `splits`; the figures are those of the callers.
"""

import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from dashboard.client import quantity
from demo import faults, runner, wait
from tests.installed import manifests, reading
from tests.installed import site as sites
from tests.installed.shop import routing
from tests.truth import span

pytestmark = [pytest.mark.cluster, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(900)]

_PATH = "/namespaces/shop/trafficsplits"
_NOTICED_WITHIN = 90.0
"""The server looks for a kind that is not served about once a minute."""
_WITHIN = 30.0
_CALLS = 60
_KINDS = (routing.SPLIT.kind, routing.ROUTE.kind, routing.PROFILE.kind, routing.VIRTUAL.kind)
# There are no calls to `catalog` itself, so only its pods report its subsets.
_SIDES = {**dict.fromkeys(_KINDS, "client"), routing.VIRTUAL.kind: "server"}
_SPLIT = routing.expected(routing.SPLIT, 90, 10)
_ROUTE = routing.expected(routing.ROUTE, 80, 20)
_PROFILE = routing.expected(routing.PROFILE, 700, 300)
_VIRTUAL = routing.expected(routing.VIRTUAL, 60, 40)
_ALL = {**_SPLIT, **_ROUTE, **_PROFILE, **_VIRTUAL}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def reader(site: sites.Site, in_cluster: runner.Reach) -> AsyncIterator[reading.Reader]:
    async with reading.reader(site, namespace="shop") as reader:
        yield reader


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def before(reader: reading.Reader) -> reading.Answer:
    """The answer while the cluster had no kind that splits traffic."""
    answers: list[reading.Answer] = []

    async def is_known() -> bool:
        answers.append(await reader.get(_PATH))
        return any("does not serve" in warning for warning in answers[-1].warnings)

    await wait.until(is_known, what="word that nothing splits traffic", within=_WITHIN, pause=0.5)
    return answers[-1]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def files(
    before: reading.Answer, site: sites.Site, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Path]:
    """A folder to write objects to; the cluster serves their kinds until all tests have ended."""
    folder = tmp_path_factory.mktemp("routing")
    kinds = [f"customresourcedefinition/{kind.name}" for kind in routing.KINDS]
    try:
        await _apply(site, folder, [kind.definition for kind in routing.KINDS])
        await site.kubectl("wait", "--for=condition=Established", "--timeout=30s", *kinds)
        objects = [
            routing.split(90, 10),
            routing.route(80, 20),
            routing.profile(700, 300),
            routing.virtual(60, 40),
            routing.subsets(),
        ]
        await _apply(site, folder, objects)
        yield folder
    finally:
        await site.kubectl("delete", "--ignore-not-found", "--wait", *kinds)


async def test_who_reads_splits_is_told_that_nothing_here_makes_any(before: reading.Answer) -> None:
    assert before.items == []
    (warning,) = before.warnings
    assert "this cluster does not serve trafficsplits.split.smi-spec.io, httproutes.gateway" in warning


async def test_kinds_that_come_while_the_server_runs_are_noticed_and_have_the_counts_of_the_callers(
    files: Path, in_cluster: runner.Reach, reader: reading.Reader, site: sites.Site
) -> None:
    async with span.quiet(in_cluster) as over:
        await _until_declared(reader, _ALL, within=_NOTICED_WITHIN)
        await in_cluster.calls("/product/7", count=_CALLS)
        truth = _received(await in_cluster.truth(since=over.begin))
        answer = await _until_seen(reader, over, truth)
    assert sum(truth.values()) == _CALLS
    for item in answer.items:
        assert _share(item) == pytest.approx(truth[_version(item)] / _CALLS, abs=1e-6)
    assert answer.warnings == ()
    log = await site.kubectl("logs", "deployment/trafficmetrics", f"--namespace={manifests.NAMESPACE}")
    assert "cannot be watched" not in log
    print(f"read {[(item['metadata']['name'], span.counts(item)) for item in answer.items]} of {truth}")


async def test_kubectl_prints_them_beside_those_of_the_other_group(files: Path, site: sites.Site) -> None:
    ours = await site.kubectl(
        "get", "trafficsplits.metrics.smi-spec.io", "--namespace=shop", "--no-headers", "--output=wide"
    )
    assert {line.split()[0] for line in ours.splitlines()} == set(_ALL)
    theirs = await site.kubectl("get", routing.SPLIT.name, "--namespace=shop", "--output=name")
    assert theirs.split() == ["trafficsplit.split.smi-spec.io/catalog"]


async def test_other_weights_are_seen_and_what_is_deleted_goes_alone(
    files: Path, reader: reading.Reader, site: sites.Site
) -> None:
    changed = [routing.split(1, 1), routing.route(0, 5), routing.profile(500, 500), routing.virtual(100, 0)]
    await _apply(site, files, changed)
    left = {
        **routing.expected(routing.SPLIT, 1, 1),
        **routing.expected(routing.ROUTE, 0, 5),
        **routing.expected(routing.PROFILE, 500, 500),
        **routing.expected(routing.VIRTUAL, 100, 0),
    }
    await _until_declared(reader, left)
    await site.kubectl("delete", routing.ROUTE.name, "catalog", "--namespace=shop")
    left = {name: backend for name, backend in left.items() if name not in _ROUTE}
    await _until_declared(reader, left)
    # Its objects are deleted with it.
    await site.kubectl("delete", "customresourcedefinition", routing.PROFILE.name, "--wait")
    left = {name: backend for name, backend in left.items() if name not in _PROFILE}
    await _until_declared(reader, left)
    await site.kubectl("delete", routing.SPLIT.name, "catalog", "--namespace=shop")
    await _until_declared(reader, {name: one for name, one in left.items() if name in _VIRTUAL})


async def _apply(site: sites.Site, folder: Path, objects: Sequence[routing.Object]) -> None:
    file = folder / "objects.json"
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}))
    await site.kubectl("apply", f"--filename={file}")


async def _until_declared(
    reader: reading.Reader, expected: Mapping[str, routing.Object], *, within: float = _WITHIN
) -> None:
    """Wait until there are exactly these splits, and no warning about any."""
    seen: Any = None

    async def same() -> bool:
        nonlocal seen
        answer = await reader.get(_PATH)
        if answer.status != 200:
            seen = answer.message
            return False
        seen = ({item["metadata"]["name"]: item["backend"] for item in answer.items}, answer.warnings)
        return bool(seen == (expected, ()))

    try:
        await wait.until(same, what="the splits", within=within, pause=0.25)
    except faults.DemoError:
        assert seen == (expected, ())


async def _until_seen(reader: reading.Reader, over: span.Span, truth: Mapping[str, float]) -> reading.Answer:
    """Wait until every split has counted what its backends received since then. The side that reports must be
    scraped: a callee may be scraped before its caller.
    """
    answers: list[reading.Answer] = []
    seen: dict[str, dict[str, float]] = {}
    sides: dict[str, str] = {}
    expected = dict.fromkeys(_KINDS, truth)

    async def same() -> bool:
        answers.append(await reader.get(_PATH, window=over.window))
        if answers[-1].status != 200:
            return False
        seen.clear()
        for item in answers[-1].items:
            seen.setdefault(item["resource"]["kind"], {})[_version(item)] = sum(span.counts(item))
            sides[item["resource"]["kind"]] = item["edge"]["side"]
        return seen == expected and sides == _SIDES

    try:
        await wait.until(same, what="the callers' counts", within=_WITHIN, pause=0.5)
    except faults.DemoError:
        assert (seen, sides) == (expected, _SIDES)
    return answers[-1]


def _received(truth: Mapping[str, Any]) -> Mapping[str, float]:
    """Answers that callers had from each version of `catalog`."""
    sent: Counter[str] = Counter()
    for row in truth["edges"]:
        sent[row["chosen"]["name"]] += sum(row["counts"].values())
    return {name.rpartition("-")[2]: sent[name] for name in routing.BACKENDS}


def _version(item: Mapping[str, Any]) -> str:
    """The version at the end of a backend's name."""
    return str(item["metadata"]["name"])[-2:]


def _share(item: Mapping[str, Any]) -> float:
    (share,) = (one["value"] for one in item["metrics"] if one["name"] == "request_share")
    return float(quantity.parse(share))
