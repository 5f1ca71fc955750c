"""Let only viewers with a valid token in; each viewer reads with their own token.

Each request has the token: in the `Authorization` header, set by a proxy that signs viewers in, else in the
encrypted cookie that the login page sets. The token is sent to the kube-apiserver only.
"""

import contextlib
import dataclasses
from typing import Any
from urllib.parse import urlencode

import flask
import werkzeug.wrappers

from dashboard.client import faults
from dashboard.web import (
    concurrency,
    feed,
    gate,
    login_page,
    login_throttle,
    security,
    session_cookie,
    state,
    viewers,
)

_PUBLIC_PATHS = ("/login", "/logout", *(f"/{asset}" for asset in login_page.ASSETS))
_CALLBACKS_PER_VIEWER = 12  # at once for one viewer: twice what a browser sends
_COOKIE = "trafficmetrics"


@dataclasses.dataclass(frozen=True, slots=True)
class _Bearer:
    token: str = dataclasses.field(repr=False)
    from_proxy: bool


class _LoginRequired(Exception):
    """The request is redirected to the login page; `reason` is a key of `login_page.MESSAGES`."""

    def __init__(self, reason: str, *, keeps_cookie: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.keeps_cookie = keeps_cookie  # whether the cookie is kept


class Login:
    """The login, and readings for the viewer of the current request."""

    def __init__(
        self,
        viewer_store: viewers.Viewers,
        *,
        cookies: session_cookie.SessionCookie,
        failures: login_throttle.LoginThrottle | None = None,
    ) -> None:
        self._viewers = viewer_store
        self._cookies = cookies
        self._failures = failures or login_throttle.LoginThrottle()
        self._callback_limit = concurrency.KeyedLimit(
            total=2 * viewers.WAITING, per_key=_CALLBACKS_PER_VIEWER
        )

    @property
    def namespaces(self) -> list[str]:
        """The namespaces that the viewer has seen."""
        return self._viewer().feed.namespaces

    @property
    def is_signed_in(self) -> bool:
        """Whether there is a request of a viewer who is signed in."""
        return flask.has_request_context() and "viewer" in flask.g

    @property
    def name(self) -> str:
        """The viewer's user name."""
        return self._viewer().name

    @property
    def can_sign_out(self) -> bool:
        """Whether the viewer can sign out here; not if a proxy signed them in."""
        bearer = self._bearer()
        return bearer is not None and not bearer.from_proxy

    def read(self, request: state.GraphRequest, *, max_age: float) -> feed.Reading:
        """The viewer's reading. Redirects to the login if the API does not accept the token any more."""
        reading = self._viewer().feed.read(request, max_age=max_age)
        if isinstance(reading.fault, faults.Unauthenticated):
            bearer = self._bearer()
            if bearer:
                self._viewers.forget(bearer.token)
            raise _LoginRequired("proxy" if bearer and bearer.from_proxy else "refused")
        return reading

    def guard(self, server: flask.Flask) -> None:
        """Require a viewer for every path, except the login page and its assets."""
        server.add_url_rule("/login", view_func=self._show_form, methods=["GET"])
        server.add_url_rule("/login", view_func=self._log_in, methods=["POST"], endpoint="log_in")
        server.add_url_rule("/logout", view_func=self._log_out, methods=["POST"])
        server.register_error_handler(_LoginRequired, _redirect_to_login)

        @server.before_request
        def require_viewer() -> None:
            if flask.request.path not in (*_PUBLIC_PATHS, security.HEALTH):
                flask.g.viewer = self._authenticate()
                flask.g.slot = self._take_slot(flask.g.viewer)

        @server.teardown_request
        def release_slot(_: BaseException | None) -> None:
            if slot := flask.g.pop("slot", None):
                slot.close()

        server.register_error_handler(concurrency.LimitReached, _too_many_requests)

    def _take_slot(self, viewer: viewers.Viewer) -> contextlib.ExitStack:
        """A slot for a callback, so that one viewer cannot use all threads. Raises LimitReached."""
        slot = contextlib.ExitStack()
        if flask.request.path == gate.PATH:
            slot.enter_context(self._callback_limit.slot(viewer.feed))
        return slot

    def _viewer(self) -> viewers.Viewer:
        viewer: viewers.Viewer = flask.g.viewer
        return viewer

    def _authenticate(self) -> viewers.Viewer:
        bearer = self._bearer()
        if bearer is None:
            raise _LoginRequired("ended" if _sent_cookie() else "")
        if viewer := self._viewers.find(bearer.token):
            return viewer
        if self._is_throttled(bearer.token):
            raise _LoginRequired("often", keeps_cookie=True)
        try:
            return self._viewers.admit(bearer.token)
        except faults.Unauthenticated as fault:
            self._record_failure(bearer.token)
            raise _LoginRequired("proxy" if bearer.from_proxy else "refused") from fault
        except faults.Fault as fault:
            flask.current_app.logger.warning("Cannot check a viewer's token with the API: %s", fault)
            raise _LoginRequired("away", keeps_cookie=True) from fault

    def _is_throttled(self, token: str) -> bool:
        digest, accepted_before = self._viewers.digest(token), self._viewers.was_accepted(token)
        return self._failures.is_blocked(
            flask.request.remote_addr or "", digest, accepted_before=accepted_before
        )

    def _record_failure(self, token: str) -> None:
        self._failures.record_failure(flask.request.remote_addr or "", self._viewers.digest(token))

    def _bearer(self) -> _Bearer | None:
        authorization = flask.request.authorization
        if authorization is not None and authorization.type == "bearer" and authorization.token:
            return _Bearer(authorization.token, from_proxy=True)
        token = self._cookies.decrypt(_sent_cookie())
        return _Bearer(token, from_proxy=False) if token else None

    def _show_form(self) -> werkzeug.wrappers.Response:
        return _login_response(
            flask.request.args.get("why", ""), query=_query(flask.request.args.get("next"))
        )

    def _log_in(self) -> werkzeug.wrappers.Response:
        query = _query(flask.request.form.get("next"))
        token = flask.request.form.get("token", "").strip().removeprefix("Bearer ").strip()
        if self._is_throttled(token):
            return _login_response("often", query=query, status=429)
        try:
            self._viewers.admit(token)
            cookie = self._cookies.encrypt(token)
        except faults.Unauthenticated:
            self._record_failure(token)
            return _login_response("wrong", query=query, status=401)
        except faults.Fault as fault:
            flask.current_app.logger.warning("Cannot check a viewer's token with the API: %s", fault)
            return _login_response("away", query=query, status=503)
        except session_cookie.TokenTooLong:
            return _login_response("long", query=query, status=400)
        response = flask.redirect(f"/{query}", 303)
        response.set_cookie(
            _cookie_name(),
            cookie,
            max_age=int(self._cookies.length.total_seconds()),
            secure=flask.request.is_secure,
            httponly=True,
            samesite="Strict",
        )
        return response

    def _log_out(self) -> werkzeug.wrappers.Response:
        bearer = self._bearer()
        if bearer:
            self._viewers.forget(bearer.token)
        return _without_cookie(flask.redirect("/login?why=out", 303))


def _cookie_name() -> str:
    """The cookie's name. With `__Host-` a browser accepts it from this very host by HTTPS only."""
    return f"__Host-{_COOKIE}" if flask.request.is_secure else _COOKIE


def _sent_cookie() -> str:
    return flask.request.cookies.get(_cookie_name(), "")


def _query(query: str | None) -> str:
    """The query of a view of the page. Nothing else of `wanted` is used, so there is no open redirect."""
    return state.query_string(state.parse(query))


def _login_response(reason: str, *, query: str, status: int = 200) -> werkzeug.wrappers.Response:
    encrypted = flask.request.is_secure or security.is_loopback(security.without_port(flask.request.host))
    page = login_page.render(message_key=reason, query=query, encrypted=encrypted)
    return flask.Response(page, status, mimetype="text/html")


def _redirect_to_login(required: _LoginRequired) -> werkzeug.wrappers.Response:
    """Redirect to the login; an open page is redirected by an update of its `leave` component."""
    response: Any
    if flask.request.path == gate.PATH:
        view = _query(flask.request.headers.get("Referer", "").partition("?")[2])
        update = {"leave": {"href": _login_address(required.reason, view)}}
        response = flask.jsonify({"multi": True, "response": {}, "sideUpdate": update})
    elif flask.request.path == "/" and flask.request.method == "GET":
        view = _query(flask.request.query_string.decode(errors="replace"))
        response = flask.redirect(_login_address(required.reason, view), 303)
    else:
        response = flask.Response("Sign in first.\n", 401, mimetype="text/plain")
    return response if required.keeps_cookie else _without_cookie(response)


def _too_many_requests(_: concurrency.LimitReached) -> werkzeug.wrappers.Response:
    return flask.Response(
        "Too many of your requests are in progress. Try again later.\n", 429, mimetype="text/plain"
    )


def _login_address(reason: str, view: str) -> str:
    parameters = {name: value for name, value in (("why", reason), ("next", view)) if value}
    return f"/login?{urlencode(parameters)}" if parameters else "/login"


def _without_cookie(response: Any) -> werkzeug.wrappers.Response:
    if _sent_cookie():
        response.delete_cookie(
            _cookie_name(), secure=flask.request.is_secure, httponly=True, samesite="Strict"
        )
    answer: werkzeug.wrappers.Response = response
    return answer
