"""Whom the cluster lets speak for users: its front proxy, and the authority of its client certificates.

Both are swapped as one value, so a request never meets the names of one and the authority of another. What
the cluster publishes is kept as it was last good: an empty or broken part takes nothing away.
https://kubernetes.io/docs/tasks/extend-kubernetes/configure-aggregation-layer/#kubernetes-apiserver-client-authentication
"""

import dataclasses
import json
from collections.abc import Mapping

from apiservice.authn import request_header
from apiservice.x509 import verify


class BadDelegation(ValueError):
    """It cannot be understood, and which part of it."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Delegation:
    """Either part may be unknown, and then nobody is believed on its account."""

    clients: verify.Authorities | None = None
    front_proxy: request_header.FrontProxy | None = None

    @property
    def authorities(self) -> bytes:
        """All that TLS has to trust, in DER."""
        proxies = self.front_proxy.authorities if self.front_proxy else None
        return b"".join(each.der for each in (self.clients, proxies) if each is not None)

    def or_else(self, other: "Delegation") -> "Delegation":
        """With the parts of the other that are unknown here."""
        return Delegation(
            clients=self.clients or other.clients, front_proxy=self.front_proxy or other.front_proxy
        )

    def __str__(self) -> str:
        clients = self.clients.names if self.clients else "nobody"
        proxies = self.front_proxy.authorities.names if self.front_proxy else "nobody"
        return f"the front proxy is certified by {proxies}, clients by {clients}"


NOBODY = Delegation()


def parse(data: Mapping[str, str]) -> Delegation:
    """From the ConfigMap `extension-apiserver-authentication`."""
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
    """A list written as JSON; none where there is nothing."""
    text = data.get(key, "")
    if not text.strip():
        return ()
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadDelegation(f"{key}: not JSON: {error}") from error
    # An empty prefix would take every header for one of the front proxy's.
    if not isinstance(values, list) or not all(isinstance(each, str) and each.strip() for each in values):
        raise BadDelegation(f"{key}: not a list of texts that say something")
    return tuple(each.strip() for each in values)
