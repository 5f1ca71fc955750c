"""The query parameters of Kubernetes' reads → values, or a 400 that names the parameter.

Pure. Paging and versions are accepted and have no effect: an answer is always whole and always of now,
which the API conventions allow. Unknown parameters are ignored, as Kubernetes ignores them.
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
    "resourceVersion": "Accepted for compatibility; the answer is always of now.",
    "resourceVersionMatch": "Accepted for compatibility; the answer is always of now.",
    "timeoutSeconds": "Accepted for compatibility; it concerns watches only.",
}
"""What a list accepts, and what it does with it. Told by OpenAPI."""

_INTEGERS = ("limit", "timeoutSeconds")
_BOOLEANS = ("watch", "allowWatchBookmarks", "sendInitialEvents")
_TRUTHS = {
    **dict.fromkeys(("1", "t", "T", "true", "True", "TRUE"), True),
    **dict.fromkeys(("0", "f", "F", "false", "False", "FALSE"), False),
}


class IncludeObject(enum.Enum):
    """What stands beside the cells of a Table row."""

    NONE = "None"
    METADATA = "Metadata"
    OBJECT = "Object"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which objects of a list are wanted."""

    labels: selectors.LabelSelector = selectors.EVERY_LABEL
    fields: selectors.FieldSelector = selectors.EVERY_FIELD


EVERYTHING = Selection()


def selection(query: Mapping[str, str], *, field_labels: frozenset[str]) -> Selection:
    """What a list is restricted to, having refused whatever else of its parameters is malformed."""
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
    """Whether the answer is indented: when asked for, or when a person's tool is asking."""
    text = query.get("pretty", "")
    return _boolean("pretty", text=text) if text else user_agent.startswith(_PEOPLE)


def deadline(query: Mapping[str, str], *, longest: float) -> float:
    """Seconds until the client gives up, at most `longest`."""
    text = query.get("timeout", "")
    return min(_duration(text) or longest, longest) if text else longest


_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_LONGEST_DURATION = 64
"""Characters. Go's own longest has 26."""
_PART = r"(\d+(?:\.\d+)?)(h|ms|m|s|us|µs|ns)"


def _duration(text: str) -> float:
    """Seconds of a duration as Go writes it."""
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
