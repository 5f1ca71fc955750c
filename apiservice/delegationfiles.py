"""A delegation that its operator gives in files, instead of the one the cluster publishes or beside it."""

import pathlib
import time
from collections.abc import Callable, Sequence

from apiservice import delegation, frontproxy, reloading, trust


class DelegationFiles:
    """Bundles of certificates in PEM. Both are re-read when they change; the headers are the usual ones."""

    def __init__(
        self,
        *,
        client_ca: pathlib.Path | None = None,
        front_proxy_ca: pathlib.Path | None = None,
        allowed_names: frozenset[str] = frozenset(),
        every: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises `OSError` or `trust.BadAuthorities` where a file cannot be used from the start."""

        def proxy(contents: Sequence[bytes]) -> frontproxy.FrontProxy:
            return frontproxy.FrontProxy(
                authorities=_authorities(contents),
                allowed_names=allowed_names,
                uid_headers=("X-Remote-Uid",),
            )

        self._clients = (
            reloading.Reloading((client_ca,), make=_authorities, every=every, clock=clock)
            if client_ca
            else None
        )
        self._proxy = (
            reloading.Reloading((front_proxy_ca,), make=proxy, every=every, clock=clock)
            if front_proxy_ca
            else None
        )

    def current(self) -> delegation.Delegation:
        return delegation.Delegation(
            clients=self._clients.current() if self._clients else None,
            front_proxy=self._proxy.current() if self._proxy else None,
        )


def _authorities(contents: Sequence[bytes]) -> trust.Authorities:
    return trust.Authorities(contents[0])
