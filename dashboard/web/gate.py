"""Validate the bodies of callbacks before Dash reads them; answer others with a 400.

Dash does not validate the body of a callback: a missing field, a wrong type or an unknown output raises an
exception, so any client could fill the log with tracebacks. So the body is compared with the registered
callbacks: their outputs, their inputs in order, and the allowed values of each input. Dash gets a new body
that has only checked values. An exception after this check is a bug and is logged as one.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import dash
import flask

from dashboard.web import state

PATH = "/_dash-update-component"
LARGEST_BODY = 64 * 1024  # bytes; a page sends a few kilobytes, a login form at most one token

Check = Callable[[Any], bool]


def _text(value: Any) -> bool:
    return value is None or (isinstance(value, str) and _is_whole(value))


def _is_whole(text: str) -> bool:
    """Whether the text has no lone surrogate, which JSON can contain and UTF-8 cannot."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def _texts(value: Any) -> bool:
    return value is None or (isinstance(value, list) and all(one is not None and _text(one) for one in value))


def _number(value: Any) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 53)


def _flag(value: Any) -> bool:
    return value is None or isinstance(value, bool)


def _pick(value: Any) -> bool:
    return value is None or (isinstance(value, dict) and set(value) <= {"id"} and _text(value.get("id")))


def _one_of(allowed: Sequence[str]) -> Check:
    return lambda value: value is None or (isinstance(value, str) and value in allowed)


VALUES: Mapping[str, Check] = {
    "url.search": _text,
    "namespaces.value": _texts,
    "search.value": _text,
    "place.value": _text,
    "beat.data": _text,
    "picked.data": _pick,
    "burger.opened": _flag,
    "tick.n_intervals": _number,
    **{f"{name}.value": _one_of(allowed) for name, allowed in state.CHOICES.items()},
    **{f"{name}.n_clicks": _number for name in ("widen", "clear", "close", "enter", "show")},
}
"""A check of the value for each property that a callback reads."""


class _Refused(Exception):
    """The page does not send such a body."""


class _Request(flask.Request):
    """A request whose `get_json`, which Dash calls, returns the checked body."""

    checked: Any = None

    def get_json(self, *_: Any, **__: Any) -> Any:
        """The checked body."""
        return self.checked


class Gate:
    """Checks bodies against the callbacks of one application."""

    def __init__(self, callbacks: Sequence[Mapping[str, Any]]) -> None:
        """Raises LookupError if a callback reads a property that is not in `VALUES`."""
        self._known = {one["output"]: one for one in callbacks if not one["clientside_function"]}
        read = {_name(one) for callback in self._known.values() for one in _read(callback)}
        if unknown := read - set(VALUES):
            raise LookupError(f"gate.VALUES has no check for: {', '.join(sorted(unknown))}")

    def checked(self, content: bytes) -> dict[str, Any]:
        """A new body with the checked values. Raises if the page does not send such a body."""
        body = _parsed(content)
        output = body.get("output")
        callback = self._known.get(output) if isinstance(output, str) else None
        if callback is None:
            raise _Refused("an unknown output")
        inputs = _values(body.get("inputs"), callback["inputs"])
        changed = body.get("changedPropIds") or []
        names = [_name(one) for one in callback["inputs"]]
        if not isinstance(changed, list) or not all(one in names for one in changed):
            raise _Refused("a changed property that is not an input")
        return {
            "output": output,
            "outputs": _outputs(str(output)),
            "inputs": inputs,
            "state": _values(body.get("state") or [], callback["state"]),
            "changedPropIds": list(dict.fromkeys(changed)),
        }


def guard(app: dash.Dash) -> None:
    """Check the body of each callback of `app`. Call it after the callbacks are registered."""
    server: flask.Flask = app.server
    server.request_class = _Request
    server.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    server.config["MAX_FORM_MEMORY_SIZE"] = LARGEST_BODY
    server.config["MAX_FORM_PARTS"] = 16
    gate = Gate(json.loads(app.dependencies().get_data()))
    server.register_error_handler(_Refused, _answer)
    server.register_error_handler(dash.exceptions.DependencyException, _nothing)

    @server.before_request
    def check() -> None:
        request = flask.request
        if request.path == PATH and request.method == "POST" and isinstance(request, _Request):
            if request.mimetype != "application/json" or request.content_encoding:
                raise _Refused("a body that is not plain JSON")
            request.checked = gate.checked(request.get_data())


def _answer(_: _Refused) -> tuple[str, int, Mapping[str, str]]:
    return (
        "The dashboard's page does not send this request.\n",
        400,
        {"Content-Type": "text/plain; charset=utf-8"},
    )


def _nothing(_: Exception) -> tuple[str, int, Mapping[str, str]]:
    """The answer to a request for a script that does not exist."""
    return "Not found.\n", 404, {"Content-Type": "text/plain; charset=utf-8"}


def _parsed(content: bytes) -> Mapping[str, Any]:
    try:
        body = json.loads(content.decode(), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise _Refused("a body that is not JSON") from error
    if not isinstance(body, dict):
        raise _Refused("a body that is not an object")
    return body


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _values(sent: Any, known: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The sent values of these properties, in their order."""
    if not isinstance(sent, list) or len(sent) != len(known):
        raise _Refused("not the inputs of the callback")
    return [_value(one, wanted) for one, wanted in zip(sent, known, strict=True)]


def _value(sent: Any, wanted: Mapping[str, Any]) -> dict[str, Any]:
    name = _name(wanted)
    if not isinstance(sent, dict) or (sent.get("id"), sent.get("property")) != (
        wanted["id"],
        wanted["property"],
    ):
        raise _Refused(f"another input instead of {name}")
    value = sent.get("value")
    if not VALUES[name](value):
        raise _Refused(f"a value that {name} does not allow")
    return {"id": wanted["id"], "property": wanted["property"], "value": value}


def _outputs(spelled: str) -> Any:
    """The outputs as the page lists them; Dash joins several as `..one.data...another.data..`."""
    if not spelled.startswith(".."):
        return _output(spelled)
    return [_output(one) for one in spelled.strip(".").split("...")]


def _output(spelled: str) -> dict[str, str]:
    name, _, prop = spelled.rpartition(".")
    return {"id": name, "property": prop}


def _read(callback: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [*callback["inputs"], *callback["state"]]


def _name(one: Mapping[str, Any]) -> str:
    return f"{one['id']}.{one['property']}"
