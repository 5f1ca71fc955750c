"""docs/meshes.md: handwritten text, and between two marks the table that is generated from the profiles."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from metrics_server.model import kinds
from metrics_server.profiles import endpoints, loading, schema

FILE = Path(__file__).resolve().parents[2] / "docs" / "meshes.md"
_BEGIN, _END = "<!-- table: python -m tests.dialects -->", "<!-- end of table -->"
_OWN, _LOGGER = "\n## A mesh of your own\n", "\n## Envoy's access logger\n"
_HEAD = (
    "mesh",
    "what is read",
    "kinds",
    "sides",
    "edges",
    "pods",
    "latency",
    "gRPC failures",
    "VMs",
    "approximate",
    "probes left out",
    "gateways",
    "clusters",
    "routes",
    "tested with",
    "not known",
)
NO_GRPC = "failures of gRPC"
"""How a profile's `unknown` begins if its mesh counts such a failure as a success."""
_GATEWAYS: Mapping[str, str] = {
    "consul": "API and ingress gateways; terminating gateways as callers",
    "envoy": "Envoy Gateway, Contour, Gloo, kgateway, Cilium",
    "istio": "ingress, egress, waypoints",
    "gloo-mesh": "Istio's",
    "kuma": "built-in and delegated gateways as callers",
    "traefik": "itself",
}
"""The gateways whose requests a profile reads; by the name of the profile."""
_REAL: Mapping[str, str] = {
    "app-mesh": "Envoy 1.40",
    "consul": "Envoy 1.40",
    "csm": "gRPC 1.85 for Python",
    "dapr": "Dapr 1.16",
    "envoy": "Envoy 1.40",
    "envoy-access-log": "Envoy 1.40",
    "envoy-endpoints": "Envoy 1.40",
    "hubble": "Cilium 1.18's code",
    "kuma": "Envoy 1.40",
    "mosn": "MOSN 1.2",
    "traefik": "Traefik 3.5",
}
"""The real program that is tested. Every profile is also tested with metrics that a writer makes."""
_PROBES = "which requests are probes"
"""The same if it counts a probe as any other request; more words say when it does."""


def written() -> str:
    """The page as it should be."""
    before, begin, rest = FILE.read_text().partition(_BEGIN)
    _, end, after = rest.partition(_END)
    return f"{before}{begin}\n\n{_table()}\n\n{end}{after}"


def example() -> str:
    """The profile that the page shows."""
    return _shown(_OWN)


def access_logger() -> str:
    """The logger of an Envoy that the page shows."""
    return _shown(_LOGGER)


def _shown(heading: str) -> str:
    return FILE.read_text().partition(heading)[2].partition("```yaml\n")[2].partition("```")[0]


def tells_grpc(mesh: schema.Profile) -> Sequence[kinds.Side]:
    """The sides on which it reports failures of gRPC."""
    blind = {view.side for view in mesh.views for one in view.unknown if one.startswith(NO_GRPC)}
    return [side for side in kinds.Side if side in {view.side for view in mesh.views} - blind]


def _table() -> str:
    rows = [_HEAD, ["---"] * len(_HEAD), *(_row(mesh) for mesh in loading.shipped())]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(mesh: schema.Profile) -> list[str]:
    pods = [view.side for view in mesh.views if _finest(view.reporter) == "pod"]
    return [
        f"`{mesh.name}`",
        mesh.about,
        "all" if pods else "workloads and what is above them",
        _listed(view.side for view in mesh.views),
        _edges(mesh.views),
        _listed(pods) or "no",
        _listed(_latencies(mesh.views)) or "no",
        _listed(tells_grpc(mesh)) or "no",
        machines(mesh),
        "latency" if any(view.latency and view.latency.quantile_label for view in mesh.views) else "no",
        _probes(mesh),
        _GATEWAYS.get(mesh.name, "no"),
        "told apart" if _tells_clusters(mesh) else "no",
        "yes" if _reads_routes(mesh) else "no",
        _REAL.get(mesh.name, "spoken"),
        _listed((one for view in mesh.views for one in view.unknown), "; "),
    ]


def _listed(each: Iterator[str] | Sequence[str], sign: str = ", ") -> str:
    return sign.join(dict.fromkeys(each))


def _ends(mesh: schema.Profile) -> list[endpoints.Endpoint]:
    return [end for view in mesh.views for end in (view.reporter, view.peer) if end is not None]


def _tells_clusters(mesh: schema.Profile) -> bool:
    """Whether an endpoint in another cluster is known to be there."""
    return any(
        end.own_cluster if isinstance(end, endpoints.NamedEndpoint) else end.cluster or end.other_cluster
        for end in _ends(mesh)
    )


def _reads_routes(mesh: schema.Profile) -> bool:
    """Whether routes of a gateway or of the mesh itself are read."""
    named = [end for end in _ends(mesh) if isinstance(end, endpoints.NamedEndpoint)]
    counters = [name for view in mesh.views for name in view.counters]
    return any("(?P<route>" in one for end in named for one in end.patterns) or any(
        "_route_" in name for name in counters
    )


def _probes(mesh: schema.Profile) -> str:
    """Whether probes of kubelet, and requests to the proxy itself, are left out of what is received."""
    counted = [one for view in mesh.views for one in view.unknown if one.startswith(_PROBES)]
    if not counted:
        return "yes"
    return "no" if _PROBES in counted else "mostly"


def _edges(views: Sequence[schema.SideSeries]) -> str:
    """The finest kind of caller and callee, by side."""
    found = []
    for view in views:
        if view.peer is not None:
            reporter, peer = _finest(view.reporter), _finest(view.peer)
            ends = (reporter, peer) if view.side is kinds.Side.CLIENT else (peer, reporter)
            found.append(f"{view.side}: {ends[0]} → {ends[1]}")
    return _listed(found) or "no"


def _finest(endpoint: endpoints.Endpoint | None) -> str:
    """The finest kind that an endpoint is reported as; a scrape target is a pod."""
    if endpoint is None:
        return "pod"
    if isinstance(endpoint, endpoints.Labelled):
        named = {
            "pod": endpoint.pod,
            "workload": endpoint.workload or endpoint.kinds,
            "service": endpoint.service,
        }
        return next(name for name, labels in named.items() if labels)
    groups = {group for pattern in endpoint.patterns for group in re.compile(pattern).groupindex}
    if groups & {"pod", "address"}:
        return "pod"
    return "workload" if "workload" in groups else "service"


def _latencies(views: Sequence[schema.SideSeries]) -> Iterator[str]:
    timed = [(view.side, view.latency) for view in views if view.latency]
    for _, latency in timed:
        yield f"{'quantiles' if latency.quantile_label else 'histogram'} in {latency.unit}"
    for side, latency in timed:
        if latency.without:
            yield f"{side}: without {_listed(latency.without)}"


def machines(mesh: schema.Profile) -> str:
    """Whether a machine outside Kubernetes is recognized as one."""
    ends = [
        endpoint for view in mesh.views for endpoint in (view.reporter, view.peer) if endpoint is not None
    ]
    labelled = [endpoint for endpoint in ends if isinstance(endpoint, endpoints.Labelled)]
    targets = mesh.reports_of_targets and mesh.target.machine
    if targets or any(endpoint.machine or endpoint.outside for endpoint in labelled):
        return "yes"
    named = [endpoint for endpoint in ends if isinstance(endpoint, endpoints.NamedEndpoint)]
    by_name = any(endpoint.workload and not endpoint.kind for endpoint in labelled) or any(
        f"(?P<{group}>" in pattern
        for endpoint in named
        for pattern in endpoint.patterns
        for group in ("workload", "name", "service", "joined")
    )
    return "if Kubernetes knows their names" if by_name else "no"
