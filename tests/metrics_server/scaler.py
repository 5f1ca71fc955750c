"""A client that reads the server like the horizontal pod autoscaler, and the traffic API to compare with."""

from __future__ import annotations

import dataclasses
from typing import Any

from metrics_server.model import quantity
from tests.metrics_server import reading

CUSTOM = "/apis/custom.metrics.k8s.io/v1beta2"
EXTERNAL = "/apis/external.metrics.k8s.io/v1beta1"
SHOP = f"{CUSTOM}/namespaces/shop"
HPA = "application/vnd.kubernetes.protobuf, */*"
"""The Accept header of the horizontal pod autoscaler."""


@dataclasses.dataclass(frozen=True, slots=True)
class Autoscaler:
    """A client that sends the requests of an autoscaler."""

    api: reading.Api

    async def get(self, path: str) -> reading.Reply:
        headers = {"Accept": HPA, "Authorization": f"Bearer {reading.TOKEN}"}
        async with self.api.session.get(f"{self.api.url}{path}", headers=headers) as response:
            return reading.Reply(
                response.status, await response.json(content_type=None), dict(response.headers)
            )

    async def values(self, path: str) -> dict[str, float]:
        """Return the values by the name of the object that they describe."""
        reply = await self.get(path)
        return {item["describedObject"]["name"]: number(item) for item in reply.items}

    async def value(self, path: str) -> float:
        """Return the value of the only item."""
        (item,) = (await self.get(path)).items
        return number(item)


def number(item: dict[str, Any]) -> float:
    return float(quantity.parse(item["value"]))


async def traffic(autoscaler: Autoscaler, path: str) -> dict[str, dict[str, Any]]:
    """Return the items of the traffic API, by name."""
    reply = await autoscaler.api.get(path)
    return {item["metadata"]["name"]: item for item in reply.items}
