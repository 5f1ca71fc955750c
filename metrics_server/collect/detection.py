"""Finds the profiles of which Prometheus has series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from metrics_server.collect import backend as collect_backend
from metrics_server.model import validation
from metrics_server.profiles import schema
from metrics_server.query import promql

_LABEL = "trafficmetrics_profile"
_LONGEST = 2000
"""Characters of a query. Proxies and databases limit the length of URLs and queries, and a URL has up to
three characters for one.
"""


async def find(
    backend: collect_backend.QueryBackend, meshes: Sequence[schema.Profile], *, at: float
) -> frozenset[str]:
    """Return the names of the profiles of which there is a series at Unix time `at`. Raises
    faults.Unavailable.
    """
    looked_for = [
        promql.marked(promql.count(selector), _LABEL, mesh.name)
        for mesh in meshes
        for selector in signs(mesh)
    ]
    answers = await backend.ask(list(map(promql.either, _parts(looked_for))), at=at)
    found = [one["metric"].get(_LABEL, "") for series in answers for one in validation.checked(series)]
    validation.asked(found, [mesh.name for mesh in meshes])
    return frozenset(found)


def _parts(expressions: Sequence[str]) -> list[list[str]]:
    """Return the expressions in parts that make queries of moderate length."""
    parts: list[list[str]] = [[]]
    for one in expressions:
        if parts[-1] and sum(map(len, parts[-1])) + len(one) > _LONGEST:
            parts.append([])
        parts[-1].append(one)
    return parts


def signs(mesh: schema.Profile) -> list[str]:
    """Return the selectors by which a mesh is found.

    If its process metric shows which proxies are of this mesh, it is that metric, which exists before the
    first request. Otherwise they are the request counters that no other mesh exposes.
    """
    series = [(view.counters, view.match, view.ignore) for view in mesh.views if not view.shared]
    if mesh.process is not None and (mesh.fallback or mesh.recognises_proxies):
        series = [(mesh.sign, mesh.process.match, {})]
    return [promql.selector(names, _matchers(match, ignore)) for names, match, ignore in series]


def _matchers(match: Mapping[str, str], ignore: Mapping[str, str]) -> list[promql.Matcher]:
    wanted = [promql.Matcher(label, "=~", pattern) for label, pattern in match.items()]
    return wanted + [promql.Matcher(label, "!~", pattern) for label, pattern in ignore.items()]
