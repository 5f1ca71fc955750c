"""A mesh of three namespaces: one that the test's user may read, one with traffic to it, and one without.

There are two versions of it. What the readers of `data` may know is the same in both: its own traffic, and
the endpoints of that traffic. Only the whole version has everything else, with names that cannot be guessed
and with unique figures. So a user who may read only `data` must not be able to distinguish the two.
"""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

import prometheus_client

from apiservice.authn import authenticator
from apiservice.authz import authorizer
from apiservice.observe import health
from apiservice.request import request_info
from apiservice.server import handler, sockets
from metrics_server.api import view as api_view
from metrics_server.api.autoscaling import groups, query
from metrics_server.api.smi import group
from metrics_server.inventory import objects
from metrics_server.model import kinds, snapshot
from metrics_server.splits import model
from metrics_server.store import store
from tests.apiservice import fruits
from tests.metrics_server import meshes

OWN, NEAR, FAR = "data", "near-q7xk", "far-z3wj"
NODE_OWN, NODE_FAR = "node-own", "node-far-w8rt"
USER = authenticator.User(name="viewer", groups=(authenticator.AUTHENTICATED,))


@dataclasses.dataclass(frozen=True, slots=True)
class App:
    """A Deployment with a ReplicaSet, a pod and a service."""

    namespace: str
    name: str
    node: str = NODE_OWN

    def ref(self, kind: str) -> kinds.Ref:
        named = {"Pod": f"{self.name}-pod", "ReplicaSet": f"{self.name}-rs", "Service": f"{self.name}-svc"}
        return kinds.Ref(kind, self.namespace, named.get(kind, self.name))

    def objects(self) -> Iterable[objects.Object]:
        labels = {"app": self.name, "of": self.namespace}
        owned = (("Deployment", ""), ("ReplicaSet", "Deployment"), ("Pod", "ReplicaSet"))
        for kind, above in owned:
            yield objects.Object(
                ref=self.ref(kind),
                labels=labels,
                owner=self.ref(above) if above else None,
                node=self.node if kind == "Pod" else "",
            )
        yield objects.Object(ref=self.ref("Service"), selector=labels)


LEDGER, STORE = App(OWN, "ledger"), App(OWN, "store")
CALLER, CALLED = App(NEAR, "teller-m2vd"), App(NEAR, "mint-c9hb")
INNER, FAR_A, FAR_B = App(NEAR, "guard-p5yn"), App(FAR, "payments-k8fs", NODE_FAR), App(FAR, "audit-t4gc")
HOST, FAR_HOST = "api.own.example", "api.d6lu.example"
SILENT = App(FAR, "silent-b7je")
"""It exists, but is not scraped."""
HIDDEN = (INNER, FAR_A, FAR_B, SILENT)


@dataclasses.dataclass(frozen=True, slots=True)
class World:
    """The content of a version: the apps, and the number of calls between them."""

    apps: Sequence[App]
    unscraped: Sequence[App]
    calls: Sequence[tuple[App, App | str, int]]

    def snapshot(self) -> snapshot.Snapshot:
        reporters = [
            meshes.pod(app.ref("Pod").name, app.namespace, app=app.name, of=app.namespace)
            for app in self.apps
        ]
        called = list(dict.fromkeys(callee for _, callee, _ in self.calls))
        peers = [
            snapshot.Peer(host=one)
            if isinstance(one, str)
            else snapshot.Peer(namespace=one.namespace, service=one.ref("Service").name)
            for one in called
        ]
        return meshes.moment(
            reporters,
            peers=peers,
            client=[(self.apps.index(a), called.index(b), count, 1) for a, b, count in self.calls],
            server=[(self.apps.index(b), -1, count, 1) for _, b, count in self.calls if isinstance(b, App)],
        )

    def inventory(self) -> objects.Inventory:
        everything = (*self.apps, *self.unscraped)
        found = [one for app in everything for one in app.objects()]
        found += [objects.Object(ref=kinds.Ref("Namespace", "", app.namespace)) for app in everything]
        found += [objects.Object(ref=kinds.Ref("Node", "", app.node)) for app in everything]
        return meshes.inventory(*found)

    def splits(self) -> Sequence[model.Split]:
        """Each namespace splits its own traffic, and `data` also declares splits of the others' traffic."""
        found = [_split(app.namespace, app.name, app, app) for app in self.apps]
        return (*found, _split(OWN, "spying", FAR_A, FAR_B), _split(OWN, "peeping", CALLED, INNER))


def _split(namespace: str, name: str, *backends: App) -> model.Split:
    return model.Split(
        ref=kinds.Ref(model.OBJECT, namespace, name),
        apex=backends[0].ref("Service").name,
        backends=tuple(
            model.Backend(service=app.ref("Service"), weight=number + 1)
            for number, app in enumerate(dict.fromkeys(backends))
        ),
        at_home=all(app.namespace == namespace for app in backends),
    )


_SHARED = (
    (CALLER, LEDGER, 101),
    (LEDGER, STORE, 103),
    (STORE, CALLED, 107),
    (STORE, HOST, 109),
)
WHOLE = World(
    apps=(LEDGER, STORE, CALLER, CALLED, INNER, FAR_A, FAR_B),
    unscraped=(SILENT,),
    calls=(
        *_SHARED,
        (CALLER, INNER, 211),
        (INNER, CALLED, 223),
        (FAR_A, FAR_B, 227),
        (FAR_B, FAR_A, 229),
        (FAR_A, HOST, 233),
        (FAR_B, FAR_HOST, 239),
        (FAR_A, CALLED, 241),
    ),
)
KNOWN = World(apps=(LEDGER, STORE, CALLER, CALLED), unscraped=(), calls=_SHARED)
"""What the readers of `data` may know."""


@dataclasses.dataclass(slots=True)
class Rbac:
    """Allows requests in some namespaces (None: everywhere), and records them."""

    namespaces: frozenset[str] | None
    asked: list[request_info.Attributes] = dataclasses.field(default_factory=list)
    allowed: list[request_info.Attributes] = dataclasses.field(default_factory=list)

    async def authorize(
        self, user: authenticator.User, *, attributes: request_info.Attributes
    ) -> authorizer.Decision:
        self.asked.append(attributes)
        if self.namespaces is not None and attributes.namespace not in self.namespaces:
            return authorizer.Decision(allowed=False, reason="no binding")
        self.allowed.append(attributes)
        return authorizer.Decision(allowed=True)


@dataclasses.dataclass(frozen=True, slots=True)
class Anybody:
    """Every request has the viewer's identity."""

    async def authenticate(self, credentials: authenticator.Credentials) -> authenticator.User | None:
        return USER


@dataclasses.dataclass(frozen=True, slots=True)
class _Source:
    """Returns the whole mesh for every request: the code under test has to remove what must be hidden."""

    taken: snapshot.Snapshot

    async def take(
        self, namespace: str | None, *, window: float, latency: frozenset[kinds.Side]
    ) -> snapshot.Snapshot | None:
        return dataclasses.replace(self.taken, window=window)


@asynccontextmanager
async def served(
    world: World, rbac: Rbac, *, others: query.Others | None = None
) -> AsyncIterator[handler.Handler]:
    """The product's API for a version, with `rbac` for authorization."""
    known, splits = world.inventory(), world.splits()
    moments = store.Store(
        _Source(world.snapshot()), inventory=lambda: known, clock=lambda: 1000.0, refresh=3600.0
    )
    view = api_view.SnapshotReader(moments, 30.0, lambda: splits)
    try:
        yield sockets.build(
            [group.group(view), *groups.groups(view, others=others)],
            authenticator=Anybody(),
            authorizer=rbac,
            checks=health.HealthChecks(),
            registry=prometheus_client.CollectorRegistry(),
            clock=lambda: fruits.NOW,
            title="TrafficMetrics",
            release="1.2.3",
        )
    finally:
        await moments.close()
