"""Lists and watch events of the kube-apiserver → the few properties of objects that this server needs. Pure.

An object is requested in the smallest form that has these properties. Its other fields, above all managed
fields and annotations, are several times larger, and are dropped with the page or event that contains them.
"""

import dataclasses
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from apiservice.kube import client

Key = tuple[str, str]
"""Namespace and name. The namespace is empty for objects without one."""
_SENSELESS = (LookupError, TypeError, AttributeError, ValueError)
"""Raised when a field is read from an answer that does not have the form of the Kubernetes API."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RequestForm:
    """The form in which objects are requested: media types of list and watch, and query parameters."""

    listed: str
    watched: str
    query: Mapping[str, str] = dataclasses.field(default_factory=dict)


def _type(kind: str) -> str:
    return f"application/json;as={kind};g=meta.k8s.io;v=v1"


WHOLE = RequestForm(listed=client.JSON, watched=client.JSON)
METADATA = RequestForm(listed=_type("PartialObjectMetadataList"), watched=_type("PartialObjectMetadata"))
ROWS = RequestForm(listed=_type("Table"), watched=_type("Table"), query={"includeObject": "Metadata"})
"""Metadata, and the cells that `kubectl get -o wide` prints, instead of spec and status."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WatchedResource:
    """One kind of object, in all namespaces."""

    kind: str
    plural: str
    group: str = ""
    version: str = "v1"
    form: RequestForm = METADATA
    columns: tuple[str, ...] = ()
    """With the form `ROWS`: names of the columns whose cells are kept."""

    @property
    def path(self) -> str:
        """The URL path of the list of all objects."""
        root = f"/apis/{self.group}" if self.group else "/api"
        return f"{root}/{self.version}/{self.plural}"

    def __str__(self) -> str:
        """The name in kubectl and RBAC: `deployments.apps`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ObjectProperties:
    """The properties of one object."""

    key: Key
    labels: Mapping[str, str]
    controller: tuple[str, str] | None
    """Kind and name of the owner whose reference has `controller: true`."""
    cells: tuple[str, ...]
    """With the form `ROWS`: one for each kept column, an empty string for `<none>`."""
    spec: Mapping[str, Any]
    """With the form `WHOLE`; empty in the others."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a list, and the list's resource version."""

    seen: Sequence[ObjectProperties]
    version: str
    more: str
    """The continue token of the next page; empty on the last page."""


class ResourceReader:
    """Reads lists and events of one resource. All methods raise `client.Garbled`.

    A list has the column definitions on each page, but a watch has them in its first event only. So the
    positions of the kept columns are remembered.
    """

    def __init__(self, resource: WatchedResource) -> None:
        self._resource = resource
        self._places: list[int] | None = None

    def page(self, answer: Mapping[str, Any]) -> Page:
        """The objects of a page of a list."""
        try:
            metadata = answer["metadata"]
            return Page(
                seen=self._all(answer, key="items"),
                version=_text(metadata["resourceVersion"]),
                more=str(metadata.get("continue") or ""),
            )
        except _SENSELESS as error:
            raise self._garbled("a list", error) from error

    def changed(self, event: Mapping[str, Any]) -> tuple[ObjectProperties, str]:
        """The object of an event, and the resource version of the watch after it."""
        try:
            content = event["object"]
            (seen,) = self._all(content, key="")
            return seen, _text(content["metadata"]["resourceVersion"])
        except _SENSELESS as error:
            raise self._garbled("an event", error) from error

    def reached(self, bookmark: Mapping[str, Any]) -> str:
        """The resource version of a bookmark, which has no object."""
        try:
            content = bookmark["object"]
            self._look_for_columns(content)
            return _text(content["metadata"]["resourceVersion"])
        except _SENSELESS as error:
            raise self._garbled("a bookmark", error) from error

    def _all(self, answer: Mapping[str, Any], *, key: str) -> list[ObjectProperties]:
        """The objects under the key; with an empty key, the answer itself is the one object."""
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
        return client.Garbled(f"{self._resource.path}: {what} that cannot be read: {error!r}")


def _seen(item: Mapping[str, Any], *, cells: tuple[str, ...] = ()) -> ObjectProperties:
    metadata = item["metadata"]
    owners = metadata.get("ownerReferences") or ()
    owner = next((one for one in owners if one.get("controller")), None)
    return ObjectProperties(
        key=(sys.intern(metadata.get("namespace", "")), _text(metadata["name"])),
        # Interned, as thousands of objects have the same labels.
        labels={sys.intern(k): sys.intern(v) for k, v in (metadata.get("labels") or {}).items()},
        controller=(sys.intern(owner["kind"]), sys.intern(owner["name"])) if owner else None,
        cells=cells,
        spec=item.get("spec") or {},
    )


_NONE = "<none>"
"""Kubernetes prints this in an empty cell."""


def _kept(cells: Sequence[Any], *, places: Sequence[int] | None) -> tuple[str, ...]:
    if places is None:
        raise ValueError("no column definitions were sent")
    texts = (_text(cells[place]) for place in places)
    return tuple("" if text == _NONE else sys.intern(text) for text in texts)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{value!r} is not a non-empty string")
    return value
