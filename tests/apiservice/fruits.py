"""A toy API group, `fruits.example.com/v1`: the tests serve it with the `apiservice` package.

Fruits live in orchards (namespaces) and have `pips`; crates are cluster-scoped; and the cluster-scoped
`namespaces` have a subresource with a path like that of a list.
"""

import asyncio
import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from apiservice.discovery import meta_schemas
from apiservice.http import errors
from apiservice.resources import declaration

GROUP, VERSION = "fruits.example.com", "v1"
GROUP_VERSION = f"{GROUP}/{VERSION}"
NOW = datetime(2026, 11, 22, 12, 0, 30, tzinfo=UTC)
PICKED = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


def fruit(
    name: str, *, namespace: str | None = "north", labels: dict[str, str] | None = None, colour: str = "red"
) -> declaration.Row:
    metadata: dict[str, Any] = {"name": name, "labels": labels or {}}
    if namespace:
        metadata["namespace"] = namespace
    return declaration.Row(
        {
            "apiVersion": GROUP_VERSION,
            "kind": "Fruit",
            "metadata": metadata,
            "spec": {"colour": colour, "ripe": colour == "red"},
        },
        detail=PICKED,
    )


ORCHARD = (
    fruit("pear", namespace="south", labels={"sort": "pome"}, colour="green"),
    fruit("cherry", labels={"sort": "stone"}),
    fruit("apple", labels={"sort": "pome", "season": "autumn"}),
    fruit("lime", labels={"sort": "citrus"}, colour="green"),
)


@dataclasses.dataclass(slots=True)
class Orchard:
    """Provides the given rows, records the queries, and fails or hangs for some names."""

    rows: Sequence[declaration.Row] = ORCHARD
    warnings: Sequence[str] = ()
    asked: list[declaration.Query] = dataclasses.field(default_factory=list)
    hanging: asyncio.Event = dataclasses.field(default_factory=asyncio.Event)
    given_up: asyncio.Event = dataclasses.field(default_factory=asyncio.Event)

    async def list(self, query: declaration.Query) -> declaration.Collection:
        self.asked.append(query)
        rows = [
            row for row in self.rows if query.namespace in {None, row.object["metadata"].get("namespace")}
        ]
        return declaration.Collection(rows=rows, extra={"season": "autumn"}, warnings=self.warnings)

    async def get(self, query: declaration.Query) -> declaration.Row:
        self.asked.append(query)
        match query.name:
            case "rotten":
                raise RuntimeError("worm in the password hunter2")
            case "slow":
                self.hanging.set()
                try:
                    await asyncio.Event().wait()
                finally:
                    self.given_up.set()
            case "away":
                raise errors.ServiceUnavailable("the orchard is closed")
        collection = await self.list(query)
        for row in collection.rows:
            if row.object["metadata"]["name"] == query.name:
                return row
        raise query.not_found("it was never planted")

    async def pips(self, query: declaration.Query) -> declaration.Collection:
        self.asked.append(query)
        names = [f"{query.name}-pip-{number}" for number in (2, 1)]
        return declaration.Collection(rows=[fruit(name, namespace=query.namespace) for name in names])


COLUMNS = (
    declaration.Column(name="Name", format="name", description="The fruit."),
    declaration.Column(name="Colour", description="Its colour."),
    declaration.Column(name="Age", description="Since it was picked."),
    declaration.Column(name="Ripe", type="boolean", description="Whether to eat it.", priority=1),
)


def cells(row: declaration.Row, now: datetime) -> Sequence[Any]:
    metadata, spec = row.object["metadata"], row.object["spec"]
    return [metadata["name"], spec["colour"], f"{(now - row.detail).total_seconds():.0f}s", spec["ripe"]]


FRUIT = "com.example.fruits.v1.Fruit"
SCHEMAS: dict[str, dict[str, Any]] = {
    FRUIT: {
        "type": "object",
        "description": "Something sweet that grows on trees.",
        "properties": {
            "apiVersion": meta_schemas.API_VERSION,
            "kind": meta_schemas.KIND,
            "metadata": meta_schemas.reference(meta_schemas.OBJECT_META, description="Its name and labels."),
            "spec": {
                "type": "object",
                "description": "What it is like to look at and to eat.",
                "properties": {
                    "colour": {"type": "string", "description": "Its colour when picked."},
                    "ripe": {"type": "boolean", "description": "Whether to eat it now."},
                },
            },
        },
    }
}


def group_version(orchard: Orchard) -> declaration.GroupVersion:
    pips = declaration.Subresource(
        name="pips",
        kind="Fruit",
        list_kind="FruitList",
        columns=COLUMNS,
        printer=cells,
        fetch=orchard.pips,
        description="What is inside.",
    )
    fruits = declaration.Resource(
        plural="fruits",
        singular="fruit",
        kind="Fruit",
        list_kind="FruitList",
        scope=declaration.Scope.NAMESPACED,
        columns=COLUMNS,
        printer=cells,
        provider=orchard,
        schema=FRUIT,
        short_names=("fr",),
        categories=("food",),
        field_labels=frozenset({"spec.colour", "spec.ripe"}),
        parameters=(
            declaration.Parameter(name="window", description="How far back.", schema={"type": "string"}),
        ),
        subresources=(pips,),
        description="What the orchard has.",
    )
    crates = dataclasses.replace(
        fruits,
        plural="crates",
        singular="crate",
        kind="Crate",
        scope=declaration.Scope.CLUSTER,
        short_names=(),
        parameters=(),
    )
    namespaces = dataclasses.replace(crates, plural="namespaces", singular="namespace", kind="Namespace")
    return declaration.GroupVersion(
        group=GROUP, version=VERSION, resources=(fruits, crates, namespaces), schemas=SCHEMAS
    )
