"""The declaration of an API: its resources as data, and the providers of their objects.

Routes, discovery, OpenAPI, Tables and authorization are derived from these values. Providers return whole
collections; this package selects, sorts, prints and encodes them.

Some groups, such as those that autoscalers read, have values instead of objects, and the names of their
resources are not known in advance. Such a resource or subresource is declared with a placeholder in braces,
as in `{metric}`. It answers all names that are not declared otherwise. Discovery lists the names that the
declaration has in `listed`.
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
    """Whether the objects of a resource are in namespaces. The values are those of discovery."""

    NAMESPACED = "Namespaced"
    CLUSTER = "Cluster"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of the Table. Only `kubectl get -o wide` shows columns with a `priority` above 0."""

    name: str
    type: str = "string"
    format: str = ""
    description: str = ""
    priority: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """One object, ready for JSON, with apiVersion, kind and metadata."""

    object: Mapping[str, Any]
    detail: Any = None
    """What the printer needs in addition to the object."""
    warnings: Sequence[str] = ()
    """Sent with the answer if this one object is requested."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """A provider's answer to a list: all objects, in any order."""

    rows: Sequence[Row]
    extra: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """Further top-level fields of the list."""
    warnings: Sequence[str] = ()
    """Sent as `Warning` headers, which kubectl prints."""


Everywhere = Callable[[], Awaitable[bool]]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """The namespaces for which a request is authorized. Answers and error messages reveal no others."""

    namespace: str | None
    """The one namespace; `None` means all namespaces and objects without a namespace."""
    everywhere: Everywhere
    """Whether this user may send the same request for all namespaces. The authorizer is called only then."""

    def covers(self, namespace: str) -> bool:
        """Whether the answer may contain objects of a namespace; empty means objects without a namespace."""
        return self.namespace is None or self.namespace == namespace

    async def widest(self) -> "Reach":
        """A reach of all namespaces if this user is allowed that, else this reach."""
        if self.namespace is None or not await self.everywhere():
            return self
        return dataclasses.replace(self, namespace=None)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A request as a provider gets it."""

    reach: Reach
    """The provider must not return objects outside of it."""
    resource: str
    subresource: str | None = None
    namespace: str | None = None
    """`None` means all namespaces, or a resource of cluster scope."""
    name: str | None = None
    """The object's name; for a subresource, that of its parent; `None` for a list."""
    labels: selectors.LabelSelector = selectors.EVERY_LABEL
    fields: selectors.FieldSelector = selectors.EVERY_FIELD
    parameters: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """The resource's own query parameters, as they were sent."""
    user: authenticator.User
    group: str = ""
    version: str = ""

    def not_found(self, why: str = "") -> errors.NotFound:
        """The 404 for the requested object, in the kube-apiserver's wording, followed by `why`."""
        message = f'{self.resource}.{self.group} "{self.name}" not found'
        details = {"name": self.name, "group": self.group, "kind": self.resource}
        return errors.NotFound(f"{message}: {why}" if why else message, details=details)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Verbatim:
    """An answer of another server, which is forwarded unchanged."""

    status: int
    body: bytes
    content_type: str


Collect = Callable[[Query], Awaitable[Collection | Verbatim]]


class Provider(Protocol):
    """Provides the objects of a resource. Its methods raise `errors.StatusError` for a refusal."""

    async def list(self, query: Query) -> Collection:
        """All objects that the query may see; label and field selectors are applied by the caller."""

    async def get(self, query: Query) -> Row:
        """The one object. Raises `errors.NotFound`."""


Printer = Callable[[Row, datetime], Sequence[Any]]
"""The cells of a row, one per column, at the given time."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A query parameter that Kubernetes does not define, with its OpenAPI schema."""

    name: str
    description: str
    schema: Mapping[str, Any]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Subresource:
    """A subresource of an object, or of values. A GET returns a list."""

    name: str
    kind: str
    list_kind: str
    columns: Sequence[Column]
    printer: Printer
    fetch: Collect
    schema: str = ""
    """The OpenAPI component of one item; empty means that of the parent."""
    description: str = ""
    listed: Sequence[str] = ()
    """For a name in braces: the names that discovery lists."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A resource with the verbs get and list."""

    plural: str
    singular: str
    kind: str
    """The kind in discovery, unique in a version. The objects themselves may have another kind."""
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
    """Fields allowed in a field selector, in addition to metadata.name and metadata.namespace."""
    parameters: Sequence[Parameter] = ()
    subresources: Sequence[Subresource] = ()
    description: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ValueResource:
    """A resource that has values instead of objects, itself or in its subresources. Each answer is a list."""

    plural: str
    list_kind: str
    scope: Scope
    columns: Sequence[Column]
    printer: Printer
    schema: str
    """The OpenAPI component of one value."""
    verbs: Sequence[str] = ()
    """`list`, `get`; empty if only the subresources can be read."""
    collect: Collect | None = None
    """Returns the values. It applies the selectors and the name of the query itself."""
    aliases: Sequence[str] = ()
    """Further names of the resource, which discovery does not list."""
    in_namespaces_too: bool = False
    """Whether a resource of cluster scope is also served below a namespace, where autoscalers request it. The
    user then also needs the permission at cluster scope. A resource with a name in braces has no known scope:
    below a namespace it returns values of that namespace only.
    """
    listed: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """For a name in braces: the names that discovery lists, and the kind of each."""
    subresources: Sequence[Subresource] = ()
    parameters: Sequence[Parameter] = ()
    description: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GroupVersion:
    """One version of an API group. Clients prefer groups and versions in the order of their declaration."""

    group: str
    version: str
    resources: Sequence[Resource] = ()
    schemas: Mapping[str, dict[str, Any]]
    """OpenAPI components by name, with a description of every field."""
    values: Sequence[ValueResource] = ()

    @property
    def name(self) -> str:
        """Group and version, as in `apiVersion`."""
        return f"{self.group}/{self.version}"


def is_open(name: str) -> bool:
    """Whether a declared name is a placeholder in braces, for all names that are not declared otherwise."""
    return name.startswith("{")
