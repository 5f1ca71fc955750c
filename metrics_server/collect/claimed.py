"""Says whether several profiles report the same proxy. Pure.

Two reporters of different profiles are the same proxy if they are the same pod, or if one scrape target is a
target of both. Several processes may share job and instance, as behind a federation or a collector: then the
series of the process, with all its labels, distinguishes them. A reporter without a target of its own, for
which another process reports, is identified by its name.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import NamedTuple

from metrics_server.model import snapshot


class _Identity(NamedTuple):
    """The name of a proxy, as far as every profile knows it."""

    namespace: str
    pod: str
    machine: str
    instance: str
    kind: str
    workload: str


class _Claim(NamedTuple):
    """Who claimed a target or a name."""

    profile: int
    """The number of the profile's snapshot."""
    is_pod: bool
    has_targets: bool


class ClaimedProxies:
    """The proxies that a profile has claimed."""

    def __init__(self) -> None:
        self._named: dict[_Identity, set[_Claim]] = {}
        self._scraped: dict[snapshot.Target, set[_Claim]] = {}
        self._metrics: dict[tuple[str, str], dict[str, set[_Claim]]] = {}
        """By job and instance, and by the metric of the process."""

    def claim(self, reporter: snapshot.Reporter, profile: int) -> None:
        """Let a profile, by the number of its snapshot, report this proxy."""
        claim = _claim(reporter, profile)
        self._named.setdefault(_identity(reporter), set()).add(claim)
        for target in reporter.targets:
            self._scraped.setdefault(target, set()).add(claim)
            metrics = self._metrics.setdefault((target.job, target.instance), {})
            metrics.setdefault(target.metric, set()).add(claim)

    def by_another(self, reporter: snapshot.Reporter, profile: int) -> bool:
        """Return whether another profile than this has claimed the proxy."""
        claim = _claim(reporter, profile)
        return any(
            other.profile != profile and (claim.is_pod or not (claim.has_targets and other.has_targets))
            for other in self._named.get(_identity(reporter), ())
        ) or any(self._is_scraped(target, claim) for target in reporter.targets)

    def _is_scraped(self, target: snapshot.Target, claim: _Claim) -> bool:
        if target.metric and any(other.profile != claim.profile for other in self._scraped.get(target, ())):
            return True
        # Without one series that both profiles read, only their names distinguish two pods that share job and
        # instance.
        metrics = self._metrics.get((target.job, target.instance), {})
        return any(
            other.profile != claim.profile and not (other.is_pod and claim.is_pod)
            for metric, others in metrics.items()
            if not metric or metric != target.metric
            for other in others
        )


class MachineNames:
    """The names of machines by their scrape targets: a profile may report the requests of a proxy of which
    another profile knows the name, or knows it better.
    """

    def __init__(self, reporters: Iterable[tuple[str, snapshot.Reporter]]) -> None:
        """`reporters`: those of all profiles, each with its profile, in order of precedence."""
        self._of: dict[snapshot.Target, snapshot.Reporter] = {}
        machines = [(profile, one) for profile, one in reporters if one.machine]
        # The profile that recognises the proxies of its mesh knows best what they are called.
        for _, one in sorted(machines, key=lambda found: found[0] != found[1].mesh.profile):
            for target in one.targets:
                self._of.setdefault(target, one)

    def named(self, reporter: snapshot.Reporter) -> snapshot.Reporter:
        """Return a reporter under its best name: that of a machine and its mesh, where it is one."""
        known = (self._of[target] for target in sorted(reporter.targets) if target in self._of)
        machine = None if reporter.pod else next(known, None)
        if machine is None:
            return reporter
        return dataclasses.replace(
            reporter, namespace=machine.namespace, machine=machine.machine, mesh=machine.mesh
        )


def _claim(reporter: snapshot.Reporter, profile: int) -> _Claim:
    return _Claim(profile, bool(reporter.pod), bool(reporter.targets))


def _identity(reporter: snapshot.Reporter) -> _Identity:
    # A pod is identified without its workload and a machine without its instance, which not every profile
    # reports.
    is_named = bool(reporter.pod or reporter.machine)
    return _Identity(
        reporter.namespace,
        reporter.pod,
        reporter.machine,
        "" if is_named else reporter.instance,
        "" if is_named else reporter.kind,
        "" if is_named else reporter.workload,
    )
