"""Rows of a provider → the rows that were asked for, in stable order.

Pure. Selection looks at the objects themselves, so that what a client can select by is exactly what it can
see.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from apiservice import parameters, resources, selectors

_NOTHING: Mapping[str, Any] = {}


def select(rows: Sequence[resources.Row], *, selection: parameters.Selection) -> list[resources.Row]:
    """The selected rows, sorted by namespace and name."""
    labels, fields = selection.labels, selection.fields
    selected = [
        row
        for row in rows
        if labels.matches(metadata(row).get("labels") or _NOTHING) and _fields_match(fields, row=row)
    ]
    selected.sort(key=_place)
    return selected


def metadata(row: resources.Row) -> Mapping[str, Any]:
    found: Mapping[str, Any] = row.object.get("metadata") or _NOTHING
    return found


def _place(row: resources.Row) -> tuple[str, str]:
    found = metadata(row)
    return (found.get("namespace", ""), found.get("name", ""))


def _fields_match(fields: selectors.FieldSelector, *, row: resources.Row) -> bool:
    return fields.matches(lambda field: look_up(row.object, field=field))


def look_up(value: Any, *, field: str) -> str:
    """The text of the field at a dotted path; empty where there is none."""
    for key in field.split("."):
        if not isinstance(value, Mapping) or key not in value:
            return ""
        value = value[key]
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)
