"""Objects without the parts that may differ between the ways to install."""

import copy
import re
from collections.abc import Iterable, Mapping
from typing import Any

from tests.deploy import rendering

_HELMS_OWN = ("app.kubernetes.io/managed-by", "helm.sh/chart")
_CHECKSUM = "checksum/settings"
_HASHED = re.compile(r"^(trafficmetrics)-[a-z0-9]{10}$")
"""A ConfigMap that kustomize made: `trafficmetrics-4d7fk2bh5m`."""

Key = tuple[str, str, str]


def by_key(objects: Iterable[rendering.Object]) -> Mapping[Key, rendering.Object]:
    """Return the objects by kind, namespace and name. The namespace itself is omitted: Helm keeps its record
    in it, and so cannot create it. Also omitted is what restarts pods with new settings: the hash in a name,
    or an annotation.
    """
    found = {}
    for original in objects:
        if original["kind"] == "Namespace":
            continue
        one = _plain(copy.deepcopy(original))
        metadata = one["metadata"]
        for label in _HELMS_OWN:
            metadata["labels"].pop(label, None)
        if one["kind"] == "Deployment":
            _forget_checksum(one["spec"]["template"]["metadata"])
        found[one["kind"], metadata.get("namespace", ""), metadata["name"]] = one
    return found


def _forget_checksum(metadata: dict[str, Any]) -> None:
    annotations = metadata.get("annotations", {})
    annotations.pop(_CHECKSUM, None)
    if not annotations:
        metadata.pop("annotations", None)


def _plain(value: Any) -> Any:
    """Without hashes in names, and with lists that mean sets in one order."""
    if isinstance(value, dict):
        return {
            key: sorted((_plain(one) for one in inner), key=lambda one: str(one["name"]))
            if key in {"volumes", "volumeMounts"}
            else _plain(inner)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, str) and (hashed := _HASHED.match(value)):
        return hashed[1]
    return value
