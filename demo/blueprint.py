"""The types that describe a mesh: workloads, services, calls, and their latencies.

They are plain values. The data is in `shop`; `placement`, `envoy`, `inventory` and `apps` convert it.
"""

import dataclasses
import random
from collections.abc import Mapping

APP_PORT = 8080
DOMAIN = "svc.cluster.local"
SERVICE_HEADER = "x-demo-service"
"""Of answers: `namespace/name` of the service that the caller's sidecar chose."""


@dataclasses.dataclass(frozen=True, slots=True)
class Name:
    """A namespaced name."""

    namespace: str
    name: str

    @property
    def host(self) -> str:
        """The name that callers resolve."""
        return f"{self.name}.{self.namespace}.{DOMAIN}"

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclasses.dataclass(frozen=True, slots=True)
class Latency:
    """A lognormal distribution, and a slower one for a share of the requests: a median with a tail."""

    median: float
    """Seconds."""
    sigma: float = 0.35
    tail_share: float = 0.02
    tail_factor: float = 6.0

    def draw(self, dice: random.Random) -> float:
        factor = self.tail_factor if dice.random() < self.tail_share else 1.0
        return self.median * factor * dice.lognormvariate(0.0, self.sigma)


@dataclasses.dataclass(frozen=True, slots=True)
class Call:
    """One request an app makes while it answers."""

    service: Name
    path: str
    chance: float = 1.0
    required: bool = True
    """The caller cannot answer without it: a failure becomes the caller's own 502."""


Calls = tuple[Call, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Workload:
    """Pods of one kind and the app in them."""

    name: Name
    kind: str
    """A Kubernetes kind that controls pods, or `ExternalWorkload` for a machine outside Kubernetes."""
    replicas: int = 1
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict)
    latency: Latency = Latency(0.004)
    answers: Mapping[str, Calls] = dataclasses.field(default_factory=dict)
    """First path segment → the calls that answering it takes. Any other path is answered without a call."""
    failing: float = 0.0
    """The share of requests answered 503 unless the scenario sets another one."""
    slower: Mapping[int, float] = dataclasses.field(default_factory=dict)
    """Replica → how many times slower than the other replicas it is."""
    strict_tls: bool = False
    """Its sidecar accepts mutual TLS only."""
    public: bool = False
    """An ingress gateway: an Envoy without an app, open to the outside."""
    beat: float | None = None
    """Seconds between the requests that it starts itself, not to answer another one."""
    at_once: int | None = None
    """How many requests its app works on at a time; more of them wait."""

    @property
    def in_cluster(self) -> bool:
        return self.kind != "ExternalWorkload"

    def calls(self) -> Calls:
        return tuple(call for calls in self.answers.values() for call in calls)


@dataclasses.dataclass(frozen=True, slots=True)
class Service:
    name: Name
    selector: Mapping[str, str]
    split: Mapping[Name, int] = dataclasses.field(default_factory=dict)
    """Other services its traffic goes to, by weight, as in an SMI TrafficSplit."""


@dataclasses.dataclass(frozen=True, slots=True)
class Policy:
    """What a caller's sidecar does for one service beyond forwarding."""

    caller: Name
    service: Name
    timeout: float
    """Seconds for the request with all its retries."""
    retries: int


@dataclasses.dataclass(frozen=True, slots=True)
class Blueprint:
    nodes: tuple[str, ...]
    workloads: tuple[Workload, ...]
    services: tuple[Service, ...]
    policies: tuple[Policy, ...]
    entry_paths: Mapping[str, int]
    """The paths of requests from outside, by weight."""

    def service(self, name: Name) -> Service:
        return next(service for service in self.services if service.name == name)

    def policy(self, caller: Name, service: Name) -> Policy | None:
        return next((p for p in self.policies if (p.caller, p.service) == (caller, service)), None)
