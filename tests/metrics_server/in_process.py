"""The API of one snapshot, which tests call in process, without a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import prometheus_client

from apiservice.authn import authenticator
from apiservice.authz import authorizer
from apiservice.observe import health
from apiservice.server import handler, sockets
from metrics_server.aggregate import named_metrics
from metrics_server.api import view as api_view
from metrics_server.api.autoscaling import groups
from metrics_server.api.smi import group, tables
from metrics_server.inventory import objects
from metrics_server.model import snapshot
from metrics_server.store import store
from tests.apiservice import asking
from tests.metrics_server import recording, storing


@dataclass(frozen=True, slots=True)
class Api:
    """An API that is called as an administrator."""

    served: handler.Handler

    async def get(self, path: str, *, accept: str = "application/json") -> Any:
        """Return the JSON of an answer."""
        headers = {"Authorization": f"Bearer {asking.TOKEN}", "Accept": accept}
        reply = asking.Reply(await self.served.answer(asking.incoming(path, headers=headers)))
        assert reply.status == 200, reply.text
        return reply.json

    async def table(self, path: str) -> list[dict[str, Any]]:
        """Return the rows of a Table: cells by the name of their column."""
        found = await self.get(path, accept=asking.TABLE)
        columns = [column["name"] for column in found["columnDefinitions"]]
        return [dict(zip(columns, row["cells"], strict=True)) for row in found["rows"]]


def api(
    taken: snapshot.Snapshot,
    known: objects.Inventory,
    *,
    columns: Sequence[tables.TableColumn] = tables.COLUMNS,
    served: named_metrics.ServedMetrics = named_metrics.SERVED,
) -> Api:
    """Return the API of a snapshot of 30 s."""
    clock = recording.Clock(taken.taken)
    source = storing.Source(taken, clock)
    source.open.set()
    moments = store.Store(source, inventory=lambda: known, clock=clock, refresh=3600.0)
    view = api_view.SnapshotReader(moments, taken.window)
    return Api(
        sockets.build(
            [group.group(view, columns=columns), *groups.groups(view, served=served)],
            authenticator=authenticator.TokenAuthenticator(token=asking.TOKEN, user=asking.ADMIN),
            authorizer=authorizer.GroupAuthorizer(),
            checks=health.HealthChecks(),
            registry=prometheus_client.CollectorRegistry(),
            clock=lambda: datetime.fromtimestamp(taken.taken, UTC),
            title="TrafficMetrics",
            release="0",
        )
    )
