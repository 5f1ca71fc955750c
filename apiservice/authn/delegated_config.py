"""The cluster's settings for delegated authentication: its front proxy, and the CA of client certificates.

Both are replaced together as one value, so a request never sees the allowed names of one version with the CA
of another. If a part is empty or cannot be read, the last good version of it stays in use.
https://kubernetes.io/docs/tasks/extend-kubernetes/configure-aggregation-layer/#kubernetes-apiserver-client-authentication
"""

import dataclasses
import json
from collections.abc import Mapping

from apiservice.authn import request_header
from apiservice.x509 import verify


class BadDelegation(ValueError):
    """The ConfigMap cannot be used. The message names the key."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Delegation:
    """The CA of client certificates, and the front proxy. A part that is `None` authenticates no request."""

    clients: verify.Authorities | None = None
    front_proxy: request_header.FrontProxy | None = None

    @property
    def authorities(self) -> bytes:
        """All CA certificates that TLS has to accept, in DER."""
        proxies = self.front_proxy.authorities if self.front_proxy else None
        return b"".join(each.der for each in (self.clients, proxies) if each is not None)

    def or_else(self, other: "Delegation") -> "Delegation":
        """This delegation, with its unknown parts taken from the other."""
        return Delegation(
            clients=self.clients or other.clients, front_proxy=self.front_proxy or other.front_proxy
        )

    def __str__(self) -> str:
        clients = self.clients.names if self.clients else "no CA"
        proxies = self.front_proxy.authorities.names if self.front_proxy else "no CA"
        return f"the front proxy is certified by {proxies}, clients by {clients}"


EMPTY = Delegation()
"""No request is authenticated."""


def parse(data: Mapping[str, str]) -> Delegation:
    """The delegation in the data of ConfigMap `extension-apiserver-authentication`.

    Raises `BadDelegation`.
    """
    clients = _authorities(data, key="client-ca-file")
    proxies = _authorities(data, key="requestheader-client-ca-file")
    if proxies is None:
        return Delegation(clients=clients)
    return Delegation(
        clients=clients,
        front_proxy=request_header.FrontProxy(
            authorities=proxies,
            allowed_names=frozenset(_texts(data, key="requestheader-allowed-names")),
            user_headers=_texts(data, key="requestheader-username-headers"),
            uid_headers=_texts(data, key="requestheader-uid-headers"),
            group_headers=_texts(data, key="requestheader-group-headers"),
            extra_prefixes=_texts(data, key="requestheader-extra-headers-prefix"),
        ),
    )


def _authorities(data: Mapping[str, str], *, key: str) -> verify.Authorities | None:
    pem = data.get(key, "")
    if not pem.strip():
        return None
    try:
        return verify.Authorities(pem.encode())
    except verify.BadAuthorities as error:
        raise BadDelegation(f"{key}: {error}") from error


def _texts(data: Mapping[str, str], *, key: str) -> tuple[str, ...]:
    """A JSON list of strings; empty if the key is missing or empty."""
    text = data.get(key, "")
    if not text.strip():
        return ()
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadDelegation(f"{key}: not JSON: {error}") from error
    # With an empty prefix, every header would count as a header of the front proxy.
    if not isinstance(values, list) or not all(isinstance(each, str) and each.strip() for each in values):
        raise BadDelegation(f"{key}: not a list of non-empty strings")
    return tuple(each.strip() for each in values)
