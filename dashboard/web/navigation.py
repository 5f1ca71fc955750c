"""The callbacks of the address: controls, buttons and clicks change it, and it sets the controls."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import dash
from dash import Input, Output, ctx, no_update

from dashboard.web import notice, page, state

_CONTROLS = ("namespaces", "search", "kind", "window", "find", "grouping", "refresh", "view")
_BUTTONS = ("widen", "clear", "close", "enter", "show")


def register(app: dash.Dash) -> None:
    """Add the callbacks that write or follow the address."""
    _register_address(app)
    _register_refresh_interval(app)
    _register_navbar(app)


def _register_address(app: dash.Dash) -> None:
    @app.callback(
        output={
            "address": Output("url", "search"),
            "controls": {name: Output(name, "value") for name in _CONTROLS},
        },
        inputs={
            "address": Input("url", "search"),
            "controls": {name: Input(name, "value") for name in _CONTROLS},
            "picked": Input("picked", "data"),
            "clicks": {name: Input(name, "n_clicks") for name in _BUTTONS},
            "place": Input("place", "value"),
        },
    )
    def navigate(
        address: str | None,
        controls: Mapping[str, Any],
        picked: Mapping[str, str] | None,
        clicks: Mapping[str, int | None],  # unused: `ctx.triggered_id` is the button that was clicked
        place: str | None,
    ) -> dict[str, Any]:
        shown = state.parse(address)
        opened = ctx.triggered_id in (None, "url")
        if not opened:
            shown = _changed(str(ctx.triggered_id), shown, controls, picked=picked, place=place or "")
        query = state.query_string(shown)
        return {
            "address": no_update if opened or query == (address or "") else query,
            "controls": _control_updates(shown, controls),
        }


def _changed(
    trigger: str,
    shown: state.State,
    controls: Mapping[str, Any],
    *,
    picked: Mapping[str, str] | None,
    place: str,
) -> state.State:
    """The state after the viewer used a control, the graph, a table or a button."""
    match trigger:
        case "namespaces":
            return dataclasses.replace(shown, namespaces=state.namespace_names(controls["namespaces"] or ()))
        case "picked":
            return dataclasses.replace(shown, selected=(picked or {}).get("id") or "")
        case "close":
            return dataclasses.replace(shown, selected="")
        case "clear":
            return dataclasses.replace(shown, namespaces=())
        case "widen":
            return dataclasses.replace(shown, window=notice.wider(shown))
        case "place" | "show":
            named = state.namespace_names(place.split(","))
            return dataclasses.replace(shown, namespaces=named) if named else shown
        case "enter":
            name = shown.selected.rpartition("/")[2]
            return dataclasses.replace(
                shown, namespaces=state.namespace_names([name]), selected="", grouping="open"
            )
    change: dict[str, Any] = {trigger: controls[trigger] or ""}
    return dataclasses.replace(shown, **change)


def _control_updates(shown: state.State, controls: Mapping[str, Any]) -> dict[str, Any]:
    """The new value of each control; `no_update` for a control that already has it."""
    wanted = {name: getattr(shown, name) for name in _CONTROLS} | {"namespaces": list(shown.namespaces)}
    empty: dict[str, Any] = {"namespaces": []}
    return {
        name: no_update if value == (controls[name] or empty.get(name, "")) else value
        for name, value in wanted.items()
    }


def _register_refresh_interval(app: dash.Dash) -> None:
    @app.callback(
        output={"milliseconds": Output("tick", "interval"), "paused": Output("tick", "disabled")},
        inputs=[Input("url", "search")],
    )
    def set_interval(address: str | None) -> dict[str, Any]:
        seconds = state.parse(address).seconds
        return {"milliseconds": max(seconds, 1) * 1000, "paused": seconds == 0}


def _register_navbar(app: dash.Dash) -> None:
    @app.callback(Output("shell", "navbar"), Input("burger", "opened"))
    def open_navbar(opened: bool) -> dict[str, Any]:
        return page.navbar_shape(open_=opened)
