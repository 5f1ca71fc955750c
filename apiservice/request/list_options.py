"""The query parameters of reads in Kubernetes → values, or a 400 that names the parameter.

Pure. Parameters for paging and resource versions are accepted without effect: an answer is always complete
and current, which the API conventions allow. Unknown parameters are ignored, as in Kubernetes.
"""

import dataclasses
import enum
import re
from collections.abc import Mapping

from apiservice.http import errors
from apiservice.request import selectors

LIST_PARAMETERS = {
    "labelSelector": "Restricts the list to objects whose labels match.",
    "fieldSelector": "Restricts the list to objects whose fields match.",
    "limit": "Accepted for compatibility; the answer is always the whole list.",
    "continue": "Accepted for compatibility; the answer is always the whole list.",
    "resourceVersion": "Accepted for compatibility; the answer is always current.",
    "resourceVersionMatch": "Accepted for compatibility; the answer is always current.",
    "timeoutSeconds": "Accepted for compatibility; it concerns watches only.",
}
"""Query parameters of a list, with their descriptions for OpenAPI."""

_INTEGERS = ("limit", "timeoutSeconds")
_BOOLEANS = ("watch", "allowWatchBookmarks", "sendInitialEvents")
_TRUTHS = {
    **dict.fromkeys(("1", "t", "T", "true", "True", "TRUE"), True),
    **dict.fromkeys(("0", "f", "F", "false", "False", "FALSE"), False),
}


class IncludeObject(enum.Enum):
    """The `object` of a Table row: none, its metadata, or the whole object."""

    NONE = "None"
    METADATA = "Metadata"
    OBJECT = "Object"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The label and field selectors of a list."""

    labels: selectors.LabelSelector = selectors.EVERY_LABEL
    fields: selectors.FieldSelector = selectors.EVERY_FIELD


EVERYTHING = Selection()


def selection(query: Mapping[str, str], *, field_labels: frozenset[str]) -> Selection:
    """The selectors of a list. Raises `BadRequest` if one of its parameters is malformed.

    `field_labels` are the fields that the resource allows in a field selector.
    """
    if not query:
        return EVERYTHING
    for name in _INTEGERS:
        if query.get(name):
            _integer(name, text=query[name])
    for name in _BOOLEANS:
        if query.get(name):
            _boolean(name, text=query[name])
    return Selection(
        labels=selectors.LabelSelector.parse(query.get("labelSelector", "")),
        fields=selectors.FieldSelector.parse(query.get("fieldSelector", ""), allowed=field_labels),
    )


def include_object(query: Mapping[str, str]) -> IncludeObject:
    """The parameter `includeObject`; by default the metadata. Raises `BadRequest`."""
    text = query.get("includeObject", "")
    if not text:
        return IncludeObject.METADATA
    try:
        return IncludeObject(text)
    except ValueError:
        raise errors.BadRequest(
            f'unrecognized includeObject value "{text}": use None, Metadata or Object'
        ) from None


_PEOPLE = ("curl", "Wget", "Mozilla/5.0")


def pretty(query: Mapping[str, str], *, user_agent: str) -> bool:
    """Whether to indent the answer: by the parameter `pretty`, else by the user agent (curl, Wget, browsers).

    Raises `BadRequest`.
    """
    text = query.get("pretty", "")
    return _boolean("pretty", text=text) if text else user_agent.startswith(_PEOPLE)


def deadline(query: Mapping[str, str], *, longest: float) -> float:
    """The parameter `timeout` in seconds, at most `longest`. Raises `BadRequest`."""
    text = query.get("timeout", "")
    return min(_duration(text) or longest, longest) if text else longest


_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_LONGEST_DURATION = 64
"""Characters. The longest duration that Go writes has 26."""
_PART = r"(\d+(?:\.\d+)?)(h|ms|m|s|us|µs|ns)"


def _duration(text: str) -> float:
    """Seconds of a duration in Go's format: https://pkg.go.dev/time#ParseDuration"""
    if text == "0":
        return 0.0
    if len(text) > _LONGEST_DURATION or not re.fullmatch(f"(?:{_PART})+", text, re.ASCII):
        raise errors.BadRequest(f'invalid timeout "{text}": use a duration such as 5s or 1m30s')
    return sum(float(number) * _UNITS[unit] for number, unit in re.findall(_PART, text))


def _integer(name: str, *, text: str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,19}", text):
        raise errors.BadRequest(f'invalid {name} "{text}": use an integer')
    return int(text)


def _boolean(name: str, *, text: str) -> bool:
    if text not in _TRUTHS:
        raise errors.BadRequest(f'invalid {name} "{text}": use true or false')
    return _TRUTHS[text]
