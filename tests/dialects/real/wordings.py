"""How each mesh names the metrics of its Envoys: the tags, and the names of clusters and listeners.

The names are from the meshes' documentation and source. The scrape adds what a mesh's own agent would add on
the way from Envoy to Prometheus: Envoy is real, the agent is not.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.dialects import traffic

_HERE = Path(__file__).resolve().parent
Tag = Mapping[str, str]
_TRUST = "e5b08d03-bfc3-c870-1833-baddb116e648"


def _none(workload: traffic.Workload) -> Mapping[str, str]:
    return {}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    name: str
    profile: str
    """What reads the metrics: the name of a shipped profile, or a file."""
    cluster: Callable[[traffic.Workload], str]
    """The name of a caller's cluster for a workload's service."""
    local: Callable[[traffic.Workload], str]
    """The name of the cluster for a proxy's own app."""
    inbound: str
    """The prefix of the listener for callers."""
    outbound: Callable[[traffic.Workload], str]
    """The prefix of the listener for the app's own calls to a workload."""
    tags: Callable[[traffic.Workload], Sequence[Tag]] = lambda workload: ()
    default_tags: bool = True
    is_read_whole: bool = True
    """Whether the profile reads what the callee's proxy reports, and latencies."""
    label: str = "envoy_cluster_name"
    """The label in which Prometheus has the name of a cluster."""
    seen: Callable[[traffic.Workload], str] | None = None
    """The value of that label, where it differs from the cluster's name."""
    scraped: Callable[[traffic.Workload], Mapping[str, str]] = _none
    """The labels that the mesh's agent adds to all series."""

    def series(self, caller: traffic.Workload, callee: traffic.Workload) -> str:
        """The selector of the series in which a caller's proxy counts its requests."""
        name = (self.seen or self.cluster)(callee)
        return f'pod="{caller.pods[0]}", {self.label}="{name}"'

    def stats(self, workload: traffic.Workload) -> Mapping[str, Any]:
        """The `stats_config` of a workload's proxies."""
        return {"use_all_default_tags": self.default_tags, "stats_tags": list(self.tags(workload))}


PLAIN = Wording(
    name="plain", profile="envoy", cluster=lambda workload: f"{workload.namespace}/{workload.name}",
    local=lambda workload: "local_app", inbound="inbound_8080", outbound=lambda workload: "outbound_8080",
)  # fmt: skip


# Istio: no tag of Envoy's own, and names without the prefix `envoy_`.

_ISTIO_TAGS: Sequence[Tag] = (
    {"tag_name": "cluster_name", "regex": r"^cluster\.(((?:[^.]+?\.[^.]+?\.svc\.cluster\.local|[^.]+);?)\.)"},
    {"tag_name": "response_code", "regex": r"_rq(_([0-9]{3}))$"},
    {"tag_name": "response_code_class", "regex": r"_rq(_([0-9]xx))$"},
    {"tag_name": "http_conn_manager_prefix", "regex": r"^http\.(([_.0-9]+)\.)"},
)


def _istio_cluster(workload: traffic.Workload) -> str:
    return f"outbound|8080||{workload.name}.{workload.namespace}.svc.cluster.local"


# Consul

_PART = "[^.]+"
_CONSUL_TAGS: Sequence[Tag] = tuple(
    {
        "tag_name": f"consul.destination.{name}",
        "regex": rf"^cluster\.((?:{subset}\.)?{service}\.{namespace}\.{center}\.{kind}\.{trust}\.consul\.)",
    }
    for name, subset, service, namespace, center, kind, trust in (
        ("service_subset", f"({_PART})", _PART, _PART, _PART, "internal", _PART),
        ("service", _PART, f"({_PART})", _PART, _PART, "internal", _PART),
        ("namespace", _PART, _PART, f"({_PART})", _PART, "internal", _PART),
        ("datacenter", _PART, _PART, _PART, f"({_PART})", "internal", _PART),
        ("routing_type", _PART, _PART, _PART, _PART, "(internal)", _PART),
        ("trust_domain", _PART, _PART, _PART, _PART, "internal", f"({_PART})"),
    )
)


def _consul_tags(workload: traffic.Workload) -> Sequence[Tag]:
    reply = {
        "local_cluster": workload.name,
        "consul.source.service": workload.name,
        "consul.source.namespace": workload.namespace,
        "consul.source.partition": "default",
        "consul.source.datacenter": "dc1",
    }
    fixed = [{"tag_name": name, "fixed_value": value} for name, value in reply.items()]
    return [*fixed, *_CONSUL_TAGS]


def _consul_cluster(workload: traffic.Workload) -> str:
    """With mirrored namespaces of Kubernetes."""
    return f"{workload.name}.{workload.namespace}.dc1.internal.{_TRUST}.consul"


def _consul_subset(workload: traffic.Workload) -> str:
    """The cluster of a split, without namespaces."""
    return f"v1.{workload.name}.default.dc1.internal.{_TRUST}.consul"


# Kuma


def _kuma_legacy(workload: traffic.Workload) -> str:
    return f"{workload.name}_{workload.namespace}_svc_8080"


def _kuma_service(workload: traffic.Workload) -> str:
    return f"default_{workload.name}_{workload.namespace}_zone-1_msvc_8080"


def _kuma_resource(workload: traffic.Workload) -> str:
    return f"kri_msvc_default_zone-1_{workload.namespace}_{workload.name}_http"


def _kuma_labels(workload: traffic.Workload) -> Mapping[str, str]:
    return {
        "mesh": "default",
        "dataplane": f"{workload.pods[0]}.{workload.namespace}",
        "kuma_io_service": _kuma_legacy(workload),
        "otel_scope_name": "kuma",
    }


def _kuma_new_labels(workload: traffic.Workload) -> Mapping[str, str]:
    return {
        "mesh": "default",
        "zone": "zone-1",
        "kuma_workload": workload.name,
        "kuma_proxy_role": "sidecar",
        "otel_scope_name": "kuma",
    }


# AWS App Mesh


def _appmesh_node(workload: traffic.Workload) -> str:
    return f"{workload.name}_{workload.namespace}"


def _appmesh_tags(workload: traffic.Workload) -> Sequence[Tag]:
    return (
        {"tag_name": "appmesh.mesh", "fixed_value": "shop-mesh"},
        {"tag_name": "appmesh.virtual_node", "fixed_value": _appmesh_node(workload)},
        {"tag_name": "appmesh.listener_protocol", "regex": r"^http\.ingress\.((\w+?)\.)[0-9]+\."},
        {"tag_name": "appmesh.listener_port", "regex": r"^http\.ingress\.\w+?\.(([0-9]+)\.)"},
    )


WORDINGS = (
    Wording(
        name="istio", profile=str(_HERE / "istio-envoy.yaml"), cluster=_istio_cluster,
        local=lambda workload: "inbound|8080||", inbound="inbound_0.0.0.0_8080",
        outbound=lambda workload: "outbound_0.0.0.0_8080", tags=lambda workload: _ISTIO_TAGS,
        default_tags=False, label="cluster_name", is_read_whole=False,
    ),
    Wording(
        name="consul", profile="consul", cluster=_consul_cluster, local=lambda workload: "local_app",
        inbound="public_listener", tags=_consul_tags, seen=lambda workload: workload.name,
        outbound=lambda workload: f"upstream.{workload.name}.{workload.namespace}.dc1",
    ),
    Wording(
        name="consul-subset", profile="consul", cluster=_consul_subset, local=lambda workload: "local_app",
        inbound="public_listener", tags=_consul_tags, seen=lambda workload: "v1",
        outbound=lambda workload: f"upstream.{workload.name}.default.dc1",
    ),
    Wording(
        name="kuma-legacy", profile="kuma", cluster=_kuma_legacy, local=lambda workload: "localhost_8080",
        inbound="localhost_8080", outbound=_kuma_legacy, scraped=_kuma_labels,
    ),
    Wording(
        name="kuma-meshservice", profile="kuma", cluster=_kuma_service,
        local=lambda workload: "localhost_8080", inbound="localhost_8080", outbound=_kuma_service,
        scraped=_kuma_labels,
    ),
    Wording(
        name="kuma-kri", profile="kuma", cluster=_kuma_resource,
        local=lambda workload: "self_inbound_dp_http", inbound="self_inbound_dp_http",
        outbound=_kuma_resource, scraped=_kuma_new_labels,
    ),
    Wording(
        name="app-mesh", profile="app-mesh",
        cluster=lambda workload: f"cds_egress_shop-mesh_{_appmesh_node(workload)}_http_8080",
        local=lambda workload: f"cds_ingress_shop-mesh_{_appmesh_node(workload)}_http_8080",
        inbound="ingress.http.8080", outbound=lambda workload: "egress", tags=_appmesh_tags,
    ),
)  # fmt: skip
