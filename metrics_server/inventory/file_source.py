"""Reads an inventory from a file of Kubernetes objects, and again when the file changes.

The file has what `kubectl get -o yaml` prints, in YAML or JSON, with lists and several documents. Only the
fields that are needed are read; only `kind` and `metadata.name` are required. A machine outside Kubernetes is
Linkerd's `ExternalWorkload` or Istio's `WorkloadEntry`. An invalid object that splits traffic is left out,
with a warning in the log; any other invalid object makes the file invalid.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pydantic

from metrics_server.inventory import objects
from metrics_server.model import kinds
from metrics_server.profiles import strict_yaml
from metrics_server.splits import fields, model, sources

logger = logging.getLogger(__name__)


_RENAMED = {"WorkloadEntry": kinds.EXTERNAL_WORKLOAD}
_DEEPEST = 10
"""Levels of lists in lists."""
_LARGEST = 1 << 29
"""Bytes of the file. `kubectl get pods -o yaml` prints some 5 kB for each pod."""


class BadInventory(ValueError):
    """The file cannot be used as an inventory; the message names the file, the object and the reason."""


class _Owner(pydantic.BaseModel):
    kind: str
    name: str
    controller: bool = False


class _Metadata(pydantic.BaseModel):
    name: str = pydantic.Field(min_length=1)
    namespace: str = ""
    labels: dict[str, str] | None = None
    ownerReferences: list[_Owner] | None = None  # noqa: N815 - Kubernetes' own spelling


class _Spec(pydantic.BaseModel):
    nodeName: str | None = None  # noqa: N815 - Kubernetes' own spelling
    selector: Any = None
    workloadIPs: Any = None  # noqa: N815 - Linkerd's own spelling, of a machine
    address: Any = None
    """The address of a machine in Istio's WorkloadEntry."""


class _Address(pydantic.BaseModel):
    ip: str


class _Status(pydantic.BaseModel):
    podIP: str | None = None  # noqa: N815 - Kubernetes' own spelling
    podIPs: list[_Address] | None = None  # noqa: N815 - Kubernetes' own spelling


class _Object(pydantic.BaseModel):
    kind: str = pydantic.Field(min_length=1)
    metadata: _Metadata
    spec: _Spec | None = None
    status: _Status | None = None


def read(text: str, *, source: str, splitting: Collection[str] = sources.DEFAULT) -> objects.Inventory:
    """Return the inventory in a text. `source`: the name of the file, for messages. `splitting`: the sources
    of splits to read (see `splits.sources`). Raises BadInventory, which names what is wrong with each object.
    """
    known: dict[kinds.Ref, objects.Object] = {}
    declared: dict[kinds.Ref, model.Declared] = {}
    routes: dict[kinds.Ref, model.Rules] = {}
    faults: list[str] = []
    for number, content in enumerate(_flat(_documents(text, source))):
        if isinstance(content, _BadList):
            faults.append(f"{source}: object {number}: items: {content}")
            continue
        if kind := sources.known(content):
            is_chosen = kind.source in splitting
            level = logging.WARNING if is_chosen else logging.DEBUG
            found = _declared(content, kind, where=f"{source}: object {number}", level=level)
            routes |= model.routes(found)
            declared |= found if is_chosen else {}
            continue
        try:
            one = _object(_Object.model_validate(content))
            known[one.ref] = one
        except pydantic.ValidationError as error:
            where = f"{source}: object {number}"
            faults.extend(f"{where}: {strict_yaml.fault(e['loc'], e['msg'])}" for e in error.errors())
    if faults:
        raise BadInventory(strict_yaml.first(faults))
    return objects.Inventory(known, splits=model.joined(declared.values()), routes=routes)


def _declared(
    content: object, kind: sources.SourceKind, *, where: str, level: int
) -> dict[kinds.Ref, model.Declared]:
    """Return what an object declares; nothing, with a line of this level in the log, if it is invalid."""
    try:
        given = fields.given(content, kind=kind.kind)
        return {given.ref: kind.read(given)}
    except fields.Malformed as error:
        logger.log(level, "%s, of kind %s, is left out: %s", where, kind.kind, error)
        return {}


def _documents(text: str, source: str) -> list[Any]:
    """Return the documents of a text. JSON is also YAML, but a JSON parser reads it ten times as fast."""
    with contextlib.suppress(orjson.JSONDecodeError):
        return [orjson.loads(text)]
    try:
        return strict_yaml.read_all(text)
    except strict_yaml.Malformed as error:
        raise BadInventory(f"{source}: neither YAML nor JSON: {error}") from error


class _BadList(str):
    """Why the `items` of a list cannot be used, as a message."""

    __slots__ = ()


def _flat(contents: Iterable[Any], *, depth: int = 0) -> Iterator[Any]:
    """Yield the objects, and those inside lists; a _BadList for a list that cannot be used."""
    for content in contents:
        if isinstance(content, dict) and str(content.get("kind", "")).endswith("List") and "items" in content:
            items = content["items"]
            if items is not None and not isinstance(items, list):
                yield _BadList("is no list; give the objects as kubectl prints them")
            elif depth >= _DEEPEST:
                yield _BadList(f"lists are nested more than {_DEEPEST} deep; give one list of objects")
            else:
                yield from _flat(items or (), depth=depth + 1)
        elif content is not None:
            yield content


def _object(given: _Object) -> objects.Object:
    spec = given.spec or _Spec()
    metadata = given.metadata
    owner = next((o for o in metadata.ownerReferences or () if o.controller), None)
    selector = spec.selector if given.kind == kinds.SERVICE.name and isinstance(spec.selector, dict) else {}
    return objects.Object(
        ref=kinds.Ref(_RENAMED.get(given.kind, given.kind), metadata.namespace, metadata.name),
        labels=metadata.labels or {},
        owner=objects.owner_of(metadata.namespace, kind=owner.kind, name=owner.name) if owner else None,
        node=spec.nodeName or "",
        selector={str(key): str(value) for key, value in selector.items()},
        addresses=_addresses(given),
    )


def _addresses(given: _Object) -> tuple[str, ...]:
    spec, status = given.spec or _Spec(), given.status or _Status()
    found: tuple[Any, ...] = ()
    if given.kind == kinds.POD.name:
        found = (status.podIP, *(one.ip for one in status.podIPs or ()))
    elif _RENAMED.get(given.kind, given.kind) == kinds.EXTERNAL_WORKLOAD:
        several = spec.workloadIPs if isinstance(spec.workloadIPs, list) else []
        found = (spec.address, *(one.get("ip") for one in several if isinstance(one, dict)))
    return tuple(dict.fromkeys(address for address in found if address and isinstance(address, str)))


class File:
    """An inventory file that is read again when it changes. If it cannot be read again, a warning is logged
    and the last good inventory stays.
    """

    def __init__(self, path: Path, *, splitting: Collection[str] = sources.DEFAULT) -> None:
        """`splitting`: the sources of splits to read. Raises BadInventory if the file cannot be used now."""
        self._path = path
        self._splitting = splitting
        self._complaint = ""
        self._seen = self._changed()
        self._inventory = self._load()

    @property
    def latest(self) -> objects.Inventory:
        """The inventory that was read last, without a look at the file."""
        return self._inventory

    def current(self) -> objects.Inventory:
        """Return the newest inventory that can be read. Reading a large file takes some 0.2 ms per object."""
        try:
            changed = self._changed()
            if changed != self._seen:
                self._seen = changed
                self._inventory = self._load()
                self._complaint = ""
        except BadInventory as error:
            self._complain(str(error))
        return self._inventory

    def _complain(self, text: str) -> None:
        """Log a problem once, however often the file is looked at."""
        if text != self._complaint:
            self._complaint = text
            logger.warning(
                "--inventory: the inventory could not be read again, the last good one stays; "
                "correct the file: %s",
                text.replace("\n", "; "),
            )

    def _changed(self) -> tuple[int, int, int]:
        """Return the file's time of change (ns), size (bytes) and inode."""
        try:
            status = self._path.stat()
        except (OSError, ValueError) as error:
            raise self._unreadable(error) from error
        return status.st_mtime_ns, status.st_size, status.st_ino

    def _load(self) -> objects.Inventory:
        try:
            text = strict_yaml.text(self._path, most=_LARGEST)
        except (OSError, ValueError) as error:
            raise self._unreadable(error) from error
        return read(text, source=strict_yaml.named(self._path), splitting=self._splitting)

    def _unreadable(self, error: Exception) -> BadInventory:
        return BadInventory(
            f"{strict_yaml.named(self._path)}: cannot be read: {strict_yaml.unreadable(error)}"
        )
