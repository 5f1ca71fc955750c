"""The sources of splits: the name of each in settings, and its kinds of object. A new source is a row of the
table below and a module that reads it. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from metrics_server.splits import fields, gateway, istio, linkerd, model, smi, traefik


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceKind:
    """A kind of object that declares splits or subsets."""

    source: str
    """Its source's name in `--splits`."""
    kind: str
    plural: str
    group: str
    versions: tuple[str, ...]
    """The versions that can be read, the newest first. A cluster serves each object in all its versions."""
    read: Callable[[fields.SourceObject], model.Declared]
    """Reads one object; raises fields.Malformed."""

    def __str__(self) -> str:
        """Return the plural with the group, as kubectl and RBAC write it."""
        return f"{self.plural}.{self.group}"


_GATEWAY, _ISTIO = "gateway.networking.k8s.io", "networking.istio.io"
_OF_ISTIO = ("v1", "v1beta1", "v1alpha3")

KINDS: tuple[SourceKind, ...] = (
    SourceKind(
        source="smi",
        kind=model.OBJECT,
        plural="trafficsplits",
        group="split.smi-spec.io",
        versions=("v1alpha4", "v1alpha3", "v1alpha2", "v1alpha1"),
        read=smi.read,
    ),
    SourceKind(
        source="gateway",
        kind="HTTPRoute",
        plural="httproutes",
        group=_GATEWAY,
        versions=("v1", "v1beta1", "v1alpha2"),
        read=gateway.read,
    ),
    SourceKind(
        source="gateway",
        kind="GRPCRoute",
        plural="grpcroutes",
        group=_GATEWAY,
        versions=("v1", "v1alpha2"),
        read=gateway.read,
    ),
    SourceKind(
        source="linkerd",
        kind="ServiceProfile",
        plural="serviceprofiles",
        group="linkerd.io",
        versions=("v1alpha2", "v1alpha1"),
        read=linkerd.read,
    ),
    SourceKind(
        source="istio",
        kind="VirtualService",
        plural="virtualservices",
        group=_ISTIO,
        versions=_OF_ISTIO,
        read=istio.routes,
    ),
    SourceKind(
        source="istio",
        kind="DestinationRule",
        plural="destinationrules",
        group=_ISTIO,
        versions=_OF_ISTIO,
        read=istio.subsets,
    ),
    SourceKind(
        source="traefik",
        kind="IngressRoute",
        plural="ingressroutes",
        group="traefik.io",
        versions=("v1alpha1",),
        read=traefik.read,
    ),
)
NAMES: tuple[str, ...] = tuple(dict.fromkeys(kind.source for kind in KINDS))
DEFAULT = frozenset({"smi"})
_BY_TYPE: Mapping[tuple[str, str], SourceKind] = {(kind.group, kind.kind): kind for kind in KINDS}


def of(sources: Collection[str]) -> Sequence[SourceKind]:
    """Return the kinds of some sources."""
    return [kind for kind in KINDS if kind.source in sources]


def known(content: object) -> SourceKind | None:
    """Return the kind of an object in a file, whatever its version; None if it declares no splits."""
    if not isinstance(content, Mapping):
        return None
    group, _, _ = str(content.get("apiVersion")).rpartition("/")
    return _BY_TYPE.get((group, str(content.get("kind"))))
