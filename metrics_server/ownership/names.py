"""Resolves the names that a mesh reports to the names of Kubernetes objects. Immutable once made.

A mesh may report a name without its namespace, with `_` in place of every character that is no letter or
digit, as namespace and service joined by `-`, or as the address of a pod. The name is resolved only if
exactly one object of the inventory fits; else it stays as reported.

A name without a namespace may be that of a machine of the mesh. A machine's proxy means that machine, and an
object of the inventory only if the mesh has pods or the object describes machines. A pod's proxy means the
service or workload of its own namespace, then the machine, then the only object of that name.
"""

from __future__ import annotations

import dataclasses
import functools
import ipaddress
import re
from collections.abc import Mapping, Sequence, Set
from typing import Any, TypeVar

from metrics_server.inventory import objects
from metrics_server.model import kinds, snapshot
from metrics_server.ownership import machines
from metrics_server.splits import model

End = TypeVar("End", snapshot.Peer, snapshot.Reporter)
"""A peer or a reporter: one end of an edge."""
_HASH = 10
"""Characters: the rule of a route has a longer name if it is named by a hash, and a shorter number."""
_NEVER_NAMED = frozenset({kinds.NAMESPACE.name, kinds.NODE.name})
"""Kinds that no mesh reports as an end of an edge."""


class NameResolver:
    """Resolves names with one inventory."""

    def __init__(self, inventory: objects.Inventory) -> None:
        self._known = inventory.known
        self._inventory = inventory

    def peer(self, peer: snapshot.Peer, known: machines.Machines) -> snapshot.Peer:
        """Return a peer with the names of Kubernetes and of `known` machines, as far as they can be
        resolved.
        """
        if peer.cluster:
            return peer
        if peer.route is not None:
            return self._behind(peer.route) or dataclasses.replace(peer, route=None)
        if peer.address:
            return self._at(peer.address)
        if peer.joined:
            return self._parted(peer.joined)
        restored = self.restored(peer)
        return (
            self.placed(restored) if restored.scope is None else self._scoped(restored, restored.scope, known)
        )

    def _scoped(
        self, peer: snapshot.Peer, scope: snapshot.NameScope, known: machines.Machines
    ) -> snapshot.Peer:
        name = _name(peer) or peer.host
        is_local = not scope.is_machine and peer.namespace in self._homes.get(name, frozenset())
        machine = None if is_local else known.called(name, peer)
        if machine is not None:
            return snapshot.Peer(namespace=machine.namespace, kind=machine.kind, workload=machine.name)
        plain = dataclasses.replace(peer, scope=None)
        return _in_one_of(plain, known.homes if known.is_apart(scope) else self._homes)

    def reporter(self, reporter: snapshot.Reporter) -> snapshot.Reporter:
        """Return a reporter with the names of Kubernetes, as far as they can be resolved."""
        if reporter.route is not None:
            found = self._behind(reporter.route)
            if found is None:
                return dataclasses.replace(reporter, route=None)
            return dataclasses.replace(
                reporter,
                route=None,
                instance="",
                namespace=found.namespace,
                kind=kinds.SERVICE.name,
                workload=found.service,
            )
        if reporter.instance and not reporter.targets:
            return self._reporter_at(reporter)
        if not reporter.joined:
            return self.placed(self.restored(reporter))
        found = self._parted(reporter.joined)
        if found.host:
            return dataclasses.replace(reporter, joined="", instance=found.host)
        return dataclasses.replace(
            reporter, joined="", namespace=found.namespace, kind=kinds.SERVICE.name, workload=found.service
        )

    def _reporter_at(self, reporter: snapshot.Reporter) -> snapshot.Reporter:
        """Return the pod or machine for which another process reports by an address; else a host."""
        found = self._at(reporter.instance)
        if found.host:
            return reporter
        is_machine = found.kind == kinds.EXTERNAL_WORKLOAD
        return dataclasses.replace(
            reporter,
            instance="",
            namespace=found.namespace,
            pod=found.pod,
            machine=found.workload if is_machine else "",
            kind="" if is_machine else found.kind,
            workload="" if is_machine else found.workload,
        )

    def restored(self, end: End) -> End:
        """Return a peer or reporter with the characters that `_` has replaced."""
        if not end.sanitized:
            return end
        namespace = self._only(self._namespaces, end.namespace)
        names = {field: getattr(end, field) for field in _NAMES if getattr(end, field, "")}
        real: dict[str, Any] = {
            field: self._only(self._names_in(namespace), name) for field, name in names.items()
        }
        return dataclasses.replace(end, namespace=namespace, sanitized=False, **real)

    def placed(self, end: End) -> End:
        """Return a peer or reporter that was reported without a namespace in the one that has its name.

        Its own `namespace` (its caller's, for a peer) is kept if it has such a name; else the only namespace
        that has one is set, and an empty one if there are several or none.
        """
        return _in_one_of(end, self._homes)

    def _parted(self, joined: str) -> snapshot.Peer:
        """Return the only service whose `namespace-name` is this; a host if there are several or none."""
        cuts = (place for place, character in enumerate(joined) if character == "-")
        fitting = [
            ref
            for cut in cuts
            if (ref := kinds.Ref(kinds.SERVICE.name, joined[:cut], joined[cut + 1 :])) in self._known
        ]
        if len(fitting) != 1:
            return snapshot.Peer(host=joined)
        return snapshot.Peer(namespace=fitting[0].namespace, service=fitting[0].name)

    def _behind(self, route: snapshot.RouteName) -> snapshot.Peer | None:
        """Return the only service that a rule leads to, or one of its backends; None if there are several or
        the rule is not known. An unknown rule of a route whose rules all lead to one service leads there.
        """
        named = f"{route.namespace}/{route.name}" if route.namespace else route.name
        fitting = {
            service
            for rules in self._routes.get((route.kind, named), ())
            for service in _services(rules, route)
        }
        only = next(iter(fitting)) if len(fitting) == 1 else None
        if only is None or only.kind != kinds.SERVICE.name:
            return None
        return snapshot.Peer(namespace=only.namespace, service=only.name)

    def _at(self, address: str) -> snapshot.Peer:
        """Return the pod or machine with an address, which may have a port; a host if none is known."""
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
        for ref, one in self._known.items():
            for address in map(_canonical, one.addresses):
                found[address] = None if found.get(address, ref) != ref else ref
        # Pods with hostNetwork share the address of their node: such an address does not identify a pod.
        return {address: ref for address, ref in found.items() if ref is not None}

    @functools.cached_property
    def _routes(self) -> Mapping[tuple[str, str], Sequence[model.Rules]]:
        """The rules of routes by kind, in small letters or empty, and name: `namespace/name`, or both joined
        by a `-`, which may be the name of several.
        """
        found: dict[tuple[str, str], list[model.Rules]] = {}
        for ref, rules in self._inventory.routes.items():
            for name in (f"{ref.namespace}/{ref.name}", f"{ref.namespace}-{ref.name}"):
                for kind in (ref.kind.lower(), ""):
                    found.setdefault((kind, name), []).append(rules)
        return found

    @functools.cached_property
    def _homes(self) -> Mapping[str, Set[str]]:
        """The namespaces that have a service or a workload of a name, by that name."""
        homes: dict[str, set[str]] = {}
        for ref, one in self._known.items():
            if one.owner is None and ref.kind not in _NEVER_NAMED:
                homes.setdefault(ref.name, set()).add(ref.namespace)
        return homes

    @functools.cached_property
    def _namespaces(self) -> Mapping[str, Set[str]]:
        """The namespaces by their name with `_`."""
        return _sanitized(self._inventory.namespaces)

    def _names_in(self, namespace: str) -> Mapping[str, Set[str]]:
        """Return the names of a namespace's objects by their form with `_`."""
        if namespace not in self._originals:
            names = {ref.name for ref in self._known if ref.namespace == namespace}
            self._originals[namespace] = _sanitized(names)
        return self._originals[namespace]

    @functools.cached_property
    def _originals(self) -> dict[str, Mapping[str, Set[str]]]:
        return {}

    @staticmethod
    def _only(names: Mapping[str, Set[str]], reported: str) -> str:
        """Return the name that is reported in this form; the form itself if there are several or none."""
        real = names.get(reported, frozenset())
        return next(iter(real)) if len(real) == 1 else reported


_NAMES = ("pod", "workload", "service", "name")


def _services(rules: model.Rules, route: snapshot.RouteName) -> Sequence[kinds.Ref]:
    """Return the services of a rule, or one of its backends; those of all rules if it is not known."""
    if route.rule not in rules:
        is_number = len(route.rule) < _HASH and not route.backend
        return [service for services in rules.values() for service in services] if is_number else []
    services = rules[route.rule]
    if not route.backend:
        return services
    return services[int(route.backend) :][:1]


def _name(end: End) -> str:
    return next((given for field in _NAMES if (given := getattr(end, field, ""))), "")


def _in_one_of(end: End, homes: Mapping[str, Set[str]]) -> End:
    """Return what `NameResolver.placed` returns, given the namespaces that have a name, by that name."""
    if not end.anywhere:
        return end
    namespaces = homes.get(_name(end), frozenset())
    if end.namespace in namespaces:
        return dataclasses.replace(end, anywhere=False)
    namespace = next(iter(namespaces)) if len(namespaces) == 1 else ""
    return dataclasses.replace(end, namespace=namespace, anywhere=False)


def _sanitized(names: Set[str]) -> Mapping[str, Set[str]]:
    """Return names by their form with `_` for every character that is no letter or digit."""
    found: dict[str, set[str]] = {}
    for name in names:
        found.setdefault(re.sub(r"[^a-zA-Z0-9]", "_", name), set()).add(name)
    return found


def _canonical(address: str) -> str:
    """Return an IP address in its canonical form, and any other text unchanged."""
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return address
