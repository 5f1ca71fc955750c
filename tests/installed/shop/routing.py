"""The objects that split the traffic of `catalog` in four meshes, and the definitions of their kinds.

Names, groups and versions are the real ones; the definitions have no schema of the fields, because the tests
need only the served and stored versions, and watches. The four have different weights, which identify them.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from demo import shop

Object = Mapping[str, Any]

_NAMESPACE, _NAME = shop.CATALOG.namespace, shop.CATALOG.name
BACKENDS = (shop.CATALOG_V1.name, shop.CATALOG_V2.name)
_VERSIONS = ("v1", "v2")
"""Labels of their pods, which all belong to `catalog`."""


@dataclasses.dataclass(frozen=True, slots=True)
class Kind:
    kind: str
    plural: str
    group: str
    versions: Sequence[str]
    """The served versions; the first is stored."""

    @property
    def name(self) -> str:
        """The name of its definition."""
        return f"{self.plural}.{self.group}"

    @property
    def definition(self) -> Object:
        names = {"kind": self.kind, "plural": self.plural, "singular": self.kind.lower()}
        schema = {
            "type": "object",
            "properties": {"spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
        }
        versions = [
            {"name": name, "served": True, "storage": name == self.versions[0]}
            | {"schema": {"openAPIV3Schema": schema}}
            for name in self.versions
        ]
        # Kubernetes refuses an unapproved definition in its own groups.
        approved = {"api-approved.kubernetes.io": "unapproved, for a test"}
        return {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": self.name, "annotations": approved},
            "spec": {"group": self.group, "scope": "Namespaced", "names": names, "versions": versions},
        }

    def object(self, spec: Object, *, name: str = _NAME) -> Object:
        return {
            "apiVersion": f"{self.group}/{self.versions[0]}",
            "kind": self.kind,
            "metadata": {"name": name, "namespace": _NAMESPACE},
            "spec": spec,
        }


SPLIT = Kind(
    "TrafficSplit", "trafficsplits", "split.smi-spec.io", ("v1alpha4", "v1alpha3", "v1alpha2", "v1alpha1")
)
ROUTE = Kind("HTTPRoute", "httproutes", "gateway.networking.k8s.io", ("v1", "v1beta1"))
PROFILE = Kind("ServiceProfile", "serviceprofiles", "linkerd.io", ("v1alpha2", "v1alpha1"))
_OF_ISTIO = ("networking.istio.io", ("v1", "v1beta1", "v1alpha3"))
VIRTUAL = Kind("VirtualService", "virtualservices", *_OF_ISTIO)
SUBSETS = Kind("DestinationRule", "destinationrules", *_OF_ISTIO)
KINDS = (SPLIT, ROUTE, PROFILE, VIRTUAL, SUBSETS)
"""All kinds that the server looks for except GRPCRoute: a group may be served without one of its kinds."""


def split(*weights: int) -> Object:
    backends = [{"service": name, "weight": weight} for name, weight in zip(BACKENDS, weights, strict=True)]
    return SPLIT.object({"service": _NAME, "backends": backends})


def route(*weights: int) -> Object:
    backends = [
        {"name": name, "port": 80, "weight": weight} for name, weight in zip(BACKENDS, weights, strict=True)
    ]
    parent = {"group": "", "kind": "Service", "name": _NAME}
    return ROUTE.object({"parentRefs": [parent], "rules": [{"backendRefs": backends}]})


def profile(*weights: int) -> Object:
    """Weights are thousandths, as Linkerd's often are."""
    overrides = [
        {"authority": f"{name}.{_NAMESPACE}.svc.cluster.local:80", "weight": f"{weight}m"}
        for name, weight in zip(BACKENDS, weights, strict=True)
    ]
    return PROFILE.object({"dstOverrides": overrides}, name=shop.CATALOG.host)


def virtual(*weights: int) -> Object:
    ways = [
        {"destination": {"host": _NAME, "subset": version}, "weight": weight}
        for version, weight in zip(_VERSIONS, weights, strict=True)
    ]
    return VIRTUAL.object({"hosts": [_NAME], "http": [{"route": ways}]})


def subsets() -> Object:
    subsets = [{"name": version, "labels": {"version": version}} for version in _VERSIONS]
    return SUBSETS.object({"host": _NAME, "subsets": subsets})


def expected(kind: Kind, *weights: int) -> Mapping[str, Object]:
    """The expected items of an object with these weights: the name of each item, and its `backend`."""
    prefix = {
        SPLIT: "",
        ROUTE: "httproute.",
        PROFILE: "serviceprofile.",
        VIRTUAL: "virtualservice.",
    }[kind]
    name = shop.CATALOG.host if kind is PROFILE else _NAME
    parts = [(f"{_NAME}@{one}", {"name": _NAME, "subset": one}) for one in _VERSIONS]
    backends = parts if kind is VIRTUAL else [(one, {"name": one}) for one in BACKENDS]
    return {
        f"{prefix}{name}:{called}": {"apex": _NAME, **backend, "weight": weight}
        for (called, backend), weight in zip(backends, weights, strict=True)
    }
