"""What a product declares: its resources as data, and who provides their objects.

Routes, discovery, OpenAPI, Tables and authorization all follow from these values. Providers answer whole
collections; the kit selects, sorts, prints and encodes them.

Some groups, such as those that autoscalers read, have values instead of objects, below names that cannot all
be told beforehand. A resource or subresource with such names is called by what they stand for, in braces:
`{metric}`. It answers every name that no other declares, and discovery tells those it is known to have.
"""

import dataclasses
import enum
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from apiservice.authn import authenticator
from apiservice.http import errors
from apiservice.request import selectors


class Scope(enum.Enum):
    """Whether objects live in namespaces. The values are those of discovery."""

    NAMESPACED = "Namespaced"
    CLUSTER = "Cluster"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of the Table. Those with a `priority` above 0 are shown by `kubectl get -o wide` only."""

    name: str
    type: str = "string"
    format: str = ""
    description: str = ""
    priority: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """One object, ready for JSON, with apiVersion, kind and metadata; and what its printer needs besides."""

    object: Mapping[str, Any]
    detail: Any = None
    warnings: Sequence[str] = ()
    """Said to whoever asks for this one object."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """A provider's answer to a list, in any order and unselected."""

    rows: Sequence[Row]
    extra: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """Further top-level fields of the list envelope."""
    warnings: Sequence[str] = ()
    """Said to the user beside the answer; kubectl prints them."""


Everywhere = Callable[[], Awaitable[bool]]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What a request was authorized for: nothing else is in its answer, nor in the words of a refusal."""

    namespace: str | None
    """The one namespace; `None` means all, and what is in none."""
    everywhere: Everywhere
    """Whether this user may ask the same of all namespaces. The authorizer is asked only when this is."""

    def covers(self, namespace: str) -> bool:
        """Whether what is in a namespace (empty: in none) may be told."""
        return self.namespace is None or self.namespace == namespace

    async def widest(self) -> "Reach":
        """The reach of all namespaces where this user has it; else this one."""
        if self.namespace is None or not await self.everywhere():
            return self
        return dataclasses.replace(self, namespace=None)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What a provider is asked."""

    reach: Reach
    """Where the answer has to come from, whatever else is asked."""
    resource: str
    subresource: str | None = None
    namespace: str | None = None
    """`None` means all namespaces, or a resource without any."""
    name: str | None = None
    """Of the one object; for a subresource, of its parent. `None` for a list."""
    labels: selectors.LabelSelector = selectors.EVERY_LABEL
    fields: selectors.FieldSelector = selectors.EVERY_FIELD
    parameters: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """The resource's own query parameters, as they were sent."""
    user: authenticator.User
    group: str = ""
    version: str = ""

    def not_found(self, why: str = "") -> errors.NotFound:
        """The 404 for the one object asked for, in the words of Kubernetes, and `why` after them."""
        message = f'{self.resource}.{self.group} "{self.name}" not found'
        details = {"name": self.name, "group": self.group, "kind": self.resource}
        return errors.NotFound(f"{message}: {why}" if why else message, details=details)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Verbatim:
    """An answer that somebody else gave, handed on as it is."""

    status: int
    body: bytes
    content_type: str


Collect = Callable[[Query], Awaitable[Collection | Verbatim]]


class Provider(Protocol):
    """Where objects come from. Raises `errors.StatusError` for what it refuses."""

    async def list(self, query: Query) -> Collection: ...

    async def get(self, query: Query) -> Row: ...


Printer = Callable[[Row, datetime], Sequence[Any]]
"""The cells of a row, one per column, at the given time."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A query parameter beyond those of Kubernetes, with its OpenAPI schema."""

    name: str
    description: str
    schema: Mapping[str, Any]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Subresource:
    """Something readable below one object, or values of it. Its GET answers a list envelope."""

    name: str
    kind: str
    list_kind: str
    columns: Sequence[Column]
    printer: Printer
    fetch: Collect
    schema: str = ""
    """The OpenAPI component of one item; empty means the parent's."""
    description: str = ""
    told: Sequence[str] = ()
    """Of a name in braces: the names that discovery tells."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A readable resource: get and list."""

    plural: str
    singular: str
    kind: str
    """For discovery: no two resources of a version share one. The objects may say another of themselves."""
    list_kind: str
    scope: Scope
    columns: Sequence[Column]
    printer: Printer
    provider: Provider
    schema: str
    """The OpenAPI component of one object."""
    short_names: Sequence[str] = ()
    categories: Sequence[str] = ()
    field_labels: frozenset[str] = frozenset()
    """Fields it can be selected by, beside metadata.name and metadata.namespace."""
    parameters: Sequence[Parameter] = ()
    subresources: Sequence[Subresource] = ()
    description: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """A resource without objects: there are values of it, or of its parts. Each answer is a list envelope."""

    plural: str
    list_kind: str
    scope: Scope
    columns: Sequence[Column]
    printer: Printer
    schema: str
    """The OpenAPI component of one value."""
    verbs: Sequence[str] = ()
    """`list`, `get`; none where only the parts can be read."""
    collect: Collect | None = None
    """What the selectors mean is for it to say. It is told a name where there is one."""
    aliases: Sequence[str] = ()
    """Further names by which it answers; discovery does not tell them."""
    in_namespaces_too: bool = False
    """Whether one of cluster scope is also asked for below a namespace, as autoscalers do. Its user has to be
    allowed the same at cluster scope, too. One whose name is in braces is of no known scope: what it answers
    below a namespace is of that namespace.
    """
    told: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Of a name in braces: the names that discovery tells, and a kind for each."""
    subresources: Sequence[Subresource] = ()
    parameters: Sequence[Parameter] = ()
    description: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GroupVersion:
    """One version of an API group. Groups and versions are preferred in the order they are given in."""

    group: str
    version: str
    resources: Sequence[Resource] = ()
    schemas: Mapping[str, dict[str, Any]]
    """OpenAPI components by name, every field described."""
    values: Sequence[Values] = ()

    @property
    def name(self) -> str:
        return f"{self.group}/{self.version}"


def is_open(name: str) -> bool:
    """Whether a resource or subresource of this name answers every name that no other declares."""
    return name.startswith("{")
