"""Send authenticated requests to the API over verified TLS; raise a `faults.Fault` for every failure.

The server's certificate is always verified, and the CA file is read again when it changes. A connection never
changes an object: it sends GET, and POST for reviews, which Kubernetes does not store. It follows no redirect
and limits the time and size of each answer.
"""

import dataclasses
import datetime as dt
import json
import math
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal

import requests
import requests.utils

from dashboard.client import credential, faults, kubeconfig, limits, sessions

_TIMEOUTS_S = (2.0, 10.0)  # to connect; between two reads of the answer
_ANSWER_TIMEOUT_S = 30.0  # from the request to the last byte of the answer
_SUCCESS = (requests.codes.ok, requests.codes.created)
_LARGEST = 32 << 20  # bytes, unpacked: some 40,000 items


@dataclasses.dataclass(frozen=True, slots=True)
class _Response:
    """A complete answer. `document` is None if the body is not JSON."""

    status: int
    document: Any


@dataclasses.dataclass(frozen=True, slots=True)
class ApiAnswer:
    """An answer of any status. `document` is None if the body is not a JSON object."""

    status: int
    document: Any

    @property
    def is_success(self) -> bool:
        """Whether it is a 200 with a JSON object."""
        return self.status == requests.codes.ok and self.document is not None

    @property
    def message(self) -> str:
        """The message of a `Status` object; empty if the answer is none."""
        is_status = self.document is not None and self.document.get("kind") == "Status"
        return str(self.document.get("message", "")) if is_status else ""


class ApiConnection:
    """Requests for one context, with a new credential when one expires or is refused."""

    def __init__(
        self,
        context: kubeconfig.Context,
        *,
        now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
        uptime: Callable[[], float] = time.monotonic,
        timeouts: tuple[float, float] = _TIMEOUTS_S,
        answer_timeout: float = _ANSWER_TIMEOUT_S,
        largest: int = _LARGEST,
    ) -> None:
        """`now` decides when a credential with an expiry time expires, `uptime`, monotonic seconds, when one
        with a lifetime does. An answer may take `answer_timeout` seconds and have `largest` bytes. Raises
        `faults.Unconfigured` if the kubeconfig asks for what is not supported: to skip the verification of
        certificates, or a SOCKS proxy.
        """
        if context.cluster.fields.get("insecure-skip-tls-verify"):
            raise faults.Unconfigured(
                f"Cluster {context.cluster.name!r} sets insecure-skip-tls-verify. "
                "The certificate is always verified here: set certificate-authority instead."
            )
        sessions.proxies(context.cluster)
        self._impersonation = context.impersonation
        self.context = context
        self._server = context.cluster.text("server").rstrip("/")
        self._now = now
        self._uptime = uptime
        self._timeouts = timeouts
        self._answer_timeout = answer_timeout
        self._largest = largest
        self._lock = threading.Lock()
        self._session: requests.Session | None = None
        self._expires: dt.datetime | None = None
        self._renew_at = math.inf
        self._ca_edition: tuple[int, int, int] | None = None

    def get(self, path: str, *, params: Mapping[str, str] | None = None) -> Any:
        """The JSON object at a path of `metrics.smi-spec.io`. Raises `faults.Fault` for other answers."""
        return self._document(self._fetch(path, params=params))

    def read(self, path: str, *, params: Mapping[str, str] | None = None) -> ApiAnswer:
        """The answer at a path, of any status. Raises `faults.Unreachable` without an answer."""
        response = self._fetch(path, params=params)
        document = response.document
        return ApiAnswer(response.status, document if isinstance(document, dict) else None)

    def review(self, path: str, *, body: Mapping[str, Any]) -> Any:
        """The answer to a review (an object sent by POST). Raises `faults.Fault`."""
        return self._document(self._send("POST", path, body=body))

    def close(self) -> None:
        """Close the connections; the next request opens new ones."""
        with self._lock:
            if self._session:
                self._session.close()
            self._session = None

    def _fetch(self, path: str, *, params: Mapping[str, str] | None) -> _Response:
        """Send the request again once, with a new credential, after a 401."""
        response = self._send("GET", path, params=params)
        if response.status == requests.codes.unauthorized:
            self.close()
            response = self._send("GET", path, params=params)
        return response

    def _document(self, response: _Response) -> Any:
        return _document_of(response, self._server, origin=self.context.origin)

    def _send(
        self,
        verb: Literal["GET", "POST"],
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> _Response:
        session = self._current()
        try:
            with limits.time_limit(self._answer_timeout):
                answer = session.request(
                    verb,
                    self._server + path,
                    params=params,
                    json=body,
                    timeout=self._timeouts,
                    allow_redirects=False,
                    stream=True,
                )
                content = limits.body(answer, most=self._largest)
            return _Response(answer.status_code, _json(content))
        except limits.TooLarge as error:
            raise faults.Failed(
                f"The API at {self._server} answers with more than {self._largest >> 20} MiB. "
                "Choose fewer namespaces."
            ) from error
        except requests.exceptions.SSLError as error:
            raise faults.Unreachable(
                f"The certificate of the API at {self._server} cannot be verified: {_root_cause(error)}. "
                f"Check the certificate authority in {self.context.origin}."
            ) from error
        except (requests.exceptions.Timeout, limits.TooSlow) as error:
            raise faults.Unreachable(
                f"The API at {self._server} did not answer in time. "
                "Check that the server is running and not overloaded."
            ) from error
        except (requests.exceptions.RequestException, ValueError) as error:
            raise faults.Unreachable(
                f"The API at {self._server} cannot be reached: {_root_cause(error)}. "
                f"Check that the server is running and that {self.context.origin} has its address."
            ) from error

    def _current(self) -> requests.Session:
        with self._lock:
            ca_edition = self.context.cluster.edition("certificate-authority")
            expired = self._expires is not None and self._now() >= self._expires
            over = expired or self._uptime() >= self._renew_at
            if self._session is None or over or ca_edition != self._ca_edition:
                secret = credential.fetch(self.context.user)
                self._session = sessions.open_session(self.context.cluster, secret, self._impersonation)
                self._expires = secret.expires
                self._renew_at = math.inf if secret.lifetime is None else self._uptime() + secret.lifetime
                self._ca_edition = ca_edition
            return self._session


def _document_of(response: _Response, server: str, *, origin: str) -> Any:
    status = response.document
    if response.status in _SUCCESS and isinstance(status, dict):
        return status
    message = status.get("message", "") if isinstance(status, dict) and status.get("kind") == "Status" else ""
    match response.status:
        case 401:
            raise faults.Unauthenticated(
                f"The API at {server} does not accept the credential: {message or 'Unauthorized'}. "
                f"Log in again, or check the user in {origin}."
            )
        case 403:
            raise faults.Denied(
                f"{message or 'Forbidden'}. Ask for a role that may list trafficmetrics and trafficedges."
            )
        case 404 if not message:
            raise faults.NotServed(
                f"{server} does not serve metrics.smi-spec.io/v1alpha1. "
                "Install the server or check its APIService."
            )
        case 503 if not message:
            raise faults.NotServed(
                f"{server} has metrics.smi-spec.io/v1alpha1 registered but cannot reach its server. "
                "Check the APIService and its pods."
            )
    raise faults.Failed(
        message or f"The API at {server} answered {response.status} without a JSON object. Check its address."
    )


def _json(content: bytes) -> Any:
    """The JSON value; None for content that is not JSON or is nested too deeply."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _root_cause(error: BaseException) -> str:
    """The message of the innermost error, without the wrappers of requests and urllib3."""
    seen: BaseException = error
    while True:
        inner = getattr(seen, "reason", None) or seen.__cause__ or (seen.args[0] if seen.args else None)
        if not isinstance(inner, BaseException):
            break
        seen = inner
    if isinstance(seen, OSError) and seen.strerror:
        return seen.strerror
    return str(seen).rpartition(": ")[2].rstrip(".")
