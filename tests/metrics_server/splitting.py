"""Kubernetes objects that split traffic, and the splits that the server reads from them."""

from __future__ import annotations

from typing import Any

import yaml

from metrics_server.inventory import file_source
from metrics_server.splits import model, sources

V1, V2 = {"service": "cart-v1", "weight": 90}, {"service": "cart-v2", "weight": 10}
SMI, GATEWAY, ISTIO = "split.smi-spec.io", "gateway.networking.k8s.io", "networking.istio.io"


def declared(kind: str, api: str, spec: object, *, name: str = "canary", namespace: str = "shop") -> Any:
    metadata = {"name": name, "namespace": namespace, "labels": {"team": "a"}}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec}


def traffic_split(*backends: object, service: str = "cart", version: str = "v1alpha4") -> Any:
    return declared("TrafficSplit", f"{SMI}/{version}", {"service": service, "backends": list(backends)})


def read(*objects: Any) -> tuple[model.Split, ...]:
    text = yaml.safe_dump_all(objects)
    return file_source.read(text, source="things.yaml", splitting=sources.NAMES).splits


def weights(split: model.Split) -> dict[str, int]:
    return {one.named(split.ref.namespace): one.weight for one in split.backends}


def route(*rules: Any, parents: Any = None, kind: str = "HTTPRoute", version: str = "v1", **more: Any) -> Any:
    spec = {"parentRefs": parents or [], "rules": list(rules), **more}
    return declared(kind, f"{GATEWAY}/{version}", spec, name="cart")


def refs(*weighed: tuple[str, int | None], **more: Any) -> Any:
    return {
        "backendRefs": [
            {"name": name, "port": 80, **({} if weight is None else {"weight": weight}), **more}
            for name, weight in weighed
        ]
    }
