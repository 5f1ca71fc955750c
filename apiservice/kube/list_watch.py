"""What lists and watches of a kube-apiserver say of objects, reduced to what tells who belongs to whom. Pure.

An object is asked for in the least form that says enough. Whatever else it carries, managed fields and
annotations above all, is several times as much, and is let go with the page or the event it came in.
"""

import dataclasses
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from apiservice.kube import client

Key = tuple[str, str]
"""Namespace, empty where there is none, and name."""
_SENSELESS = (LookupError, TypeError, AttributeError, ValueError)
"""What is raised by looking for something in an answer that is other than a kube-apiserver's."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What to ask for: the types of a list and of a watch, and how to say it."""

    listed: str
    watched: str
    query: Mapping[str, str] = dataclasses.field(default_factory=dict)


def _type(kind: str) -> str:
    return f"application/json;as={kind};g=meta.k8s.io;v=v1"


WHOLE = Form(listed=client.JSON, watched=client.JSON)
METADATA = Form(listed=_type("PartialObjectMetadataList"), watched=_type("PartialObjectMetadata"))
ROWS = Form(listed=_type("Table"), watched=_type("Table"), query={"includeObject": "Metadata"})
"""Metadata, and what `kubectl get -o wide` prints: a few cells instead of spec and status."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One kind of object, in all namespaces."""

    kind: str
    plural: str
    group: str = ""
    version: str = "v1"
    form: Form = METADATA
    columns: tuple[str, ...] = ()
    """Of the form `ROWS`: the cells that are kept."""

    @property
    def path(self) -> str:
        root = f"/apis/{self.group}" if self.group else "/api"
        return f"{root}/{self.version}/{self.plural}"

    def __str__(self) -> str:
        """As kubectl and RBAC commands spell it: `deployments.apps`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was said of one object."""

    key: Key
    labels: Mapping[str, str]
    controller: tuple[str, str] | None
    """Kind and name of the owner that manages it."""
    cells: tuple[str, ...]
    """Of the form `ROWS`, one for each column that is kept; empty where there is nothing."""
    spec: Mapping[str, Any]
    """Of the form `WHOLE`; empty in the others."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    seen: Sequence[Seen]
    version: str
    more: str
    """How to ask for the next page; empty on the last."""


class Reader:
    """Reads all answers about one resource. Raises `client.Garbled`.

    A watch says which columns there are with its first event only, and a list with each page, so the places
    of those that are kept are remembered between them.
    """

    def __init__(self, resource: Resource) -> None:
        self._resource = resource
        self._places: list[int] | None = None

    def page(self, answer: Mapping[str, Any]) -> Page:
        try:
            metadata = answer["metadata"]
            return Page(
                seen=self._all(answer, key="items"),
                version=_text(metadata["resourceVersion"]),
                more=str(metadata.get("continue") or ""),
            )
        except _SENSELESS as error:
            raise self._garbled("a list", error) from error

    def told(self, event: Mapping[str, Any]) -> tuple[Seen, str]:
        """The object of an event, and the version the watch has reached with it."""
        try:
            content = event["object"]
            (seen,) = self._all(content, key="")
            return seen, _text(content["metadata"]["resourceVersion"])
        except _SENSELESS as error:
            raise self._garbled("an event", error) from error

    def reached(self, bookmark: Mapping[str, Any]) -> str:
        """The version of an event that tells nothing else."""
        try:
            content = bookmark["object"]
            self._look_for_columns(content)
            return _text(content["metadata"]["resourceVersion"])
        except _SENSELESS as error:
            raise self._garbled("a bookmark", error) from error

    def _all(self, answer: Mapping[str, Any], *, key: str) -> list[Seen]:
        """The objects under a key, or (empty) the one that the answer is."""
        if self._resource.form is not ROWS:
            return [_seen(item) for item in (answer[key] or () if key else (answer,))]
        self._look_for_columns(answer)
        return [
            _seen(row["object"], cells=_kept(row["cells"], places=self._places))
            for row in answer["rows"] or ()
        ]

    def _look_for_columns(self, answer: Mapping[str, Any]) -> None:
        columns = answer.get("columnDefinitions")
        if columns:
            names = [column["name"] for column in columns]
            self._places = [names.index(column) for column in self._resource.columns]

    def _garbled(self, what: str, error: Exception) -> client.Garbled:
        return client.Garbled(f"{self._resource.path}: {what} that makes no sense: {error!r}")


def _seen(item: Mapping[str, Any], *, cells: tuple[str, ...] = ()) -> Seen:
    metadata = item["metadata"]
    owners = metadata.get("ownerReferences") or ()
    owner = next((one for one in owners if one.get("controller")), None)
    return Seen(
        key=(sys.intern(metadata.get("namespace", "")), _text(metadata["name"])),
        # The same words again and again, on thousands of objects.
        labels={sys.intern(k): sys.intern(v) for k, v in (metadata.get("labels") or {}).items()},
        controller=(sys.intern(owner["kind"]), sys.intern(owner["name"])) if owner else None,
        cells=cells,
        spec=item.get("spec") or {},
    )


_NONE = "<none>"
"""How Kubernetes prints that there is nothing."""


def _kept(cells: Sequence[Any], *, places: Sequence[int] | None) -> tuple[str, ...]:
    if places is None:
        raise ValueError("no column was ever named")
    texts = (_text(cells[place]) for place in places)
    return tuple("" if text == _NONE else sys.intern(text) for text in texts)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{value!r} is no text")
    return value
