"""Rows → the Table that kubectl prints.

Pure. Column definitions are rendered once at start; an empty Table has them too, as clients align by them.
https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-tables
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from apiservice import negotiation, parameters, resources


def definitions(columns: Sequence[resources.Column]) -> list[dict[str, Any]]:
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
    rows: Sequence[resources.Row],
    *,
    columns: Sequence[Mapping[str, Any]],
    printer: resources.Printer,
    now: datetime,
    include: parameters.IncludeObject,
    version: str,
) -> dict[str, Any]:
    """`columns` are already `definitions`; `version` is that of meta.k8s.io."""
    api_version = f"{negotiation.META_GROUP}/{version}"
    return {
        "kind": "Table",
        "apiVersion": api_version,
        "metadata": {"resourceVersion": ""},
        "columnDefinitions": columns,
        "rows": [
            {"cells": printer(row, now), "object": _beside(row, include=include, api_version=api_version)}
            for row in rows
        ],
    }


def partial(row: resources.Row, *, api_version: str) -> dict[str, Any]:
    """An object reduced to its metadata."""
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": api_version,
        "metadata": row.object.get("metadata", {}),
    }


def _beside(
    row: resources.Row, *, include: parameters.IncludeObject, api_version: str
) -> Mapping[str, Any] | None:
    if include is parameters.IncludeObject.METADATA:
        return partial(row, api_version=api_version)
    return row.object if include is parameters.IncludeObject.OBJECT else None
