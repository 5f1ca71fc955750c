"""Rows of a provider → the selected rows, sorted.

Pure. Selectors are compared with the objects as they are sent, so a client can select only by what it sees.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from apiservice.request import list_options
from apiservice.resources import declaration

_NOTHING: Mapping[str, Any] = {}


def select(rows: Sequence[declaration.Row], *, selection: list_options.Selection) -> list[declaration.Row]:
    """The selected rows, sorted by namespace and name."""
    selected = list(rows)
    if selection.labels.requirements:
        selected = [row for row in selected if selection.labels.matches(_labels(row))]
    if selection.fields.terms:
        selected = [row for row in selected if selection.fields.matches(_Fields(row.object).text)]
    selected.sort(key=_place)
    return selected


def _labels(row: declaration.Row) -> Mapping[str, str]:
    return row.object.get("metadata", _NOTHING).get("labels") or _NOTHING


def _place(row: declaration.Row) -> tuple[str, str]:
    metadata = row.object.get("metadata", _NOTHING)
    return (metadata.get("namespace", ""), metadata.get("name", ""))


class _Fields:
    """The fields of an object by their dotted paths."""

    __slots__ = ("_object",)

    def __init__(self, whole: Mapping[str, Any]) -> None:
        self._object = whole

    def text(self, field: str) -> str:
        """The field as text; empty if there is no such field, as in Kubernetes."""
        value: Any = self._object
        for key in field.split("."):
            if not isinstance(value, dict) or key not in value:
                return ""
            value = value[key]
        if isinstance(value, bool):
            return str(value).lower()
        return "" if value is None else str(value)
