"""Build the Dash application from page, callbacks, login and security headers."""

from collections.abc import Callable
from typing import Any

import dash
import dash_cytoscape
import flask

from dashboard.health import verdict
from dashboard.web import auth, callbacks, gate, login_page, page, readings, security

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


def build(
    source: readings.ReadingSource,
    *,
    thresholds: verdict.Thresholds,
    host: str,
    login: auth.Login | None = None,
) -> flask.Flask:
    """The WSGI application. The browser loads everything from its own address, nothing from another one.

    With a `login` each viewer has to sign in. Without, everyone who reaches it sees what `source` reads.
    """
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
    app.layout = _layout(login)
    callbacks.register(app, source, thresholds=thresholds)
    server: flask.Flask = app.server
    hashes = [*app.csp_hashes(), *([login_page.SCRIPT_HASH] if login else [])]
    security.protect(server, script_hashes=hashes, host=host, forms=login is not None)
    if login:
        login.guard(server)
    gate.guard(app)
    return server


def _layout(login: auth.Login | None) -> Callable[[], Any]:
    def layout() -> Any:
        # Dash also calls this without a request, to learn the components of the page.
        if login is None or not login.is_signed_in:
            return page.page()
        return page.page(viewer=login.name, can_sign_out=login.can_sign_out)

    return layout
