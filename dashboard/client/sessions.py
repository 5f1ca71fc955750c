"""Open a session of requests with the TLS, proxy and credential of a kubeconfig, and with nothing of the
environment that would replace them.
"""

import ssl
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any
from urllib import parse

import requests
import requests.utils
import urllib3

from dashboard.client import credential, faults, kubeconfig, limits


class _Adapter(limits.Adapter):
    """Adds headers to each request; a name may occur several times, which requests cannot send."""

    def __init__(self, *, headers: Sequence[tuple[str, str]]) -> None:
        self._headers = headers
        super().__init__(pool_maxsize=16)

    def send(self, request: requests.PreparedRequest, *given: Any, **named: Any) -> requests.Response:
        """Send the request with the additional headers, in UTF-8."""
        if self._headers:
            headers = urllib3.HTTPHeaderDict(request.headers)
            for name, value in self._headers:
                headers.add(name, value.encode().decode("latin-1"))
            request.headers = headers  # type: ignore[assignment]
        return super().send(request, *given, **named)


class _PinnedAdapter(_Adapter):
    """TLS with exactly the given context.

    By default requests adds its bundle of public CAs to every context. Then anyone with a public certificate
    for the API's host name could read the token.
    """

    def __init__(
        self, *, context: ssl.SSLContext, server_name: str, headers: Sequence[tuple[str, str]]
    ) -> None:
        self._tls: dict[str, Any] = {"ssl_context": context}
        if server_name:
            self._tls |= {"server_hostname": server_name, "assert_hostname": server_name}
        super().__init__(headers=headers)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **pool: Any) -> None:
        """Create the pools with the given context."""
        super().init_poolmanager(connections, maxsize, block, **pool, **self._tls)

    def proxy_manager_for(self, proxy: str, **pool: Any) -> Any:
        """The pools behind a proxy, with the given context."""
        return super().proxy_manager_for(proxy, **pool, **self._tls)

    def cert_verify(self, *_: Any, **__: Any) -> None:
        """Do nothing: the context has the CAs."""


def proxies(cluster: kubeconfig.Entry) -> Mapping[str, str]:
    """The proxy of the cluster, else those of the environment. Raises `faults.Unconfigured`."""
    server, own = cluster.text("server"), cluster.text("proxy-url")
    found = {"https": own} if own else requests.utils.get_environ_proxies(server)
    chosen = requests.utils.select_proxy(server, found)
    scheme = parse.urlsplit(chosen).scheme if chosen and "://" in chosen else "http"
    if scheme not in ("http", "https"):
        where = f"proxy-url of cluster {cluster.name!r}" if own else "proxy of the environment (HTTPS_PROXY)"
        raise faults.Unconfigured(
            f"The {where} is {scheme}://, and only http:// and https:// are supported here. Give such a "
            "proxy, or a server address that needs none, such as that of `kubectl proxy` or of an SSH tunnel."
        )
    return found


def open_session(
    cluster: kubeconfig.Entry, secret: credential.Credential, impersonation: Sequence[tuple[str, str]]
) -> requests.Session:
    """A session with the cluster's CAs and proxy, the credential, and headers that impersonate. Raises
    `faults.Unconfigured`.
    """
    session = requests.Session()
    # Otherwise ~/.netrc would replace the Authorization header, and REQUESTS_CA_BUNDLE the CAs.
    session.trust_env = False
    session.proxies.update(proxies(cluster))
    session.headers["Accept"] = "application/json"
    session.headers["User-Agent"] = "trafficmetrics-dashboard"
    if secret.token:
        session.headers["Authorization"] = f"Bearer {secret.token}"
    adapter = _PinnedAdapter(
        context=_tls(cluster, secret), server_name=cluster.text("tls-server-name"), headers=impersonation
    )
    session.mount("https://", adapter)
    session.mount("http://", _Adapter(headers=impersonation))
    return session


def _tls(cluster: kubeconfig.Entry, secret: credential.Credential) -> ssl.SSLContext:
    ca_edition = cluster.content("certificate-authority")
    try:
        context = ssl.create_default_context(cadata=ca_edition or None)
        # Python 3.13 refuses CA certificates without key identifiers, which many clusters have.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if secret.certificate:
            # OpenSSL loads client certificates from files only.
            with tempfile.NamedTemporaryFile("w", suffix=".pem") as pem:
                pem.write(f"{secret.certificate}\n{secret.key}")
                pem.flush()
                # Without a password, OpenSSL would prompt on the terminal for an encrypted key's.
                context.load_cert_chain(pem.name, password=lambda: b"")
    except (ssl.SSLError, ValueError) as error:
        raise faults.Unconfigured(
            f"The certificates for cluster {cluster.name!r} in the kubeconfig cannot be loaded: "
            f"{' '.join(str(error).split())}. Correct them."
        ) from error
    return context
