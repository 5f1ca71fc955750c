"""Users that the kube-apiserver has authenticated before it forwards their requests to this server.

It names the user in headers. Any client can send these headers, so they count only if the client certificate
of the connection is signed by the front proxy's own CA.
https://kubernetes.io/docs/tasks/extend-kubernetes/configure-aggregation-layer/
"""

import dataclasses
import logging
from collections.abc import Callable, Iterator
from datetime import datetime

import multidict

from apiservice.authn import authenticator
from apiservice.http import errors
from apiservice.runtime import throttled_log
from apiservice.x509 import verify

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FrontProxy:
    """The CAs of the front proxy, and the headers in which it names the user, in order of preference."""

    authorities: verify.Authorities
    allowed_names: frozenset[str] = frozenset()
    """Allowed common names of its certificate; if empty, all are allowed."""
    user_headers: tuple[str, ...] = ("X-Remote-User",)
    uid_headers: tuple[str, ...] = ()
    group_headers: tuple[str, ...] = ("X-Remote-Group",)
    extra_prefixes: tuple[str, ...] = ("X-Remote-Extra-",)


class FrontProxyAuthenticator:
    """Accepts the headers of the front proxy that `current` returns, which is called for every request."""

    def __init__(self, current: Callable[[], FrontProxy | None], *, clock: Callable[[], datetime]) -> None:
        self._current = current
        self._clock = clock
        self._throttled = throttled_log.ThrottledLog(_log)

    async def authenticate(self, credentials: authenticator.Credentials) -> authenticator.User | None:
        """The user in the headers; `None` if there is none or the certificate is not the front proxy's.

        Raises `Unauthorized` if the headers of the front proxy are not UTF-8.
        """
        proxy = self._current()
        if proxy is None:
            return None
        name = next(_values(credentials.headers, names=proxy.user_headers), "")
        if not name:
            return None
        try:
            _verify(credentials.certificates, proxy=proxy, now=self._clock())
        except verify.Untrusted as refusal:
            # It may be the certificate of an ordinary client; its headers then count for nothing.
            self._throttled.warn(_complaint(refusal, credentials=credentials, proxy=proxy))
            return None
        return _sayable(_user(name, headers=credentials.headers, proxy=proxy))


def _verify(chain: tuple[bytes, ...], *, proxy: FrontProxy, now: datetime) -> None:
    if not chain:
        raise verify.Untrusted("none was presented; does the kube-apiserver have --proxy-client-cert-file?")
    certificate = proxy.authorities.verify(chain, now=now)
    name = verify.common_name(certificate)
    if proxy.allowed_names and name not in proxy.allowed_names:
        raise verify.Untrusted(f"its common name {name!r} is not allowed")


def _complaint(
    refusal: verify.Untrusted, *, credentials: authenticator.Credentials, proxy: FrontProxy
) -> str:
    return (
        "front-proxy authentication failed, its headers are ignored: "
        f"presented: {verify.presented(credentials.certificates)}; "
        f"expected issuer: {proxy.authorities.names}; "
        f"allowed names: {', '.join(sorted(proxy.allowed_names)) or 'any'}; "
        f"the certificate was refused because {refusal}"
    )


def _user(name: str, *, headers: multidict.CIMultiDictProxy[str], proxy: FrontProxy) -> authenticator.User:
    return authenticator.User(
        name=name,
        groups=tuple(_values(headers, names=proxy.group_headers)),
        uid=next(_values(headers, names=proxy.uid_headers), ""),
        extra=authenticator.extras(headers, prefixes=proxy.extra_prefixes),
    )


def _values(headers: multidict.CIMultiDictProxy[str], *, names: tuple[str, ...]) -> Iterator[str]:
    """The non-empty values of the headers with these names, in the order of the names."""
    for name in names:
        yield from filter(None, headers.getall(name, ()))


def _sayable(user: authenticator.User) -> authenticator.User:
    if not user.is_sayable:
        raise errors.Unauthorized("Unauthorized: the front proxy's headers are not UTF-8")
    return user
