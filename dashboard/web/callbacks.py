"""The callbacks of the page: what changes when a viewer uses a control or a refresh is due.

Every control writes the address, and everything that is shown follows from the address and the feed.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, Protocol

import dash
from dash import ClientsideFunction, Input, Output, State, ctx, html, no_update

from dashboard.graph import collapse, model
from dashboard.health import verdict
from dashboard.web import elements, feed, labels, notice, page, panel, rows, state

_CONTROLS = ("namespaces", "search", "kind", "window", "find", "grouping", "refresh", "view")
_SHARE_OF_REFRESH = 0.8  # of the refresh interval; a younger reading is used again, as timers may be early


class ReadingSource(Protocol):
    """The source of readings: a feed, or the feed of the current viewer."""

    @property
    def namespaces(self) -> list[str]:
        """The namespaces that a viewer can choose."""
        ...

    def read(self, question: state.GraphRequest, *, max_age: float) -> feed.Reading:
        """A reading at most `max_age` seconds old."""
        ...


def register(app: dash.Dash, source: ReadingSource, *, thresholds: verdict.Thresholds) -> None:
    """Add all callbacks of the page to an application."""
    _register_navigation(app)
    _register_refresh(app, source, thresholds)
    _register_panel(app, source, thresholds)
    _register_tables(app, source, thresholds)
    _register_scripts(app)


def _register_navigation(app: dash.Dash) -> None:
    @app.callback(
        Output("url", "search"),
        *(Output(name, "value") for name in _CONTROLS),
        Input("url", "search"),
        *(Input(name, "value") for name in _CONTROLS),
        Input("picked", "data"),
        *(Input(name, "n_clicks") for name in ("widen", "clear", "close", "enter", "show")),
        Input("place", "value"),
    )
    def navigate(address: str | None, *inputs: Any) -> list[Any]:
        values = dict(zip(_CONTROLS, inputs, strict=False))
        seen = state.parse(address)
        if ctx.triggered_id not in (None, "url"):
            seen = _acted(
                str(ctx.triggered_id), seen, values, picked=inputs[len(_CONTROLS)], place=inputs[-1] or ""
            )
        wanted = {name: getattr(seen, name) for name in _CONTROLS} | {"namespaces": list(seen.namespaces)}
        spelled = state.spell(seen)
        same = spelled == (address or "") or ctx.triggered_id in (None, "url")
        return [
            no_update if same else spelled,
            *(
                no_update if wanted[name] == (values[name] or _nothing(name)) else wanted[name]
                for name in _CONTROLS
            ),
        ]

    @app.callback(Output("tick", "interval"), Output("tick", "disabled"), Input("url", "search"))
    def pace(address: str | None) -> tuple[int, bool]:
        seconds = state.parse(address).seconds
        return max(seconds, 1) * 1000, seconds == 0

    @app.callback(Output("shell", "navbar"), Input("burger", "opened"))
    def unfold(opened: bool) -> dict[str, Any]:
        return page.navbar_shape(open_=opened)


def _nothing(name: str) -> Any:
    return [] if name == "namespaces" else ""


def _acted(actor: str, seen: state.State, values: dict[str, Any], *, picked: Any, place: str) -> state.State:
    """The state after the viewer used a control, the graph, a table or a button."""
    match actor:
        case "namespaces":
            return dataclasses.replace(seen, namespaces=state.places(values["namespaces"] or ()))
        case "picked":
            return dataclasses.replace(seen, selected=(picked or {}).get("id") or "")
        case "close":
            return dataclasses.replace(seen, selected="")
        case "clear":
            return dataclasses.replace(seen, namespaces=())
        case "widen":
            return dataclasses.replace(seen, window=notice.wider(seen))
        case "place" | "show":
            named = state.places(place.split(","))
            return dataclasses.replace(seen, namespaces=named) if named else seen
        case "enter":
            name = seen.selected.rpartition("/")[2]
            return dataclasses.replace(seen, namespaces=state.places([name]), selected="", grouping="open")
    change: dict[str, Any] = {actor: values[actor] or ""}
    return dataclasses.replace(seen, **change)


def _register_refresh(app: dash.Dash, source: ReadingSource, thresholds: verdict.Thresholds) -> None:
    @app.callback(
        Output("drawing", "data"),
        Output("beat", "data"),
        Output("summary", "children"),
        Output("freshness", "children"),
        Output("notice-title", "children"),
        Output("notice-text", "children"),
        Output("notice", "className"),
        Output("widen", "style"),
        Output("clear", "style"),
        Output("name-one", "style"),
        Output("namespaces", "data"),
        Input("tick", "n_intervals"),
        Input("url", "search"),
    )
    def refresh(_: int | None, address: str | None) -> tuple[Any, ...]:
        if address is None:
            raise dash.exceptions.PreventUpdate
        seen = state.parse(address)
        reading = _read(source, seen)
        said = notice.about(reading, seen)
        graph = _grouped(reading.graph, seen)
        drawing = elements.draw(graph, thresholds=thresholds) | {
            "stale": reading.fault is not None,
            "selected": seen.selected,
            "find": seen.find,
            "search": seen.search,
        }
        return (
            drawing,
            reading.asked.isoformat(),
            _summary(graph, thresholds) if reading.graph else [],
            _freshness(reading, seen),
            said.title if said else "",
            said.text if said else "",
            _notice_class(said),
            _shown(said is not None and said.widen),
            _shown(said is not None and said.clear),
            _shown(said is not None and said.name_one),
            # The input drops values that are not options.
            sorted({*source.namespaces, *seen.namespaces}),
        )


def _register_panel(app: dash.Dash, source: ReadingSource, thresholds: verdict.Thresholds) -> None:
    @app.callback(
        Output("shell", "aside"),
        Output("panel", "className"),
        Output("panel-heading", "children"),
        Output("panel-facts", "children"),
        Output("enter", "style"),
        Output("callers-title", "children"),
        Output("callers", "rowData"),
        Output("callees-title", "children"),
        Output("callees", "rowData"),
        Input("beat", "data"),
        State("url", "search"),
    )
    def show_panel(beat: str | None, address: str | None) -> tuple[Any, ...]:
        # A closed panel must not be reachable with the Tab key.
        closed = page.aside_shape(open_=False), "tm-panel tm-closed", *[no_update] * 7
        seen = state.parse(address)
        if not beat or not seen.selected:
            return closed
        graph = _grouped(_read(source, seen).graph, seen)
        said = panel.about(seen.selected, graph, thresholds=thresholds)
        if said is None:
            return closed
        return (
            page.aside_shape(open_=True),
            "tm-panel",
            panel.heading(said),
            panel.facts(said),
            _shown(bool(said.namespace)),
            f"{said.callers_title} ({len(said.callers)})",
            said.callers,
            f"{said.callees_title} ({len(said.callees)})",
            said.callees,
        )


def _register_tables(app: dash.Dash, source: ReadingSource, thresholds: verdict.Thresholds) -> None:
    @app.callback(
        Output("stage", "className"),
        Output("tables", "className"),
        Output("nodes-table", "rowData"),
        Output("edges-table", "rowData"),
        Input("beat", "data"),
        State("url", "search"),
    )
    def tabulate(beat: str | None, address: str | None) -> tuple[Any, ...]:
        seen = state.parse(address)
        if not beat or seen.view == "graph":
            return "tm-stage", "tm-tables tm-hidden", no_update, no_update
        graph = _grouped(_read(source, seen).graph, seen)
        nodes = rows.of_nodes(graph, thresholds=thresholds)
        edges = rows.of_edges(graph.edges.values(), graph, thresholds=thresholds)
        return (
            "tm-stage tm-hidden",
            "tm-tables",
            [row for row in nodes if _wanted(row, seen, thresholds)],
            [row for row in edges if _wanted(row, seen, thresholds)],
        )


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


def _read(source: ReadingSource, seen: state.State) -> feed.Reading:
    return source.read(seen.question, max_age=(seen.seconds or state.REFRESHES["30s"]) * _SHARE_OF_REFRESH)


def _grouped(graph: model.Graph | None, seen: state.State) -> model.Graph:
    if graph is None:
        return model.Graph(nodes={}, edges={})
    big = len(graph.nodes) > elements.COLLAPSE_ABOVE_NODES
    if seen.grouping == "closed" or (seen.grouping == "auto" and big):
        return collapse.by_namespace(graph)
    return graph


def _wanted(row: rows.Row, seen: state.State, thresholds: verdict.Thresholds) -> bool:
    """Whether a row matches the search and the Find control, like the highlighted elements of the graph."""
    words = f"{row['name']} {row.get('source', '')} {row.get('target', '')} {row.get('namespace', '')}"
    if seen.search and seen.search.lower() not in words.lower():
        return False
    if seen.find == "failing":
        return bool(row["health"] == verdict.Health.FAILING)
    if seen.find == "slow":
        return row["p99"] is not None and row["p99"] > thresholds.slow
    return True


def _summary(graph: model.Graph, thresholds: verdict.Thresholds) -> list[html.Span]:
    judged = [elements.health(node.main_flow, thresholds=thresholds) for node in graph.nodes.values()]
    judged += [elements.health(edge.flow, thresholds=thresholds) for edge in graph.edges.values()]
    bad = [
        html.Span(
            f"{labels.ICONS[health]} {judged.count(health)} {labels.WORDS[health].lower()}",
            className=f"tm-verdict tm-{health}",
        )
        for health in (verdict.Health.FAILING, verdict.Health.DEGRADED)
        if health in judged
    ]
    return [html.Span(f"{len(graph.nodes)} nodes · {len(graph.edges)} edges"), *bad]


def _freshness(reading: feed.Reading, seen: state.State) -> list[Any]:
    if reading.graph is None or reading.graph.timestamp is None:
        return []
    timestamp = reading.graph.timestamp
    mark = [html.Span("Stale", className="tm-verdict tm-failing")] if reading.fault else []
    return [
        *mark,
        html.Span(f"window {notice.window_words(seen, reading.graph.window)}"),
        html.Time(
            f"data from {notice.clock(timestamp)}",
            dateTime=timestamp.isoformat(),
            title=notice.clock(timestamp),
        ),
    ]


def _notice_class(said: notice.Notice | None) -> str:
    if said is None:
        return "tm-notice tm-hidden"
    return " ".join(
        ["tm-notice", *(["tm-covers"] if said.covers else []), *(["tm-fault"] if said.fault else [])]
    )


def _shown(visible: bool) -> dict[str, str]:
    return {} if visible else {"display": "none"}
