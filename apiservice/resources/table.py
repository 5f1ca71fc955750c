"""Rows → the Table that kubectl prints.

Pure. Column definitions are rendered once at start. An empty Table has them too, as clients need them.
https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-tables
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from apiservice.http import negotiation
from apiservice.request import list_options
from apiservice.resources import declaration


def definitions(columns: Sequence[declaration.Column]) -> list[dict[str, Any]]:
    """The column definitions, ready for JSON."""
    return [
        {
            "name": column.name,
            "type": column.type,
            "format": column.format,
            "description": column.description,
            "priority": column.priority,
        }
        for column in columns
    ]


def render(
    rows: Sequence[declaration.Row],
    *,
    columns: Sequence[Mapping[str, Any]],
    printer: declaration.Printer,
    now: datetime,
    include: list_options.IncludeObject,
    version: str,
) -> dict[str, Any]:
    """The Table of the rows. `columns` come from `definitions`; `version` is that of meta.k8s.io."""
    api_version = f"{negotiation.META_GROUP}/{version}"
    return {
        "kind": "Table",
        "apiVersion": api_version,
        "metadata": {"resourceVersion": ""},
        "columnDefinitions": columns,
        "rows": [
            {"cells": printer(row, now), "object": value}
            for row, value in zip(rows, _objects(rows, include=include, api_version=api_version), strict=True)
        ],
    }


def partials(rows: Iterable[declaration.Row], *, api_version: str) -> list[dict[str, Any]]:
    """The objects as `PartialObjectMetadata`: reduced to their metadata."""
    return [
        {
            "kind": "PartialObjectMetadata",
            "apiVersion": api_version,
            "metadata": row.object.get("metadata", {}),
        }
        for row in rows
    ]


def _objects(
    rows: Sequence[declaration.Row], *, include: list_options.IncludeObject, api_version: str
) -> Sequence[Mapping[str, Any] | None]:
    """The `object` of each row of the Table."""
    match include:
        case list_options.IncludeObject.NONE:
            return [None] * len(rows)
        case list_options.IncludeObject.METADATA:
            return partials(rows, api_version=api_version)
        case list_options.IncludeObject.OBJECT:
            return [row.object for row in rows]
