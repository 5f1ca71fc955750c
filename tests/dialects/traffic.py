"""The calls with their numbers and durations: the truth that every dialect reports in its own way."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable


@dataclasses.dataclass(frozen=True, slots=True)
class Workload:
    kind: str
    namespace: str
    name: str
    pods: tuple[str, ...]
    meshed: bool = True
    """Whether it has proxies, so that others can know its identity."""
    scraped: bool = True
    """Whether its own proxies are scraped."""

    def __str__(self) -> str:
        return f"{self.kind.lower()}.{self.name}"

    @property
    def is_machine(self) -> bool:
        """Whether it is a machine outside Kubernetes; its one "pod" is the machine itself."""
        return self.kind == "ExternalWorkload"

    @property
    def has_pods(self) -> bool:
        """Whether Kubernetes runs it."""
        return self.kind not in {"ExternalWorkload", "Host", "Passthrough"}


@dataclasses.dataclass(frozen=True, slots=True)
class Call:
    """Requests of one pod to another, by the service of the called workload."""

    caller: Workload
    pod: str
    callee: Workload
    answered_by: str
    code: int
    milliseconds: tuple[float, ...]
    """How long each of them took."""
    grpc_status: int | None = None

    @property
    def count(self) -> int:
        return len(self.milliseconds)

    @property
    def failed(self) -> bool:
        return self.code >= 500 or bool(self.grpc_status)


FRONTEND = Workload(
    "Deployment", "shop", "frontend", ("frontend-7d4b9c6f5d-aaaaa", "frontend-7d4b9c6f5d-bbbbb")
)
CART = Workload("Deployment", "shop", "cart", ("cart-5f6d8b7c9-ccccc", "cart-5f6d8b7c9-ddddd"))
DB = Workload("StatefulSet", "data", "db", ("db-0",))
BROWSER = Workload("Deployment", "outside", "browser", ("browser-1",), meshed=False)
LEGACY = Workload("Deployment", "shop", "legacy", ("legacy-6c9f8d7b5-eeeee",), scraped=False)
IDLE = Workload("DaemonSet", "shop", "idle", ("idle-x7x7x",))
TILL = Workload("ExternalWorkload", "shop", "till", ("till",))
"""A machine outside Kubernetes that is part of the mesh."""
BANK = Workload("Host", "", "api.bank.example", ("api.bank.example",), meshed=False, scraped=False)
"""A host outside that the mesh knows."""
ANYWHERE = Workload(
    "Passthrough", "", "PassthroughCluster", ("www.example.org",), meshed=False, scraped=False
)
"""A host that the mesh does not know, and to which it lets traffic pass."""
WORKLOADS = (FRONTEND, CART, DB, IDLE, TILL)
NODES = ("node-1", "node-2")


def _spread(count: int, *, around: float) -> tuple[float, ...]:
    """Return durations (ms) from a tenth of a value to ten times it."""
    return tuple(around * 10 ** (2 * number / max(1, count - 1) - 1) for number in range(count))


CALLS = (
    Call(BROWSER, "browser-1", FRONTEND, FRONTEND.pods[0], 200, _spread(60, around=20)),
    Call(BROWSER, "browser-1", FRONTEND, FRONTEND.pods[1], 503, _spread(4, around=2)),
    Call(FRONTEND, FRONTEND.pods[0], CART, CART.pods[0], 200, _spread(40, around=9)),
    Call(FRONTEND, FRONTEND.pods[0], CART, CART.pods[1], 404, _spread(7, around=5)),
    Call(FRONTEND, FRONTEND.pods[1], CART, CART.pods[1], 200, _spread(33, around=11)),
    Call(FRONTEND, FRONTEND.pods[1], CART, CART.pods[1], 500, _spread(9, around=150)),
    Call(LEGACY, LEGACY.pods[0], CART, CART.pods[0], 200, _spread(21, around=8)),
    Call(CART, CART.pods[0], DB, DB.pods[0], 200, _spread(50, around=3), 0),
    Call(CART, CART.pods[1], DB, DB.pods[0], 200, _spread(5, around=700), 14),
    Call(FRONTEND, FRONTEND.pods[0], TILL, TILL.pods[0], 200, _spread(17, around=40)),
    Call(FRONTEND, FRONTEND.pods[0], TILL, TILL.pods[0], 502, _spread(3, around=400)),
    Call(FRONTEND, FRONTEND.pods[1], BANK, BANK.pods[0], 200, _spread(12, around=90)),
    Call(FRONTEND, FRONTEND.pods[1], BANK, BANK.pods[0], 503, _spread(2, around=30)),
    Call(CART, CART.pods[0], ANYWHERE, ANYWHERE.pods[0], 200, _spread(6, around=30)),
    Call(TILL, TILL.pods[0], DB, DB.pods[0], 200, _spread(13, around=3), 0),
)
"""A 404 is the caller's mistake and no failure; a gRPC status other than 0 is one, though its code is 200."""


def address(pod: str) -> str:
    """The IP of a pod, of a machine or of a host outside."""
    everybody = [each for workload in (*WORKLOADS, LEGACY, BROWSER, BANK, ANYWHERE) for each in workload.pods]
    return f"10.1.0.{everybody.index(pod) + 1}"


def node(pod: str) -> str:
    """Return the node where a pod runs."""
    return NODES[int(address(pod).rpartition(".")[2]) % len(NODES)]


@dataclasses.dataclass(frozen=True, slots=True)
class Truth:
    succeeded: float
    failed: float


def truth_of(calls: Iterable[Call]) -> Truth:
    calls = list(calls)
    return Truth(
        succeeded=sum(call.count for call in calls if not call.failed),
        failed=sum(call.count for call in calls if call.failed),
    )
