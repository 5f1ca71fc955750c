"""The callbacks of the page: what changes when a viewer uses a control or a refresh is due.

Every control writes the address, and everything that is shown follows from the address and the feed. A
callback with several outputs names each one, and returns a dictionary with the same keys.
"""

from collections.abc import Callable
from typing import Any

import dash
from dash import ClientsideFunction, Input, Output, State, no_update

from dashboard.graph import model
from dashboard.health import verdict
from dashboard.web import elements, feed, header, navigation, notice, page, panel, readings, rows, state

_PANEL_CONTENT = {
    "heading": Output("panel-heading", "children"),
    "facts": Output("panel-facts", "children"),
    "enter_style": Output("enter", "style"),
    "callers_title": Output("callers-title", "children"),
    "callers": Output("callers", "rowData"),
    "callees_title": Output("callees-title", "children"),
    "callees": Output("callees", "rowData"),
}
"""The outputs of the side panel that a closed one keeps."""


def register(app: dash.Dash, source: readings.ReadingSource, *, thresholds: verdict.Thresholds) -> None:
    """Add all callbacks of the page to an application."""
    navigation.register(app)
    _register_refresh(app, source, thresholds)
    _register_panel(app, source, thresholds)
    _register_tables(app, source, thresholds)
    _register_scripts(app)


def _register_refresh(app: dash.Dash, source: readings.ReadingSource, thresholds: verdict.Thresholds) -> None:
    @app.callback(
        output={
            "drawing": Output("drawing", "data"),
            "requested_at": Output("beat", "data"),
            "header": {
                "summary": Output("summary", "children"),
                "freshness": Output("freshness", "children"),
            },
            "notice": {
                "title": Output("notice-title", "children"),
                "text": Output("notice-text", "children"),
                "class_name": Output("notice", "className"),
                "widen_style": Output("widen", "style"),
                "clear_style": Output("clear", "style"),
                "name_one_style": Output("name-one", "style"),
            },
            "namespaces": Output("namespaces", "data"),
        },
        inputs=[Input("tick", "n_intervals"), Input("url", "search")],
    )
    def refresh(_: int | None, address: str | None) -> dict[str, Any]:
        if address is None:
            raise dash.exceptions.PreventUpdate
        shown = state.parse(address)
        reading = readings.latest(source, shown)
        graph = readings.grouped(reading.graph, shown)
        return {
            "drawing": _drawing(graph, reading, shown, thresholds),
            "requested_at": reading.requested_at.isoformat(),
            "header": {
                "summary": header.summary(graph, thresholds=thresholds) if reading.graph else [],
                "freshness": header.freshness(reading, shown),
            },
            "notice": _notice_outputs(notice.about(reading, shown)),
            # The input drops values that are not options.
            "namespaces": sorted({*source.namespaces, *shown.namespaces}),
        }


def _drawing(
    graph: model.Graph, reading: feed.Reading, shown: state.State, thresholds: verdict.Thresholds
) -> dict[str, Any]:
    return elements.draw(graph, thresholds=thresholds) | {
        "stale": reading.fault is not None,
        "selected": shown.selected,
        "find": shown.find,
        "search": shown.search,
    }


def _notice_outputs(message: notice.Notice | None) -> dict[str, Any]:
    """The texts, the class and the buttons of the notice; hidden without a message."""
    return {
        "title": message.title if message else "",
        "text": message.text if message else "",
        "class_name": _notice_class(message),
        "widen_style": _display(message is not None and message.widen),
        "clear_style": _display(message is not None and message.clear),
        "name_one_style": _display(message is not None and message.name_one),
    }


def _notice_class(message: notice.Notice | None) -> str:
    if message is None:
        return "tm-notice tm-hidden"
    return " ".join(
        ["tm-notice", *(["tm-covers"] if message.covers else []), *(["tm-fault"] if message.fault else [])]
    )


def _display(visible: bool) -> dict[str, str]:
    return {} if visible else {"display": "none"}


def _register_panel(app: dash.Dash, source: readings.ReadingSource, thresholds: verdict.Thresholds) -> None:
    @app.callback(
        output={
            "aside": Output("shell", "aside"),
            "class_name": Output("panel", "className"),
            "content": _PANEL_CONTENT,
        },
        inputs=[Input("beat", "data")],
        state=[State("url", "search")],
    )
    def show_panel(requested_at: str | None, address: str | None) -> dict[str, Any]:
        shown = state.parse(address)
        if not requested_at or not shown.selected:
            return _panel_outputs(None)
        graph = readings.grouped(readings.latest(source, shown).graph, shown)
        return _panel_outputs(panel.about(shown.selected, graph, thresholds=thresholds))


def _panel_outputs(content: panel.Panel | None) -> dict[str, Any]:
    """The open panel, or the closed one, whose content stays as it was."""
    if content is None:
        return {
            "aside": page.aside_shape(open_=False),
            # A closed panel must not be reachable with the Tab key.
            "class_name": "tm-panel tm-closed",
            "content": dict.fromkeys(_PANEL_CONTENT, no_update),
        }
    return {
        "aside": page.aside_shape(open_=True),
        "class_name": "tm-panel",
        "content": {
            "heading": panel.heading(content),
            "facts": panel.facts(content),
            "enter_style": _display(bool(content.namespace)),
            "callers_title": f"{content.callers_title} ({len(content.callers)})",
            "callers": content.callers,
            "callees_title": f"{content.callees_title} ({len(content.callees)})",
            "callees": content.callees,
        },
    }


def _register_tables(app: dash.Dash, source: readings.ReadingSource, thresholds: verdict.Thresholds) -> None:
    @app.callback(
        output={
            "graph_class": Output("stage", "className"),
            "tables_class": Output("tables", "className"),
            "nodes": Output("nodes-table", "rowData"),
            "edges": Output("edges-table", "rowData"),
        },
        inputs=[Input("beat", "data")],
        state=[State("url", "search")],
    )
    def show_tables(requested_at: str | None, address: str | None) -> dict[str, Any]:
        shown = state.parse(address)
        if not requested_at or shown.view == "graph":
            return {
                "graph_class": "tm-stage",
                "tables_class": "tm-tables tm-hidden",
                "nodes": no_update,
                "edges": no_update,
            }
        graph = readings.grouped(readings.latest(source, shown).graph, shown)
        nodes = rows.of_nodes(graph, thresholds=thresholds)
        edges = rows.of_edges(graph.edges.values(), graph, thresholds=thresholds)
        return {
            "graph_class": "tm-stage tm-hidden",
            "tables_class": "tm-tables",
            "nodes": [row for row in nodes if rows.matches(row, shown, thresholds=thresholds)],
            "edges": [row for row in edges if rows.matches(row, shown, thresholds=thresholds)],
        }


def _register_scripts(app: dash.Dash) -> None:
    script: Callable[..., None] = app.clientside_callback
    script(ClientsideFunction("traffic", "draw"), Input("drawing", "data"))
    for table in ("callers", "callees", "nodes-table", "edges-table"):
        script(
            ClientsideFunction("traffic", "follow"),
            Output("picked", "data", allow_duplicate=True),
            Input(table, "cellClicked"),
            prevent_initial_call=True,
        )
