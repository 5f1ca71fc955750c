"""The last look at an answer: each of its rows is of the namespace that was authorized.

Routes and providers see to that. Should one of them err, the answer is a defect and never leaves: nothing
that a client sends may bring it about.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from apiservice import resources, routing


def check(rows: Sequence[resources.Row], *, endpoint: routing.Endpoint, within: str | None) -> None:
    """Raises RuntimeError for a row of another namespace, where a row says of which it is. `None` means all.

    Rows that the kit selects are sorted by namespace: if the first and the last are right, so are all.
    """
    if within is None or not rows:
        return
    for row in (rows[0], rows[-1]) if endpoint.selects else rows:
        home = _home(row.object, endpoint=endpoint)
        if home is not None and home != within:
            raise RuntimeError(f"an answer about namespace {within!r} has a row of {home!r}")


def _home(told: Mapping[str, Any], *, endpoint: routing.Endpoint) -> str | None:
    """The namespace of an object or of what a value describes; empty for none, `None` if it does not say."""
    metadata = told.get("metadata")
    if metadata is not None:
        if endpoint.namespaced:
            return str(metadata.get("namespace", ""))
        if endpoint.resource == routing.NAMESPACES and endpoint.subresource is None:
            return str(metadata.get("name", ""))
        namespace: str | None = metadata.get("namespace")
        return namespace
    described = told.get("describedObject")
    if described is None:
        return None
    return str(described["name"] if described["kind"] == "Namespace" else described.get("namespace", ""))
