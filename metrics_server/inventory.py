"""What exists, as Kubernetes objects tell it: owners, labels, nodes, what a service selects.

Without a cluster to watch, the objects come from a file as `kubectl get
pods,replicasets,deployments,statefulsets,daemonsets, jobs,services,nodes,namespaces -A -o yaml` prints it
(YAML or JSON, lists and several documents welcome). A machine outside Kubernetes is Linkerd's
`ExternalWorkload` or Istio's `WorkloadEntry`. Fields that are not needed are not read, and nothing is
required but `kind` and `metadata.name`. Objects that split traffic are read as `splits`, and are no things:
one that makes no sense is warned of and left out.
"""

from __future__ import annotations

import contextlib
import functools
import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pydantic

from metrics_server import documents, words
from metrics_server.splits import fields, sources, values

logger = logging.getLogger(__name__)
_RENAMED = {"WorkloadEntry": words.EXTERNAL_WORKLOAD}
_DEEPEST = 10
"""Lists in lists."""
_LARGEST = 1 << 29
"""Bytes of the file: `kubectl get pods -o yaml` prints some 5 kB for each."""
_UNITS = frozenset({words.POD.name, words.EXTERNAL_WORKLOAD})


class BadInventory(ValueError):
    """A file that is not an inventory; the message names file, object and reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """One object of the cluster."""

    ref: words.Ref
    labels: Mapping[str, str] = field(default_factory=dict)
    owner: words.Ref | None = None
    """Its controller."""
    node: str = ""
    selector: Mapping[str, str] = field(default_factory=dict)
    """What a service selects; empty for everything else."""
    addresses: tuple[str, ...] = ()
    """Of a pod, or of a machine outside Kubernetes."""


@dataclass(frozen=True)
class Inventory:
    """All that is known to exist, and what existed lately."""

    things: Mapping[words.Ref, Thing] = field(default_factory=dict)
    gone: Mapping[words.Ref, Thing] = field(default_factory=dict)
    """What was deleted so lately that traffic of it may still be counted; nothing selects it any more."""
    splits: tuple[values.Split, ...] = ()
    """Of a file; a cluster's are followed apart (`declarations`)."""

    @functools.cached_property
    def known(self) -> Mapping[words.Ref, Thing]:
        """Both: where to look up what has traffic."""
        return {**self.gone, **self.things} if self.gone else self.things

    @functools.cached_property
    def services(self) -> Mapping[str, Sequence[Thing]]:
        """The services of each namespace."""
        return self._by_namespace(frozenset({words.SERVICE.name}))

    @functools.cached_property
    def units(self) -> Mapping[str, Sequence[Thing]]:
        """What a service can select, by namespace: pods, and machines outside Kubernetes."""
        return self._by_namespace(_UNITS)

    @functools.cached_property
    def namespaces(self) -> frozenset[str]:
        """All namespaces of which anything is known."""
        named = {ref.name for ref in self.things if ref.kind == words.NAMESPACE.name}
        return frozenset(named | {ref.namespace for ref in self.things if ref.namespace})

    def _by_namespace(self, kinds: frozenset[str]) -> Mapping[str, Sequence[Thing]]:
        found: dict[str, list[Thing]] = {}
        for ref, thing in self.things.items():
            if ref.kind in kinds:
                found.setdefault(ref.namespace, []).append(thing)
        return found


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


def read(text: str, *, source: str, splitting: Collection[str] = sources.DEFAULT) -> Inventory:
    """Return the inventory in a text, with the splits of some sources. Raises BadInventory with everything
    that is wrong.
    """
    things: dict[words.Ref, Thing] = {}
    declared: dict[words.Ref, values.Declared] = {}
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
            faults.extend(f"{where}: {documents.fault(e['loc'], e['msg'])}" for e in error.errors())
    if faults:
        raise BadInventory(documents.first(faults))
    return Inventory(things, splits=values.joined(declared.values()))


def _declared(content: object, kind: sources.Kind, *, where: str) -> dict[words.Ref, values.Declared]:
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
        return documents.read_all(text)
    except documents.Malformed as error:
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


def owner_of(namespace: str, *, kind: str, name: str) -> words.Ref | None:
    """Return the controller that an object of this namespace names."""
    # A static pod is owned by its node: that is where it runs, and not what it is a part of.
    return None if kind == words.NODE.name else words.Ref(kind, namespace, name)


def _thing(given: _Object) -> Thing:
    spec = given.spec or _Spec()
    metadata = given.metadata
    owner = next((o for o in metadata.ownerReferences or () if o.controller), None)
    selector = spec.selector if given.kind == words.SERVICE.name and isinstance(spec.selector, dict) else {}
    return Thing(
        ref=words.Ref(_RENAMED.get(given.kind, given.kind), metadata.namespace, metadata.name),
        labels=metadata.labels or {},
        owner=owner_of(metadata.namespace, kind=owner.kind, name=owner.name) if owner else None,
        node=spec.nodeName or "",
        selector={str(key): str(value) for key, value in selector.items()},
        addresses=_addresses(given),
    )


def _addresses(given: _Object) -> tuple[str, ...]:
    spec, status = given.spec or _Spec(), given.status or _Status()
    told: tuple[Any, ...] = ()
    if given.kind == words.POD.name:
        told = (status.podIP, *(one.ip for one in status.podIPs or ()))
    elif _RENAMED.get(given.kind, given.kind) == words.EXTERNAL_WORKLOAD:
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

    def current(self) -> Inventory:
        """Return the newest inventory that could be read."""
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

    def _load(self) -> Inventory:
        try:
            text = documents.text(self._path, most=_LARGEST)
        except (OSError, ValueError) as error:
            raise self._unreadable(error) from error
        return read(text, source=documents.named(self._path), splitting=self._splitting)

    def _unreadable(self, error: Exception) -> BadInventory:
        return BadInventory(f"{documents.named(self._path)}: cannot be read: {documents.unreadable(error)}")
