"""The tables. They sort by exact figures; rows keep their ids, so a refresh keeps sorting and focus."""

from typing import Any

import dash_ag_grid as ag

_NAME = {"field": "name", "headerName": "Name", "flex": 1, "minWidth": 100}


def _figure(field: str, header: str) -> dict[str, Any]:
    return {
        "field": field,
        "headerName": header,
        "valueFormatter": {"function": f"params.data.{field}_words"},
        "type": "rightAligned",
        "width": 84,
        "sortingOrder": ["desc", "asc", None],
    }


_SUCCESS = _figure("success", "Success") | {"width": 92, "sortingOrder": ["asc", "desc", None]}
_FIGURES = [_SUCCESS, _figure("rate", "Rate")]
_LATENCIES = [_figure("p50", "P50"), _figure("p90", "P90"), _figure("p99", "P99")]
_VERDICT = {
    "field": "verdict",
    "headerName": "Health",
    "width": 130,
    "cellClass": {"function": "'tm-' + params.data.health"},
}

PEERS = [_NAME, _SUCCESS, _figure("rate", "Rate"), _figure("p99", "P99") | {"width": 76}]
WORKLOADS = [
    _NAME,
    {"field": "kind", "headerName": "Kind", "width": 150},
    {"field": "namespace", "headerName": "Namespace", "width": 150},
    _VERDICT,
    *_FIGURES,
    *_LATENCIES,
]
EDGES = [
    {"field": "source", "headerName": "From", "flex": 1, "minWidth": 150},
    {"field": "target", "headerName": "To", "flex": 1, "minWidth": 150},
    _VERDICT,
    *_FIGURES,
    *_LATENCIES,
    {"field": "side", "headerName": "Observed at", "width": 100},
]


def grid(name: str, columns: list[dict[str, Any]]) -> ag.AgGrid:
    """A table that is as high as its rows."""
    return ag.AgGrid(
        id=name,
        columnDefs=columns,
        rowData=[],
        getRowId="params.data.id",
        defaultColDef={"sortable": True, "resizable": True, "suppressHeaderMenuButton": True},
        dashGridOptions={
            "domLayout": "autoHeight",
            "suppressCellFocus": False,
            "enableCellTextSelection": True,
            "ensureDomOrder": True,
            "suppressColumnVirtualisation": True,
            "rowHeight": 36,
            "headerHeight": 36,
            "localeText": {"noRowsToShow": "None"},
        },
        style={"width": "100%"},
    )
