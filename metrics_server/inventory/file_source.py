"""Reads an inventory from a file of Kubernetes objects, and again when the file changes.

The file holds what `kubectl get -o yaml` prints, in YAML or JSON, with lists and several documents. Fields
that are not needed are not read, and nothing is required but `kind` and `metadata.name`. A machine outside
Kubernetes is Linkerd's `ExternalWorkload` or Istio's `WorkloadEntry`. An object that splits traffic and makes
no sense is warned of and left out.
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
"""Lists in lists."""


_LARGEST = 1 << 29
"""Bytes of the file: `kubectl get pods -o yaml` prints some 5 kB for each."""


class BadInventory(ValueError):
    """A file that is not an inventory; the message names file, object and reason."""


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
    """Of a machine, as Istio has it."""


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
    """Return the inventory in a text, with the splits of some sources. Raises BadInventory with everything
    that is wrong.
    """
    things: dict[kinds.Ref, objects.Thing] = {}
    declared: dict[kinds.Ref, model.Declared] = {}
    faults: list[str] = []
    for number, content in enumerate(_flat(_documents(text, source))):
        if isinstance(content, _NoList):
            faults.append(f"{source}: object {number}: items: {content}")
            continue
        if kind := sources.known(content):
            if kind.source in splitting:
                declared |= _declared(content, kind, where=f"{source}: object {number}")
            continue
        try:
            thing = _thing(_Object.model_validate(content))
            things[thing.ref] = thing
        except pydantic.ValidationError as error:
            where = f"{source}: object {number}"
            faults.extend(f"{where}: {strict_yaml.fault(e['loc'], e['msg'])}" for e in error.errors())
    if faults:
        raise BadInventory(strict_yaml.first(faults))
    return objects.Inventory(things, splits=model.joined(declared.values()))


def _declared(content: object, kind: sources.Kind, *, where: str) -> dict[kinds.Ref, model.Declared]:
    try:
        given = fields.given(content, kind=kind.kind)
        return {given.ref: kind.read(given)}
    except fields.Malformed as error:
        logger.warning("%s, of kind %s, is left out: %s", where, kind.kind, error)
        return {}


def _documents(text: str, source: str) -> list[Any]:
    """JSON is YAML, too, and much of it is read in a tenth of the time when it is taken for what it is."""
    with contextlib.suppress(orjson.JSONDecodeError):
        return [orjson.loads(text)]
    try:
        return strict_yaml.read_all(text)
    except strict_yaml.Malformed as error:
        raise BadInventory(f"{source}: neither YAML nor JSON: {error}") from error


class _NoList(str):
    """What stands where a list keeps its objects, in words."""

    __slots__ = ()


def _flat(contents: Iterable[Any], *, depth: int = 0) -> Iterator[Any]:
    for content in contents:
        if isinstance(content, dict) and str(content.get("kind", "")).endswith("List") and "items" in content:
            items = content["items"]
            if items is not None and not isinstance(items, list):
                yield _NoList("is no list; give the objects as kubectl prints them")
            elif depth >= _DEEPEST:
                yield _NoList("is a list in too many lists; give one list of objects")
            else:
                yield from _flat(items or (), depth=depth + 1)
        elif content is not None:
            yield content


def _thing(given: _Object) -> objects.Thing:
    spec = given.spec or _Spec()
    metadata = given.metadata
    owner = next((o for o in metadata.ownerReferences or () if o.controller), None)
    selector = spec.selector if given.kind == kinds.SERVICE.name and isinstance(spec.selector, dict) else {}
    return objects.Thing(
        ref=kinds.Ref(_RENAMED.get(given.kind, given.kind), metadata.namespace, metadata.name),
        labels=metadata.labels or {},
        owner=objects.owner_of(metadata.namespace, kind=owner.kind, name=owner.name) if owner else None,
        node=spec.nodeName or "",
        selector={str(key): str(value) for key, value in selector.items()},
        addresses=_addresses(given),
    )


def _addresses(given: _Object) -> tuple[str, ...]:
    spec, status = given.spec or _Spec(), given.status or _Status()
    told: tuple[Any, ...] = ()
    if given.kind == kinds.POD.name:
        told = (status.podIP, *(one.ip for one in status.podIPs or ()))
    elif _RENAMED.get(given.kind, given.kind) == kinds.EXTERNAL_WORKLOAD:
        several = spec.workloadIPs if isinstance(spec.workloadIPs, list) else []
        told = (spec.address, *(one.get("ip") for one in several if isinstance(one, dict)))
    return tuple(dict.fromkeys(address for address in told if address and isinstance(address, str)))


class File:
    """An inventory file that is read again when it changes; a broken one is reported and the last good one
    kept.
    """

    def __init__(self, path: Path, *, splitting: Collection[str] = sources.DEFAULT) -> None:
        """`splitting`: the sources of splits. Raises BadInventory if the file cannot be used now."""
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
        """Once, however often it is looked at."""
        if text != self._complaint:
            self._complaint = text
            said = text.replace("\n", "; ")
            logger.warning(
                "--inventory: the inventory could not be read again, the last good one stays; "
                "correct the file: %s",
                said,
            )

    def _changed(self) -> tuple[int, int, int]:
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
