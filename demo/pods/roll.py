"""The pods that are in the mesh now: each registers periodically, and is removed when it ends or stops.

So no rights in the cluster's API are needed to list the pods, and a replaced pod is known at once.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from demo import blueprint, faults, placement
from demo.pods import identity

BEAT = 2.0
"""Seconds between two registrations of a pod."""
_SILENCE = 5 * BEAT


def word(pod: placement.Pod) -> Mapping[str, str]:
    """The registration of a pod, as JSON."""
    return {
        "name": pod.name,
        "workload": str(pod.workload.name),
        "address": pod.address,
        "node": pod.node,
    }


def heard(said: Mapping[str, Any]) -> placement.Pod:
    try:
        name, workload, address, node = (str(said[key]) for key in ("name", "workload", "address", "node"))
    except KeyError as missing:
        raise faults.DemoError(f"a pod did not say its {missing.args[0]}") from None
    return identity.described(name, workload=identity.named(workload), address=address, node=node)


@dataclasses.dataclass(frozen=True, slots=True)
class _Entry:
    pod: placement.Pod
    at: float


class Roll:
    """`clock` in monotonic seconds."""

    def __init__(self, plan: blueprint.Blueprint, *, clock: Callable[[], float]) -> None:
        self._plan = plan
        self._clock = clock
        self._entries: dict[str, _Entry] = {}
        self._gateways: list[placement.Pod] = []

    def enter(self, pod: placement.Pod) -> None:
        self._entries[pod.name] = _Entry(pod, self._clock())

    def leave(self, name: str) -> None:
        """Remove a pod that deregistered."""
        self._entries.pop(name, None)

    def pods(self) -> list[placement.Pod]:
        now = self._clock()
        self._entries = {name: e for name, e in self._entries.items() if now - e.at <= _SILENCE}
        return [entry.pod for _, entry in sorted(self._entries.items())]

    def missing(self) -> list[str]:
        """Workloads that have fewer pods than they should; of one per node, one is enough."""
        here = [pod.workload.name for pod in self.pods()]
        return [
            str(workload.name)
            for workload in self._plan.workloads
            if here.count(workload.name) < (1 if workload.kind == "DaemonSet" else workload.replicas)
        ]

    def gateways(self) -> Iterator[placement.Pod]:
        """The gateways in turn. Without any the last ones are used again, so that requests fail."""
        turn = 0
        while True:
            self._gateways = [pod for pod in self.pods() if pod.workload.public] or self._gateways
            if not self._gateways:
                raise faults.DemoError("no gateway has said that it is there yet; wait for /ready")
            yield self._gateways[turn % len(self._gateways)]
            turn += 1
