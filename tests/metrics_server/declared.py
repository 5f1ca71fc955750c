"""Splits of several sources for the recorded mesh, and a server that reads them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

from tests.metrics_server import fake_prometheus, reading, recording

SPLITS = """
---
apiVersion: split.smi-spec.io/v1alpha1
kind: TrafficSplit
metadata: {name: catalog, namespace: shop, labels: {team: a, tier: front}}
spec: {service: catalog, backends: [{service: catalog-v1, weight: 900m}, {service: catalog-v2, weight: 100m}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: catalog, namespace: shop, labels: {team: b}}
spec:
  parentRefs: [{group: "", kind: Service, name: catalog}]
  rules:
    - backendRefs:
        - {name: catalog-v1, weight: 9}
        - {name: catalog-v2, weight: 1}
        - {name: ghost, weight: 0}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: catalog, namespace: shop}
spec:
  hosts: [catalog]
  http:
    - route:
        - {destination: {host: catalog-v1, subset: a}, weight: 50}
        - {destination: {host: catalog-v1, subset: b}, weight: 50}
---
apiVersion: split.smi-spec.io/v1alpha4
kind: TrafficSplit
metadata: {name: db, namespace: data, labels: {team: a}}
spec: {service: db, backends: [{service: db, weight: 1}, {service: db-next, weight: 0}]}
---
apiVersion: split.smi-spec.io/v1alpha4
kind: TrafficSplit
metadata: {name: broken, namespace: data}
spec: {service: db, backends: [{service: db, weight: -1}]}
"""
CATALOG = ["catalog:catalog-v1", "catalog:catalog-v2"]
DB = ["db:db", "db:db-next"]
ROUTE = ["httproute.catalog:catalog-v1", "httproute.catalog:catalog-v2", "httproute.catalog:ghost"]
SUBSETS = ["virtualservice.catalog:catalog-v1@a", "virtualservice.catalog:catalog-v1@b"]


def inventory(folder: Path) -> Path:
    """Write a file with the recorded mesh's objects and their splits; return its path."""
    path = folder / "inventory.yaml"
    path.write_text(recording.inventory_file().read_text(encoding="utf-8") + SPLITS, encoding="utf-8")
    return path


@contextlib.asynccontextmanager
async def served(state: Path) -> AsyncIterator[reading.Api]:
    """Run a server of the recorded mesh that reads splits of several sources."""
    written = inventory(state)
    fake = fake_prometheus.FakePrometheus(recording.shop(taken=time.time()))
    sources = "smi,gateway,istio"
    async with (
        fake_prometheus.running(fake) as prometheus,
        reading.served(prometheus, state, inventory=written, splits=sources, refresh=3600) as running,
    ):
        await running.get("trafficmetrics")  # namespaces are then answered from this snapshot
        yield running
