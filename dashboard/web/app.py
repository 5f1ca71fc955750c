"""The Dash application: page, callbacks and protection put together."""

import dash
import dash_cytoscape
import flask

from dashboard.health import verdict
from dashboard.web import callbacks, feed, page, security

_INDEX = """<!DOCTYPE html>
<html lang="en">
    <head>
        {%metas%}
        <title>{%title%}</title>
        {%favicon%}
        {%css%}
    </head>
    <body>
        {%app_entry%}
        <footer>
            {%config%}
            {%scripts%}
            {%renderer%}
        </footer>
    </body>
</html>
"""


def build(source: feed.Feed, *, thresholds: verdict.Thresholds, host: str) -> flask.Flask:
    """A WSGI application that needs nothing from any network but its own address."""
    dash_cytoscape.load_extra_layouts()
    app = dash.Dash(
        "dashboard.web",
        title="TrafficMetrics",
        update_title="",
        serve_locally=True,
        assets_folder="assets",
        index_string=_INDEX,
        add_log_handler=False,
        description="The traffic of a service mesh, live",
    )
    app.layout = page.page()
    callbacks.register(app, source, thresholds=thresholds)
    server: flask.Flask = app.server
    security.protect(server, script_hashes=app.csp_hashes(), host=host)
    return server
