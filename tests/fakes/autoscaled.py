"""A cluster with one autoscaled Deployment, as far as the HPA controller reads it.

The documents have the form of a kube-apiserver 1.34, reduced to what is read. A path without a document gets
the 404 that a kube-apiserver answers.
"""

import asyncio
import datetime as dt
import urllib.parse
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from tests.fakes import secured

Document = dict[str, Any]
CUSTOM, EXTERNAL = "custom.metrics.k8s.io", "external.metrics.k8s.io"
HPAS = "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers"
SCALE = "/apis/apps/v1/namespaces/shop/deployments/checkout/scale"
PODS = "/api/v1/namespaces/shop/pods"
OF_PODS = f"/apis/{CUSTOM}/v1beta2/namespaces/shop/pods/%2A"
_WELL = ("AbleToScale", "True", "ReadyForNewScale", "recommended size matches current size")


class Cluster(secured.Server):
    """`documents` may be changed at any time: by path, a status code and the answer. A request for a path in
    `hanging` gets no answer before the end.
    """

    def __init__(self) -> None:
        super().__init__("fake-cluster")
        self.documents: dict[str, tuple[int, Document | str]] = {}
        self.asked: list[str] = []
        self.hanging: set[str] = set()
        self._over = asyncio.Event()
        self.put("/api/v1", resources={"Service": "services", "Pod": "pods", "Namespace": "namespaces"})
        self.put("/apis/apps/v1", resources={"Deployment": "deployments"})
        self.serve(CUSTOM, "v1beta2", "v1beta1")
        self.serve(EXTERNAL, "v1beta1")
        self.register("v1alpha1", "metrics.smi-spec.io")
        self.scale(3)
        self.pods(f"checkout-{letter}" for letter in "abc")

    def put(self, path: str, *, resources: Mapping[str, str]) -> None:
        """Add a group-version with resources by kind; each has a subresource too."""
        found = [{"kind": kind, "name": name} for kind, name in resources.items()]
        found += [{"kind": "Scale", "name": f"{one['name']}/scale"} for one in found]
        self.documents[path] = (200, {"kind": "APIResourceList", "resources": found})

    def serve(self, group: str, *versions: str, service: str = "trafficmetrics/trafficmetrics") -> None:
        """Add a group of the autoscaler, the preferred version first, and its APIServices."""
        known = [{"groupVersion": f"{group}/{version}", "version": version} for version in versions]
        self.documents[f"/apis/{group}"] = (
            200,
            {"kind": "APIGroup", "name": group, "versions": known, "preferredVersion": known[0]},
        )
        for version in versions:
            self.register(version, group, service=service)

    def register(
        self, version: str, group: str, *, service: str = "trafficmetrics/trafficmetrics", failing: str = ""
    ) -> None:
        namespace, name = service.split("/")
        available = {
            "type": "Available",
            "status": "False" if failing else "True",
            "reason": "FailedDiscoveryCheck" if failing else "Passed",
            "message": failing or "all checks passed",
        }
        self.documents[f"/apis/apiregistration.k8s.io/v1/apiservices/{version}.{group}"] = (
            200,
            {
                "kind": "APIService",
                "spec": {"service": {"namespace": namespace, "name": name}},
                "status": {"conditions": [available]},
            },
        )

    def scale(self, replicas: int, *, selector: str = "app=checkout") -> None:
        self.documents[SCALE] = (
            200,
            {
                "kind": "Scale",
                "spec": {"replicas": replicas},
                "status": {"replicas": replicas, "selector": selector},
            },
        )

    def pods(self, names: Any, *, started: dt.datetime | None = None) -> None:
        """Add running and ready pods."""
        moment = (started or dt.datetime(2026, 11, 24, 3, tzinfo=dt.UTC)).isoformat()
        items = [
            {
                "metadata": {"name": name},
                "status": {
                    "phase": "Running",
                    "startTime": moment,
                    "conditions": [{"type": "Ready", "status": "True"}],
                },
            }
            for name in names
        ]
        self.documents[PODS] = (200, {"kind": "PodList", "items": items})

    def hpa(
        self,
        *metrics: Document,
        name: str = "checkout",
        target: str = "checkout",
        api_version: str = "apps/v1",
        minimum: int = 2,
        maximum: int = 10,
        conditions: tuple[tuple[str, str, str, str], ...] = (_WELL,),
        seen: tuple[Document, ...] = (),
        **spec: Any,
    ) -> None:
        """Add another HPA to the namespace and to all lists."""
        document = {
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"namespace": "shop", "name": name},
            "spec": {
                "scaleTargetRef": {"apiVersion": api_version, "kind": "Deployment", "name": target},
                "minReplicas": minimum,
                "maxReplicas": maximum,
                "metrics": list(metrics),
                **spec,
            },
            "status": {
                "currentMetrics": list(seen),
                "conditions": [
                    {"type": sort, "status": status, "reason": reason, "message": message}
                    for sort, status, reason, message in conditions
                ],
            },
        }
        self.documents[f"{HPAS}/{name}"] = (200, document)
        for path in (HPAS, "/apis/autoscaling/v2/horizontalpodautoscalers"):
            listed = self.documents.get(path, (200, {"items": []}))[1]
            if isinstance(listed, dict):
                self.documents[path] = (200, {"items": [*listed["items"], document]})

    def refuse(self, path: str, code: int, message: str) -> None:
        """Answer a `Status`; without a message, plain text, as a proxy in front does."""
        body = {"kind": "Status", "apiVersion": "v1", "message": message, "code": code}
        self.documents[path] = (code, body if message else "service unavailable")

    def values(
        self, path: str, values: Mapping[str, str], *, age: float = 4, window: float | None = 30
    ) -> None:
        """Answer a MetricValueList: quantities by described object, `age` seconds old."""
        moment = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=age)
        items = [
            {
                "describedObject": {"kind": "Pod", "namespace": "shop", "name": name},
                "timestamp": moment.isoformat(timespec="seconds").replace("+00:00", "Z"),
                "windowSeconds": window,
                "value": value,
            }
            for name, value in values.items()
        ]
        self.documents[path] = (200, {"kind": "MetricValueList", "items": items})

    def ending(self) -> None:
        self._over.set()

    def routes(self, app: web.Application) -> None:
        app.router.add_get("/{path:.*}", self._answer)

    async def _answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.raw_path)
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return web.json_response({"kind": "Status", "message": "Unauthorized"}, status=401)
        path = urllib.parse.urlsplit(request.raw_path).path
        if path in self.hanging:
            await self._over.wait()
        code, document = self.documents.get(path, (404, "404 page not found"))
        if isinstance(document, str):
            return web.Response(status=code, text=document)
        return web.json_response(document, status=code)


def pods_metric(name: str, *, target: str, **selector: Any) -> Document:
    return {
        "type": "Pods",
        "pods": {
            "metric": {"name": name, **({"selector": selector} if selector else {})},
            "target": {"type": "AverageValue", "averageValue": target},
        },
    }


def object_metric(
    name: str, *, target: str, of: str = "v1/Service/checkout", sort: str = "Value", **selector: Any
) -> Document:
    api_version, kind, described = of.rsplit("/", 2)
    key = sort[0].lower() + sort[1:]
    return {
        "type": "Object",
        "object": {
            "describedObject": {"apiVersion": api_version, "kind": kind, "name": described},
            "metric": {"name": name, **({"selector": selector} if selector else {})},
            "target": {"type": sort, key: target},
        },
    }


def external_metric(name: str, *, target: str, sort: str = "AverageValue", **labels: str) -> Document:
    key = sort[0].lower() + sort[1:]
    return {
        "type": "External",
        "external": {
            "metric": {"name": name, "selector": {"matchLabels": labels}},
            "target": {"type": sort, key: target},
        },
    }


def cpu_metric(percent: int) -> Document:
    return {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": percent}},
    }
