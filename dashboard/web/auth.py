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
    feed,
    gate,
    login_page,
    login_throttle,
    security,
    session_cookie,
    state,
    turns,
    viewers,
)

_OPEN_TO_ALL = ("/login", "/logout", *(f"/{asset}" for asset in login_page.ASSETS))
_CALLBACKS_EACH = 12  # at once for one viewer: twice what a browser sends
_COOKIE = "trafficmetrics"


@dataclasses.dataclass(frozen=True, slots=True)
class _Bearer:
    token: str = dataclasses.field(repr=False)
    from_proxy: bool


class _Stopped(Exception):
    """The request is redirected to the login page; `why` is a key of `login_page.WHY`."""

    def __init__(self, why: str, *, keeps: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.keeps = keeps  # whether the cookie is kept


class Login:
    """The login, and readings for the viewer of the current request."""

    def __init__(
        self,
        known: viewers.Viewers,
        *,
        sealing: session_cookie.SessionCookie,
        failures: login_throttle.LoginThrottle | None = None,
    ) -> None:
        self._known = known
        self._seal = sealing
        self._failures = failures or login_throttle.LoginThrottle()
        self._turns = turns.KeyedPlaces(most=2 * viewers.WAITING, each=_CALLBACKS_EACH)

    @property
    def namespaces(self) -> list[str]:
        """The namespaces that the viewer has seen."""
        return self._viewer().feed.namespaces

    @property
    def is_passed(self) -> bool:
        """Whether there is a request of a viewer who is signed in."""
        return flask.has_request_context() and "viewer" in flask.g

    @property
    def name(self) -> str:
        """The viewer's user name."""
        return self._viewer().name

    @property
    def may_leave(self) -> bool:
        """Whether the viewer can sign out here; not if a proxy signed them in."""
        bearer = self._bearer()
        return bearer is not None and not bearer.from_proxy

    def read(self, question: state.GraphRequest, *, max_age: float) -> feed.Reading:
        """The viewer's reading. Redirects to the login if the API does not accept the token any more."""
        reading = self._viewer().feed.read(question, max_age=max_age)
        if isinstance(reading.fault, faults.Unauthenticated):
            bearer = self._bearer()
            if bearer:
                self._known.forget(bearer.token)
            raise _Stopped("proxy" if bearer and bearer.from_proxy else "refused")
        return reading

    def guard(self, server: flask.Flask) -> None:
        """Require a viewer for every path, except the login page and its assets."""
        server.add_url_rule("/login", view_func=self._ask, methods=["GET"])
        server.add_url_rule("/login", view_func=self._let_in, methods=["POST"], endpoint="let_in")
        server.add_url_rule("/logout", view_func=self._let_out, methods=["POST"])
        server.register_error_handler(_Stopped, _to_login)

        @server.before_request
        def require_viewer() -> None:
            if flask.request.path not in (*_OPEN_TO_ALL, security.HEALTH):
                flask.g.viewer = self._admit()
                flask.g.place = self._place(flask.g.viewer)

        @server.teardown_request
        def release_place(_: BaseException | None) -> None:
            if place := flask.g.pop("place", None):
                place.close()

        server.register_error_handler(turns.NoPlace, _too_many)

    def _place(self, viewer: viewers.Viewer) -> contextlib.ExitStack:
        """A place for a callback, so that one viewer cannot use all threads. Raises turns.NoPlace."""
        place = contextlib.ExitStack()
        if flask.request.path == gate.PATH:
            place.enter_context(self._turns.taken(viewer.feed))
        return place

    def _viewer(self) -> viewers.Viewer:
        viewer: viewers.Viewer = flask.g.viewer
        return viewer

    def _admit(self) -> viewers.Viewer:
        bearer = self._bearer()
        if bearer is None:
            raise _Stopped("ended" if _sealed() else "")
        if viewer := self._known.find(bearer.token):
            return viewer
        if self._are_too_many(bearer.token):
            raise _Stopped("often", keeps=True)
        try:
            return self._known.admit(bearer.token)
        except faults.Unauthenticated as fault:
            self._fail(bearer.token)
            raise _Stopped("proxy" if bearer.from_proxy else "refused") from fault
        except faults.Fault as fault:
            flask.current_app.logger.warning("Cannot check a viewer's token with the API: %s", fault)
            raise _Stopped("away", keeps=True) from fault

    def _are_too_many(self, token: str) -> bool:
        digest, is_known = self._known.digest(token), self._known.was_accepted(token)
        return self._failures.are_too_many(flask.request.remote_addr or "", digest, is_known=is_known)

    def _fail(self, token: str) -> None:
        self._failures.failed(flask.request.remote_addr or "", self._known.digest(token))

    def _bearer(self) -> _Bearer | None:
        sent = flask.request.authorization
        if sent is not None and sent.type == "bearer" and sent.token:
            return _Bearer(sent.token, from_proxy=True)
        token = self._seal.open(_sealed())
        return _Bearer(token, from_proxy=False) if token else None

    def _ask(self) -> werkzeug.wrappers.Response:
        return _page(flask.request.args.get("why", ""), query=_query(flask.request.args.get("next")))

    def _let_in(self) -> werkzeug.wrappers.Response:
        query = _query(flask.request.form.get("next"))
        token = flask.request.form.get("token", "").strip().removeprefix("Bearer ").strip()
        if self._are_too_many(token):
            return _page("often", query=query, status=429)
        try:
            self._known.admit(token)
            sealed = self._seal.close(token)
        except faults.Unauthenticated:
            self._fail(token)
            return _page("wrong", query=query, status=401)
        except faults.Fault as fault:
            flask.current_app.logger.warning("Cannot check a viewer's token with the API: %s", fault)
            return _page("away", query=query, status=503)
        except session_cookie.TokenTooLong:
            return _page("long", query=query, status=400)
        response = flask.redirect(f"/{query}", 303)
        response.set_cookie(
            _cookie(),
            sealed,
            max_age=int(self._seal.length.total_seconds()),
            secure=flask.request.is_secure,
            httponly=True,
            samesite="Strict",
        )
        return response

    def _let_out(self) -> werkzeug.wrappers.Response:
        bearer = self._bearer()
        if bearer:
            self._known.forget(bearer.token)
        return _without_cookie(flask.redirect("/login?why=out", 303))


def _cookie() -> str:
    """The cookie's name. With `__Host-` a browser accepts it from this very host by HTTPS only."""
    return f"__Host-{_COOKIE}" if flask.request.is_secure else _COOKIE


def _sealed() -> str:
    return flask.request.cookies.get(_cookie(), "")


def _query(wanted: str | None) -> str:
    """The query of a view of the page. Nothing else of `wanted` is used, so there is no open redirect."""
    return state.spell(state.parse(wanted))


def _page(why: str, *, query: str, status: int = 200) -> werkzeug.wrappers.Response:
    encrypted = flask.request.is_secure or security.is_loopback(security.without_port(flask.request.host))
    page = login_page.render(why=why, query=query, encrypted=encrypted)
    return flask.Response(page, status, mimetype="text/html")


def _to_login(stopped: _Stopped) -> werkzeug.wrappers.Response:
    """Redirect to the login; an open page is redirected by an update of its `leave` component."""
    response: Any
    if flask.request.path == gate.PATH:
        view = _query(flask.request.headers.get("Referer", "").partition("?")[2])
        goal = {"leave": {"href": _login(stopped.why, view)}}
        response = flask.jsonify({"multi": True, "response": {}, "sideUpdate": goal})
    elif flask.request.path == "/" and flask.request.method == "GET":
        view = _query(flask.request.query_string.decode(errors="replace"))
        response = flask.redirect(_login(stopped.why, view), 303)
    else:
        response = flask.Response("Sign in first.\n", 401, mimetype="text/plain")
    return response if stopped.keeps else _without_cookie(response)


def _too_many(_: turns.NoPlace) -> werkzeug.wrappers.Response:
    return flask.Response(
        "Too many of your requests are in progress. Try again later.\n", 429, mimetype="text/plain"
    )


def _login(why: str, view: str) -> str:
    said = {name: value for name, value in (("why", why), ("next", view)) if value}
    return f"/login?{urlencode(said)}" if said else "/login"


def _without_cookie(response: Any) -> werkzeug.wrappers.Response:
    if _sealed():
        response.delete_cookie(_cookie(), secure=flask.request.is_secure, httponly=True, samesite="Strict")
    answer: werkzeug.wrappers.Response = response
    return answer
