"""Another adapter for the autoscaler's APIs, made with the kit: it has the number of waiting orders.

As a real adapter, it authenticates by the cluster's tokens (TokenReview) and authorizes by the cluster's
rules (SubjectAccessReview). It listens on loopback with a certificate for `orders.queues.svc`.
"""

import contextlib
import dataclasses
import datetime
import ssl
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import prometheus_client

from apiservice.authn import delegated_config_watch
from apiservice.http import errors
from apiservice.kube import client, config
from apiservice.observe import health
from apiservice.resources import declaration
from apiservice.server import delegated_auth, sockets
from tests.apiservice import pki
from tests.cluster import cluster
from tests.metrics_server import other_adapter

NAME, NAMESPACE = "orders", "queues"
METRIC = "orders_waiting"
_CUSTOM, _EXTERNAL = "custom.metrics.k8s.io", "external.metrics.k8s.io"
_SCHEMA = "test.Value"
_COLUMNS = (declaration.Column(name="Value"),)


@dataclasses.dataclass(slots=True)
class Orders:
    """Attributes may be changed at any time."""

    port: int = 0
    waiting: int = 30
    asked: list[declaration.Query] = dataclasses.field(default_factory=list)

    async def of_pods(self, query: declaration.Query) -> declaration.Collection:
        return self._answer(
            query, query.subresource,
            describedObject={"kind": "Pod", "namespace": query.namespace, "name": "web"},
            metric={"name": METRIC, "selector": None},
        )  # fmt: skip

    async def external(self, query: declaration.Query) -> declaration.Collection:
        return self._answer(query, query.resource, metricName=METRIC, metricLabels={})

    def _answer(
        self, query: declaration.Query, asked: str | None, **described: Any
    ) -> declaration.Collection:
        self.asked.append(query)
        if asked != METRIC:
            raise errors.NotFound(f"orders knows no metric {asked}")
        when = _now().strftime("%Y-%m-%dT%H:%M:%SZ")
        return declaration.Collection(
            rows=[declaration.Row({**described, "timestamp": when, "value": str(self.waiting)})]
        )


@contextlib.asynccontextmanager
async def served(running: cluster.Cluster, *, folder: Path, authority: pki.Identity) -> AsyncIterator[Orders]:
    """Serve until the block is left."""
    pair = folder / "orders.pem"
    identity = other_adapter.certified(authority, name=f"{NAME}.{NAMESPACE}.svc")
    pair.write_bytes(identity.pem + identity.key_pem)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(pair)
    orders = Orders()
    async with (
        client.connect(await config.from_kubeconfig(running.kubeconfig)) as api,
        delegated_config_watch.watch(api) as published,
        delegated_auth.delegated(api, current=published.current, clock=_now) as admitted,
    ):
        built = sockets.build(
            [_custom(orders), _external(orders)],
            authenticator=admitted.authenticator,
            authorizer=admitted.authorizer,
            checks=health.HealthChecks(),
            registry=prometheus_client.CollectorRegistry(),
            clock=_now,
            title="Orders",
            release="1",
        )
        async with sockets.serve(built, host="127.0.0.1", port=0, tls=tls) as bound:
            orders.port = bound.port
            yield orders


def _custom(orders: Orders) -> declaration.GroupVersion:
    part = declaration.Subresource(
        name="{metric}", kind="MetricValue", list_kind="MetricValueList", columns=_COLUMNS, printer=_cells,
        fetch=orders.of_pods, listed=(METRIC,),
    )  # fmt: skip
    pods = declaration.ValueResource(
        plural="pods", list_kind="MetricValueList", scope=declaration.Scope.NAMESPACED, columns=_COLUMNS,
        printer=_cells, schema=_SCHEMA, subresources=(part,),
    )  # fmt: skip
    return declaration.GroupVersion(group=_CUSTOM, version="v1beta2", values=[pods], schemas=_SCHEMAS)


def _external(orders: Orders) -> declaration.GroupVersion:
    values = declaration.ValueResource(
        plural="{metric}", listed={METRIC: "OrdersWaiting"}, list_kind="ExternalMetricValueList",
        scope=declaration.Scope.NAMESPACED, verbs=("list",), collect=orders.external, columns=_COLUMNS,
        printer=_cells, schema=_SCHEMA,
    )  # fmt: skip
    return declaration.GroupVersion(group=_EXTERNAL, version="v1beta1", values=[values], schemas=_SCHEMAS)


_SCHEMAS = {_SCHEMA: {"type": "object", "description": "A value.", "properties": {}}}


def _cells(row: declaration.Row, _now: datetime.datetime) -> Sequence[Any]:
    return [row.object["value"]]


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
