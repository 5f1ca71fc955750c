"""The structure of the page: header, controls, graph, tables and side panel. Callbacks fill it."""

from typing import Any

import dash_cytoscape
import dash_mantine_components as dmc
from dash import dcc, html

from dashboard.health import verdict
from dashboard.web import grids, labels, state

_KIND_LABELS = {"workloads": "Workloads", "pods": "Pods", "services": "Services"}
_FIND_LABELS = {"all": "All", "failing": "✕ Failing", "slow": "Slow"}
_VIEW_LABELS = {"graph": "Graph", "table": "Table"}
_HIDDEN_FROM_READERS: dict[str, Any] = {"aria-hidden": "true"}
_GROUPING_LABELS = {"auto": "Auto", "open": "Open", "closed": "Closed"}


def page(*, viewer: str = "", can_sign_out: bool = False) -> dmc.MantineProvider:
    """The page. `viewer` is the name of a viewer who signed in; `can_sign_out` adds a button to sign out."""
    return dmc.MantineProvider(
        [
            dcc.Location(id="url", refresh=False),
            dcc.Location(id="leave", refresh=True),
            dcc.Interval(id="tick", interval=5000),
            dcc.Store(id="drawing"),
            dcc.Store(id="beat"),
            dcc.Store(id="picked"),
            dmc.AppShell(
                [_header(), _navbar(viewer, can_sign_out), _main(), _aside()],
                id="shell",
                header={"height": 60},
                navbar=navbar_shape(open_=False),
                aside=aside_shape(open_=False),
                padding=0,
            ),
        ],
        defaultColorScheme="auto",
        theme={"primaryColor": "indigo", "defaultRadius": "md", "cursorType": "pointer"},
    )


def navbar_shape(*, open_: bool) -> dict[str, Any]:
    """The size of the controls: always visible on a wide screen, behind a button on a narrow one."""
    return {"width": 272, "breakpoint": "sm", "collapsed": {"mobile": not open_}}


def aside_shape(*, open_: bool) -> dict[str, Any]:
    """The size of the side panel, and whether it is visible."""
    return {"width": 420, "breakpoint": "md", "collapsed": {"desktop": not open_, "mobile": not open_}}


def _header() -> dmc.AppShellHeader:
    return dmc.AppShellHeader(
        html.Div(
            [
                dmc.Burger(id="burger", opened=False, size="sm", **_aria_label("Show the controls")),
                html.Img(src="assets/logo.svg", alt="", className="tm-logo"),
                html.H1("TrafficMetrics", className="tm-title"),
                html.Div(id="summary", className="tm-summary"),
                html.Div(id="freshness", className="tm-freshness", role="status"),
                dmc.SegmentedControl(
                    id="view", value="graph", data=_options(_VIEW_LABELS), **_aria_label("View"), size="xs"
                ),
                dmc.ColorSchemeToggle(
                    id="scheme",
                    lightIcon=html.Span("☀", className="tm-glyph"),
                    darkIcon=html.Span("☾", className="tm-glyph"),
                    variant="default",
                    size="lg",
                    **_aria_label("Switch between light and dark"),
                ),
            ],
            className="tm-header",
        )
    )


def _navbar(viewer: str, can_sign_out: bool) -> dmc.AppShellNavbar:
    return dmc.AppShellNavbar(
        dmc.ScrollArea(
            html.Div(
                [
                    dmc.TagsInput(
                        id="namespaces",
                        label="Namespaces",
                        placeholder="All",
                        data=[],
                        value=[],
                        clearable=True,
                        splitChars=[",", " "],
                    ),
                    dmc.TextInput(id="search", label="Search", placeholder="Part of a name", debounce=250),
                    _choice("kind", "Show", _KIND_LABELS),
                    _choice("window", "Window", {name: name for name in state.WINDOWS}),
                    _choice("find", "Find", _FIND_LABELS),
                    _choice("grouping", "Namespace boxes", _GROUPING_LABELS),
                    _choice("refresh", "Refresh", {name: name.capitalize() for name in state.REFRESHES}),
                    _legend(),
                    *([_account(viewer, can_sign_out)] if viewer else []),
                ],
                className="tm-controls",
            ),
            style={"height": "100%"},
        )
    )


def _main() -> dmc.AppShellMain:
    return dmc.AppShellMain(
        [
            html.Div(
                [
                    html.Div(
                        [
                            html.Div(id="notice-title", className="tm-notice-title"),
                            html.Div(id="notice-text", className="tm-notice-text"),
                        ]
                    ),
                    dmc.Button("Widen the window", id="widen", variant="light", size="xs"),
                    dmc.Button("Show all namespaces", id="clear", variant="light", size="xs"),
                    html.Div(
                        [
                            dmc.TextInput(
                                id="place",
                                label="A namespace you may read",
                                placeholder="Such as shop",
                                debounce=True,
                                size="sm",
                            ),
                            dmc.Button("Show namespace", id="show", size="sm"),
                        ],
                        id="name-one",
                        className="tm-name-one",
                        style={"display": "none"},
                    ),
                ],
                id="notice",
                className="tm-notice tm-hidden",
                role="status",
            ),
            html.Div(
                [
                    dash_cytoscape.Cytoscape(
                        id="graph",
                        elements=[],
                        layout={"name": "preset"},
                        stylesheet=[],
                        autoRefreshLayout=False,
                        minZoom=0.1,
                        maxZoom=2.5,
                        boxSelectionEnabled=False,
                        className="tm-canvas",
                        style={"width": "100%", "height": "100%"},
                    ),
                    html.Div(id="cards", className="tm-cards"),
                    html.Div(
                        [
                            _tool("zoom-in", "+", "Zoom in"),
                            _tool("zoom-out", "−", "Zoom out"),
                            _tool("zoom-fit", "⤢", "Show the whole graph"),
                        ],
                        className="tm-tools",
                    ),
                ],
                id="stage",
                className="tm-stage",
            ),
            html.Div(
                [
                    html.H2("Workloads", id="nodes-title"),
                    grids.grid("nodes-table", grids.WORKLOADS),
                    html.H2("Edges"),
                    grids.grid("edges-table", grids.EDGES),
                ],
                id="tables",
                className="tm-tables tm-hidden",
            ),
        ]
    )


def _aside() -> dmc.AppShellAside:
    return dmc.AppShellAside(
        html.Div(
            [
                html.Div(
                    [
                        html.Div(id="panel-heading"),
                        dmc.ActionIcon(
                            "✕", id="close", variant="subtle", color="gray", **_aria_label("Close the panel")
                        ),
                    ],
                    className="tm-panel-top",
                ),
                html.Div(id="panel-facts"),
                dmc.Button("Show only this namespace", id="enter", variant="light", size="xs"),
                html.H2("Callers", id="callers-title"),
                grids.grid("callers", grids.PEERS),
                html.H2("Callees", id="callees-title"),
                grids.grid("callees", grids.PEERS),
            ],
            id="panel",
            className="tm-panel tm-closed",
        )
    )


def _account(viewer: str, can_sign_out: bool) -> html.Div:
    leave = html.Form(
        html.Button("Sign out", type="submit", className="tm-leave"), action="logout", method="POST"
    )
    return html.Div(
        [
            html.Div(
                [html.Div("Signed in as", className="tm-label"), html.Div(viewer, className="tm-viewer")]
            ),
            *([leave] if can_sign_out else []),
        ],
        className="tm-account",
    )


def _legend() -> html.Div:
    return html.Div(
        [
            html.H2("Legend"),
            html.Ul(
                [
                    html.Li(
                        [
                            html.Span(className=f"tm-line tm-line-{health}", **_HIDDEN_FROM_READERS),
                            html.Span(
                                f"{labels.ICONS[health]} {labels.TEXTS[health]}", className=f"tm-{health}"
                            ),
                        ]
                    )
                    for health in verdict.Health
                ]
            ),
            html.P("A thicker line means more requests per second. The label has rate and P99."),
        ],
        className="tm-legend",
    )


def _choice(name: str, label: str, labels_by_value: dict[str, str]) -> html.Div:
    return html.Div(
        [
            html.Div(label, className="tm-label"),
            dmc.SegmentedControl(
                id=name,
                value=next(iter(labels_by_value)),
                data=_options(labels_by_value),
                fullWidth=True,
                size="xs",
                **_aria_label(label),
            ),
        ]
    )


def _tool(name: str, symbol: str, label: str) -> html.Button:
    return html.Button(symbol, id=name, title=label, **_aria_label(label))


def _options(labels_by_value: dict[str, str]) -> list[dict[str, str]]:
    return [{"value": value, "label": label} for value, label in labels_by_value.items()]


def _aria_label(label: str) -> dict[str, Any]:
    return {"aria-label": label}
