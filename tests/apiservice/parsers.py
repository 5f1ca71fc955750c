"""All functions that parse a client's input, and texts for which a badly written parser is slow."""

from collections.abc import Callable, Iterator
from typing import Any

from apiservice.http import encoding, negotiation
from apiservice.request import list_options, request_info, selectors, validation
from metrics_server.model import quantity

PARSERS: dict[str, Callable[[str], Any]] = {
    "label selector": selectors.LabelSelector.parse,
    "field selector": selectors.FieldSelector.parse,
    "Accept": lambda text: negotiation.choose(text, offers=negotiation.LIST_OFFERS),
    "Accept-Encoding": encoding.accepts_gzip,
    "timeout": lambda text: list_options.deadline({"timeout": text}, longest=1.0),
    "limit": lambda text: list_options.selection({"limit": text}, field_labels=frozenset()),
    "watch": lambda text: list_options.selection({"watch": text}, field_labels=frozenset()),
    "includeObject": lambda text: list_options.include_object({"includeObject": text}),
    "pretty": lambda text: list_options.pretty({"pretty": text}, user_agent=text),
    "path": lambda text: request_info.parse("GET", path=f"/apis/a/b/{text}"),
    "label key": validation.wrong_label_key,
    "label value": validation.wrong_label_value,
    "duration": quantity.duration,
    "quantity": quantity.parse,
}
PIECES = (
    *" \t,;=!()/.-+\\\"'%&0",
    "a",
    "é",
    "1s",
    "a,",
    "a=b,",
    "!a,",
    "\\,",
    "a;q=1,",
    "gzip,",
    "1.",
    "e1",
    "a/",
    "a in (b),",
    "-a",
)
FRAMES = (("", ""), ("a in (", ")"), ("a in (", ""), ("a=", "$"), ("1", "x"), ("a", "-"), ("a=\\", "="))


def texts(length: int) -> Iterator[str]:
    """Yield texts of about `length` characters each."""
    for before, after in FRAMES:
        for piece in PIECES:
            yield before + piece * (length // len(piece)) + after
