"""Names as Kubernetes spells them, where a mesh tells them otherwise: without a namespace, with `_` for other
signs, namespace and service joined, or by a pod's address. Immutable once made.

Only what Kubernetes knows decides: a name that fits several, or none, stays what the mesh told.
"""

from __future__ import annotations

import dataclasses
import functools
import ipaddress
import re
from collections.abc import Mapping, Set
from typing import Any, TypeVar

from metrics_server.inventory import objects
from metrics_server.model import kinds, snapshot

Party = TypeVar("Party", snapshot.Peer, snapshot.Reporter)
_NEVER_NAMED = frozenset({kinds.NAMESPACE.name, kinds.NODE.name})


class Spelling:
    """The names of an inventory."""

    def __init__(self, things: objects.Inventory) -> None:
        self._things = things.known
        self._pods = things

    def peer(self, peer: snapshot.Peer) -> snapshot.Peer:
        """Return a peer by its proper names."""
        if peer.address:
            return self._at(peer.address)
        if peer.joined:
            return self._parted(peer.joined)
        return self.placed(self.restored(peer))

    def reporter(self, reporter: snapshot.Reporter) -> snapshot.Reporter:
        """Return a reporter by its proper names."""
        if not reporter.joined:
            return self.placed(self.restored(reporter))
        found = self._parted(reporter.joined)
        if found.host:
            return dataclasses.replace(reporter, joined="", instance=found.host)
        return dataclasses.replace(
            reporter, joined="", namespace=found.namespace, kind=kinds.SERVICE.name, workload=found.service
        )

    def restored(self, party: Party) -> Party:
        """Return somebody with the signs that `_` has taken the place of."""
        if not party.sanitized:
            return party
        namespace = self._only(self._namespaces, party.namespace)
        names = {field: getattr(party, field) for field in _NAMES if getattr(party, field, "")}
        real: dict[str, Any] = {
            field: self._only(self._names_in(namespace), name) for field, name in names.items()
        }
        return dataclasses.replace(party, namespace=namespace, sanitized=False, **real)

    def placed(self, party: Party) -> Party:
        """Return somebody who is told without a namespace in the one where Kubernetes knows the name."""
        if not party.anywhere:
            return party
        name = next((told for field in _NAMES if (told := getattr(party, field, ""))), "")
        namespaces = self._homes.get(name, frozenset())
        if party.namespace in namespaces:
            return dataclasses.replace(party, anywhere=False)
        namespace = next(iter(namespaces)) if len(namespaces) == 1 else ""
        return dataclasses.replace(party, namespace=namespace, anywhere=False)

    def _parted(self, joined: str) -> snapshot.Peer:
        """Return the one service whose namespace and name are these, joined."""
        cuts = (place for place, sign in enumerate(joined) if sign == "-")
        fitting = [
            ref
            for cut in cuts
            if (ref := kinds.Ref(kinds.SERVICE.name, joined[:cut], joined[cut + 1 :])) in self._things
        ]
        if len(fitting) != 1:
            return snapshot.Peer(host=joined)
        return snapshot.Peer(namespace=fitting[0].namespace, service=fitting[0].name)

    def _at(self, address: str) -> snapshot.Peer:
        """Return the pod with an address, which may carry a port."""
        host = re.sub(r"[:_][0-9]+$", "", address) if address.count(":") <= 1 or "]:" in address else address
        host = host.strip("[]")
        with_address = self._addresses.get(_canonical(host))
        if with_address is None:
            return snapshot.Peer(host=address)
        if with_address.kind == kinds.POD.name:
            return snapshot.Peer(namespace=with_address.namespace, pod=with_address.name)
        return snapshot.Peer(
            namespace=with_address.namespace, kind=with_address.kind, workload=with_address.name
        )

    @functools.cached_property
    def _addresses(self) -> Mapping[str, kinds.Ref]:
        found: dict[str, kinds.Ref | None] = {}
        for ref, thing in self._things.items():
            for address in map(_canonical, thing.addresses):
                found[address] = None if found.get(address, ref) != ref else ref
        # Pods on their node's network have one in common: who of them it was, nobody knows.
        return {address: ref for address, ref in found.items() if ref is not None}

    @functools.cached_property
    def _homes(self) -> Mapping[str, Set[str]]:
        """The namespaces in which each name is a service's, or that of a workload."""
        homes: dict[str, set[str]] = {}
        for ref, thing in self._things.items():
            if thing.owner is None and ref.kind not in _NEVER_NAMED:
                homes.setdefault(ref.name, set()).add(ref.namespace)
        return homes

    @functools.cached_property
    def _namespaces(self) -> Mapping[str, Set[str]]:
        return _sanitized(self._pods.namespaces)

    def _names_in(self, namespace: str) -> Mapping[str, Set[str]]:
        if namespace not in self._sanitized_names:
            names = {ref.name for ref in self._things if ref.namespace == namespace}
            self._sanitized_names[namespace] = _sanitized(names)
        return self._sanitized_names[namespace]

    @functools.cached_property
    def _sanitized_names(self) -> dict[str, Mapping[str, Set[str]]]:
        return {}

    @staticmethod
    def _only(names: Mapping[str, Set[str]], told: str) -> str:
        """Return the one name that is told in this way, else what was told."""
        real = names.get(told, frozenset())
        return next(iter(real)) if len(real) == 1 else told


_NAMES = ("pod", "workload", "service", "name")


def _sanitized(names: Set[str]) -> Mapping[str, Set[str]]:
    found: dict[str, set[str]] = {}
    for name in names:
        found.setdefault(re.sub(r"[^a-zA-Z0-9]", "_", name), set()).add(name)
    return found


def _canonical(address: str) -> str:
    """Return an address in its one spelling; a text that is none as it is."""
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return address
